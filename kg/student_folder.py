"""What every kind of student has in its folder: `student.json`, with its relations, options, seed, figures and key."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kg.errors import StudentError
from kg.ontology import Kind, Ontology
from kg.protocols import Student
from kg.recipe import Section
from kg.records import Triple, digest
from kg.splits import SplitOptions

FORMAT = 1
SETTINGS = "student.json"
CHECKPOINT = "checkpoint.safetensors"  # of a training that is not done


@dataclass(frozen=True, slots=True)
class Wording:
    """How a student reads one relation: `phrase` between head and tail, `tail` the kind of node that it proposes."""

    relation: str
    negated: bool
    phrase: str
    tail: Kind = "Event"


class TrainedStudent(Student, Protocol):
    """A Student with what `student.json` says of it: `settings` has its kind, options, seed, key and figures."""

    Options: type[SplitOptions]
    settings: dict[str, Any]

    def known(self, triples: Sequence[Triple]) -> list[Triple]:
        """The triples whose relations the student knows."""
        ...


def word_relations(triples: Iterable[Triple], ontology: Ontology) -> dict[str, Wording]:
    """The wording of each relation of the triples, by its name as in a TSV row, in the order of the names."""
    used = {label: (t.relation, t.negated) for t in triples for label in [list(t)[1]]}
    found: dict[str, Wording] = {}
    for label, (name, negated) in sorted(used.items()):
        phrase = ontology[name].phrase if name in ontology else name
        tail: Kind = ontology[name].tail if name in ontology else "Event"
        found[label] = Wording(name, negated, f"it is not true that {phrase}" if negated else phrase, tail)
    return found


def training_key(options: Section, seed: int, triples: Sequence[Triple]) -> str:
    """Digest of all that the trained weights depend on; minutes and checkpoints may change between two starts.

    `triples` are those of the parts for training and for watching it, so that their shares need no place in it.
    """
    kept = options.model_dump(exclude={"held_out", "checkpoint_seconds", "tensorboard"})
    return digest(json.dumps(kept), str(seed), *(field for triple in triples for field in triple))


def check_parts(parts: Mapping[str, Sequence[Triple]], minutes: float | None, out: Path) -> None:
    """Raises StudentError when a student cannot be trained so, or not be saved in `out`."""
    if not parts["train"]:
        raise StudentError("no head is left to train on: give more triples")
    if minutes is not None and not 0 < minutes < math.inf:
        raise StudentError(f"minutes must be more than 0, not {minutes}")
    make_folder(out)


def sizes(parts: Mapping[str, Sequence[Triple]]) -> dict[str, Any]:
    """Numbers of triples and heads by part."""
    return {
        "triples": {name: len(part) for name, part in parts.items()},
        "heads": {name: len({t.head for t in part}) for name, part in parts.items()},
    }


def make_folder(path: Path) -> None:
    """Makes a student's folder. Raises StudentError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudentError(f"{path} cannot be a student's folder: {error.strerror}") from None


def read_settings(path: Path) -> dict[str, Any]:
    """What `student.json` of a student's folder says. Raises StudentError when it is missing or damaged."""
    file = path / SETTINGS
    if not file.is_file():
        unfinished = (path / CHECKPOINT).exists()
        what = "its training was interrupted: run the same `kg train` again" if unfinished else (
            "give the folder that `kg train --out` wrote"
        )
        raise StudentError(f"{path} is no student, it has no {SETTINGS}: {what}")
    try:
        settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if settings["format"] != FORMAT:
            raise StudentError(f"{file} has format {settings['format']}, this version reads {FORMAT}: train it again")
    except (ValueError, KeyError, TypeError) as error:
        raise StudentError(f"{file} is damaged ({error}): train the student again") from None
    return settings
