"""A student as the teacher of the next round: its completions are the answers."""

import logging
from collections.abc import Generator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from extraction.teacher_local import fingerprint
from kg.errors import KGError, TeacherError
from kg.recipe import Section
from kg.records import Generation, Prompt, digest

if TYPE_CHECKING:
    from kg.student import LanguageModelStudent

log = logging.getLogger(__name__)
VERSION = "1"  # raise it when the same student and prompt are answered otherwise


class StudentTeacher:
    """A Teacher that asks a student for the tails of a prompt's head and relation; what else is in the prompt it does
    not read. Sample 0 of a prompt gets the best completion, sample 1 the next, and nothing when there are no more.
    """

    class Options(Section):
        """`folder` is what `kg train --out` wrote; `device` is as in `kg.models.load_model`.

        A prompt's sample is one of the `k` best completions of its head and relation or, with `top_p`, one of those
        that `k` draws by nucleus sampling give, which find more that is new.
        """

        folder: str
        k: int = Field(5, ge=1)
        top_p: float | None = Field(None, gt=0, le=1)
        batch_size: int = Field(256, ge=1)
        device: str = "auto"

    def __init__(self, options: Options, seed: int) -> None:
        """Raises TeacherError when there is no student in the folder."""
        self.options = options
        self._seed = seed
        self.batch_size = options.batch_size
        self._folder = Path(options.folder).expanduser()
        if not (self._folder / "student.json").is_file():
            raise TeacherError(f"{self._folder} is no student: give the folder that `kg train --out` wrote")
        self.name = f"student:{self._folder.name}"
        drawn = [str(options.top_p), str(seed)] if options.top_p is not None else []
        self.version = digest(VERSION, fingerprint(self._folder), str(options.batch_size), str(options.k), *drawn)

    def generate(self, prompts: Sequence[Prompt]) -> Generator[Generation]:
        """One generation a prompt, in order; an empty one for a relation that the student was not trained on.

        Raises TeacherError for a prompt that asks for heads, and for a damaged student.
        """
        if any(not prompt.relation for prompt in prompts):
            raise TeacherError(f"{self.name}: a student completes heads and makes no new ones: set heads.count = 0")
        for start in range(0, len(prompts), self.batch_size):
            yield from self._answers(prompts[start : start + self.batch_size])

    @cached_property
    def _student(self) -> "LanguageModelStudent":
        from kg.student import LanguageModelStudent

        try:
            return LanguageModelStudent.load(self._folder, self.options.device)
        except KGError as error:
            raise TeacherError(f"{self.name}: {error}") from error

    def _answers(self, prompts: Sequence[Prompt]) -> list[Generation]:
        queries = dict.fromkeys((p.head, p.relation) for p in prompts)
        known = [query for query in queries if query[1] in self._student.wordings]
        if len(known) < len(queries):
            unknown = sorted({relation for _, relation in queries} - set(self._student.wordings))
            log.warning("%s was not trained on %s: it says nothing there", self.name, ", ".join(unknown))
        k, top_p = self.options.k, self.options.top_p
        completions_of = (
            self._student.complete(known, k) if top_p is None
            else self._student.draw(known, k, top_p=top_p, seed=self._seed)
        )
        found = dict(zip(known, completions_of, strict=True))
        chosen = [
            (prompt, completions[prompt.sample].triple) for prompt in prompts
            if prompt.sample < len(completions := found.get((prompt.head, prompt.relation), []))
        ]
        means = self._student.score([triple for _, triple in chosen])
        lengths = [len(example.target) for example in self._student.examples([triple for _, triple in chosen])]
        said = {
            prompt.id: Generation(prompt.id, self.name, triple.tail, min(mean, 0.0) * length, length)
            for (prompt, triple), mean, length in zip(chosen, means, lengths, strict=True)
        }
        return [said.get(prompt.id) or Generation(prompt.id, self.name, "") for prompt in prompts]
