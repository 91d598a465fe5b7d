"""Students without a language model: floors that a trained one must beat.

`frequency` proposes the commonest tails of the relation, whatever the head. `nearest` lets the most similar heads that
have the relation vote (k nearest neighbours; Cover and Hart 1967), similar by the cosine of an encoder's vectors.

The folder has `student.json`, the triples as Parquet and, for `nearest`, the vectors of the heads as safetensors.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from pydantic import Field
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from kg.errors import StudentError, UnknownNameError
from kg.metrics import Array
from kg.normal import normal_form
from kg.ontology import Ontology
from kg.records import Completion, Triple
from kg.run import Progress, read_parquet, silent, write_atomically, write_parquet
from kg.score_calibration import calibrate
from kg.sentence_vectors import ENCODER, SentenceEncoder, sentence_vectors
from kg.splits import SplitOptions
from kg.student_folder import (
    FORMAT,
    SETTINGS,
    Wording,
    check_parts,
    make_folder,
    read_settings,
    sizes,
    training_key,
    word_relations,
)

TRIPLES, VECTORS = "triples.parquet", "heads.safetensors"
_SCHEMA = pa.schema(
    [pa.field(name, pa.string(), nullable=False) for name in ("head", "relation", "tail")]
    + [pa.field("negated", pa.bool_(), nullable=False)]
)
_ROWS = 512  # queries whose similarities are taken at a time


class FrequencyStudent:
    """The commonest tails of a relation. Tails of one normal form are one, in their commonest wording."""

    name: str = "frequency"

    class Options(SplitOptions):
        """None of its own."""

    def __init__(self, triples: Iterable[Triple], wordings: Mapping[str, Wording], settings: dict[str, Any]) -> None:
        self.triples = list(triples)
        self.wordings = dict(wordings)
        self.settings = settings

    @classmethod
    def train(
        cls, parts: Mapping[str, Sequence[Triple]], out: Path, options: Any, ontology: Ontology,
        minutes: float | None = None, seed: int = 0, progress: Progress = silent,
    ) -> Self:
        """Learns the part `train`, calibrates its scores on `dev`; saves in `out`. Takes seconds, whatever `minutes`.

        Raises StudentError when there is nothing to learn.
        """
        check_parts(parts, minutes, out)
        began = time.monotonic()
        student = cls.of(parts["train"], ontology, options, progress)
        key = training_key(options, seed, [*parts["train"], *parts["dev"]])
        student.settings |= {"seed": seed, "key": key, "minutes": minutes}
        kinds = {label: w.tail for label, w in student.wordings.items()}
        student.settings["calibration"] = calibrate(student.complete, student.known(parts["dev"]), kinds)
        student.settings["metrics"] = sizes(parts) | {"seconds": round(time.monotonic() - began, 1)}
        for name in ("dev", "test"):
            student.settings[f"heads_{name}"] = list(dict.fromkeys(t.head for t in parts[name]))
        student.save(out)
        return student

    @classmethod
    def of(
        cls, triples: Sequence[Triple], ontology: Ontology, options: Any = None, progress: Progress = silent
    ) -> Self:
        """The student of these triples, uncalibrated."""
        options = options or cls.Options()
        settings = {"format": FORMAT, "kind": cls.name, "options": options.model_dump()}
        student = cls(triples, word_relations(triples, ontology), settings)
        progress("learning", len(triples), len(triples))
        return student

    @property
    def relations(self) -> Collection[str]:
        """The names of the relations that it knows, with the prefix `Not` for denied ones."""
        return self.wordings

    def known(self, triples: Sequence[Triple]) -> list[Triple]:
        """The triples whose relations the student knows."""
        return [t for t in triples if list(t)[1] in self.wordings]

    def complete(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (head, relation) at most `k` completions, distinct by normal form, best first.

        The score is the share of the relation's triples. An empty head gets none. Raises UnknownNameError.
        """
        self._check(label for _, label in queries)
        return [
            self._completions(head, label, self._shares(label), k) if head.strip() else [] for head, label in queries
        ]

    def score(self, triples: Sequence[Triple]) -> list[float]:
        """Natural log-probability of each tail for its relation, with one added to all counts, a word of the tail.

        A word is what a language model's token is to its score; the end counts as one. Raises UnknownNameError.
        """
        self._check(list(t)[1] for t in triples)
        return [math.log(self._prior(list(t)[1], self._key(t))) / (len(t.tail.split()) + 1) for t in triples]

    def save(self, path: Path) -> None:
        """Writes the folder that `load` reads."""
        make_folder(path)
        write_parquet(path / TRIPLES, _SCHEMA, (
            {"head": t.head, "relation": t.relation, "tail": t.tail, "negated": t.negated} for t in self.triples
        ))
        relations = {label: {"relation": w.relation, "negated": w.negated, "phrase": w.phrase, "tail": w.tail}
                     for label, w in self.wordings.items()}
        settings = json.dumps({**self.settings, "relations": relations}, indent=1, ensure_ascii=True)
        write_atomically(path / SETTINGS, settings + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a student's folder. Raises StudentError when it holds none, one of another kind, or a damaged one."""
        settings = read_settings(path)
        try:
            if settings["kind"] != cls.name:
                raise KeyError(f"it is of the kind {settings['kind']}")
            wordings = {label: Wording(**w) for label, w in settings.pop("relations").items()}
            return cls([Triple(**row) for row in read_parquet(path / TRIPLES)], wordings, settings)
        except (OSError, pa.ArrowException, KeyError, TypeError) as error:
            raise StudentError(f"{path} holds a damaged student: train it again ({error})") from error

    @cached_property
    def _counts(self) -> dict[str, Counter[str]]:
        """Triples by relation and normal form of the tail."""
        found: dict[str, Counter[str]] = {label: Counter() for label in self.wordings}
        for triple in self.triples:
            found[list(triple)[1]][self._key(triple)] += 1
        return found

    @cached_property
    def _texts(self) -> dict[tuple[str, str], str]:
        """The commonest wording of each tail, by relation and normal form."""
        wordings: dict[tuple[str, str], Counter[str]] = {}
        for t in self.triples:
            wordings.setdefault((list(t)[1], self._key(t)), Counter())[" ".join(t.tail.split())] += 1
        return {key: texts.most_common(1)[0][0] for key, texts in wordings.items()}

    def _key(self, triple: Triple) -> str:
        return normal_form(triple.tail, self.wordings[list(triple)[1]].tail)

    def _check(self, labels: Iterable[str]) -> None:
        for label in labels:
            if label not in self.wordings:
                raise UnknownNameError("relation (of this student)", label, self.wordings)

    def _shares(self, label: str) -> dict[str, float]:
        counts = self._counts[label]
        return {key: n / counts.total() for key, n in counts.items()}

    def _prior(self, label: str, key: str) -> float:
        counts = self._counts[label]
        return (counts[key] + 1) / (counts.total() + len(counts) + 1)

    def _completions(self, head: str, label: str, scores: Mapping[str, float], k: int) -> list[Completion]:
        """The tails with the best scores; of equal ones those that are commoner in the relation."""
        counts, wording = self._counts[label], self.wordings[label]
        best = sorted(scores, key=lambda key: (-scores[key], -counts[key]))[:k]
        triples = [Triple(head, wording.relation, self._texts[label, key], wording.negated) for key in best]
        return [Completion(t, min(1.0, scores[key]), self.name) for t, key in zip(triples, best, strict=True)]


class NearestStudent(FrequencyStudent):
    """The tails of the most similar heads that have the relation, each head a vote of the weight of its similarity."""

    name: str = "nearest"

    class Options(SplitOptions):
        """`neighbours` heads vote; `encoder` is a packaged model, a folder or a hub id."""

        encoder: str = ENCODER
        neighbours: int = Field(10, ge=1)

    def __init__(self, triples: Iterable[Triple], wordings: Mapping[str, Wording], settings: dict[str, Any]) -> None:
        super().__init__(triples, wordings, settings)
        self.heads = list(dict.fromkeys(t.head for t in self.triples))
        self.vectors: Array = np.empty((0, 0))  # heads x size of the encoder, rows of length 1: set by `of` and `load`

    @classmethod
    def of(
        cls, triples: Sequence[Triple], ontology: Ontology, options: Any = None, progress: Progress = silent
    ) -> Self:
        """The student of these triples, uncalibrated. Raises TeacherError for an encoder that cannot be loaded."""
        student = super().of(triples, ontology, options)
        student.vectors = sentence_vectors(student.heads, student.settings["options"]["encoder"], progress)
        return student

    def complete(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """As `FrequencyStudent.complete`; the score is the share of the voters' weight that has the tail."""
        return self._elect(queries, k, others=False)

    def complete_by_others(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """As `complete`, but what a query's own head is known to have (by its normal form) does not count.

        A query with an empty relation gets completions of any.
        """
        return self._elect(queries, k, others=True)

    def score(self, triples: Sequence[Triple]) -> list[float]:
        """Natural log-probability of each tail, a word of it: half by the votes, half by the relation's counts."""
        voters = self.neighbours([(t.head, list(t)[1]) for t in triples])
        found = []
        for t, heads in zip(triples, voters, strict=True):
            label, key = list(t)[1], self._key(t)
            shares = self._votes(label, heads)
            voted = shares.get(key, 0.0) / max(1.0, sum(shares.values()))
            found.append(math.log((voted + self._prior(label, key)) / 2) / (len(t.tail.split()) + 1))
        return found

    def neighbours(self, queries: Sequence[tuple[str, str]], others: bool = False) -> list[list[tuple[str, float]]]:
        """For each (head, relation) the heads that vote, with their cosines in [-1, 1], the most similar first.

        `others` leaves out heads of the query's normal form. With an empty relation heads of any count. Raises
        UnknownNameError.
        """
        self._check(label for _, label in queries if label)
        rows = self._encode([head for head, _ in queries])
        found: list[list[tuple[str, float]]] = [[] for _ in queries]
        for label in dict.fromkeys(label for _, label in queries):
            members = self._members[label]
            table = self.vectors[members]
            places = [i for i, query in enumerate(queries) if query[1] == label]
            for start in range(0, len(places), _ROWS):
                chunk = places[start : start + _ROWS]
                for i, cosines in zip(chunk, rows[chunk] @ table.T, strict=True):
                    found[i] = self._top(members, cosines, queries[i][0] if others else "")
        return found

    def save(self, path: Path) -> None:
        """Writes the folder that `load` reads."""
        make_folder(path)
        save_file({"vectors": np.ascontiguousarray(self.vectors, np.float32)}, path / VECTORS)
        super().save(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """As `FrequencyStudent.load`."""
        student = super().load(path)
        try:
            student.vectors = load_file(path / VECTORS)["vectors"]
        except (OSError, SafetensorError, KeyError) as error:
            raise StudentError(f"{path} holds a damaged student: train it again ({error})") from error
        return student

    def _elect(self, queries: Sequence[tuple[str, str]], k: int, others: bool) -> list[list[Completion]]:
        found = []
        for (head, label), voters in zip(queries, self.neighbours(queries, others), strict=True):
            labels = ([label] if label else self.wordings) if head.strip() else []
            ranked = [c for name in labels for c in self._completions(head, name, self._votes(name, voters), k)]
            found.append(sorted(ranked, key=lambda c: -c.score)[:k])
        return found

    def _votes(self, label: str, voters: Sequence[tuple[str, float]]) -> dict[str, float]:
        """Share of the voters' weight in [0, 1] by normal form of the tail; a head votes for each of its tails."""
        weights = {head: max(cosine, 1e-6) for head, cosine in voters}
        found: dict[str, float] = {}
        for head, weight in weights.items():
            for key in self._tails.get((head, label), ()):
                found[key] = found.get(key, 0.0) + weight / sum(weights.values())
        return found

    def _top(self, members: Array, cosines: Array, without: str) -> list[tuple[str, float]]:
        count = self.settings["options"]["neighbours"]
        if without:
            own = self._places.get(normal_form(without), [])
            cosines = np.where(np.isin(members, own), -np.inf, cosines)
        best = np.argsort(-cosines, kind="stable")[:count]
        return [(self.heads[members[i]], float(cosines[i])) for i in best if cosines[i] > -np.inf]

    def _encode(self, heads: Sequence[str]) -> Array:
        """Vectors of heads, of which those that it has are not encoded again."""
        new = sorted({head for head in heads if head not in self._known}, key=len)
        rows = dict(zip(new, self._encoder(new), strict=True)) if new else {}
        return np.array([rows[h] if h in rows else self.vectors[self._known[h]] for h in heads])

    @cached_property
    def _encoder(self) -> SentenceEncoder:
        return SentenceEncoder(self.settings["options"]["encoder"])

    @cached_property
    def _known(self) -> dict[str, int]:
        return {head: i for i, head in enumerate(self.heads)}

    @cached_property
    def _tails(self) -> dict[tuple[str, str], set[str]]:
        """Normal forms of the tails by head and relation."""
        found: dict[tuple[str, str], set[str]] = {}
        for t in self.triples:
            found.setdefault((t.head, list(t)[1]), set()).add(self._key(t))
        return found

    @cached_property
    def _members(self) -> dict[str, Array]:
        """Places in `heads` of those that have each relation; of all for an empty one."""
        return {"": np.arange(len(self.heads))} | {
            label: np.array([i for i, head in enumerate(self.heads) if (head, label) in self._tails])
            for label in self.wordings
        }

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Places in `heads` by normal form."""
        found: dict[str, list[int]] = {}
        for i, head in enumerate(self.heads):
            found.setdefault(normal_form(head), []).append(i)
        return found
