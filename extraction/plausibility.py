"""The trained critic in a build."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from kg.ontology import Ontology
from kg.recipe import Section
from kg.records import Claim, Verdict, digest

if TYPE_CHECKING:
    from extraction.plausibility_model import PlausibilityModel


class PlausibilityCritic:
    """Drops what a critic trained by `kg train-critic` finds implausible; the score is the probability."""

    name = "plausibility"
    batch = 1024  # claims read ahead

    class Options(Section):
        """`folder` is the critic's, `minimum` the lowest probability that is kept."""

        folder: str
        minimum: float = Field(0.5, ge=0, le=1)

    def __init__(self, options: Options, ontology: Ontology) -> None:
        from extraction.plausibility_model import read_settings

        self._folder = Path(options.folder).expanduser()
        self._minimum = options.minimum
        self._ontology = ontology
        weights = read_settings(self._folder)
        self.version = digest(self.name, "1", str(options.minimum), repr(weights), *map(repr, ontology))

    @cached_property
    def _model(self) -> "PlausibilityModel":
        from extraction.plausibility_model import PlausibilityModel

        return PlausibilityModel.load(self._folder)

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        """One verdict a claim, in order; `batch` claims are read ahead."""
        waiting = iter(claims)
        while chunk := [claim.candidate for claim in islice(waiting, self.batch)]:
            found = self._model.probabilities([candidate.triple for candidate in chunk], self._ontology)
            for candidate, probability in zip(chunk, found.tolist(), strict=True):
                if probability < self._minimum:
                    yield Verdict(candidate.id, self.name, "drop", probability, "implausible to the trained critic")
                else:
                    yield Verdict(candidate.id, self.name, "keep", probability)
