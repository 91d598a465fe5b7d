"""Labels that people give to triples, in a log that many reviewers and processes write at once and that only grows.

A line of `reviews.jsonl` is one act of one reviewer: a label, a skip, or the undoing of one of these. An act has an id
that whoever asks for it makes up: an act that is sent again, because an answer was lost, counts once.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from kg.errors import InputError, RunError
from kg.records import Triple

FILE = "reviews.jsonl"
# The scale on which ATOMIC 2020 was reviewed (Hwang et al., AAAI 2021; crowdsource/tuple_evaluation.html)
SCALE = {
    1: "always or often",
    2: "sometimes or likely",
    3: "farfetched or never",
    4: "invalid: makes no sense",
    5: "too unfamiliar to judge",
}
UNFAMILIAR = 5  # is no vote
Kind = Literal["label", "skip", "undo"]


@dataclass(frozen=True, slots=True)
class Act:
    """What a reviewer did. `label` is a key of SCALE for a label, else 0; `undoes` is the id of an act, or empty."""

    id: str
    reviewer: str
    kind: Kind
    triple_id: str
    triple: Triple
    label: int = 0
    outdated: bool = False
    offensive: bool = False
    undoes: str = ""
    time: str = ""  # ISO 8601, UTC; set when the act is written

    def __post_init__(self) -> None:
        """Raises InputError for an act that cannot be."""
        if self.kind not in get_args(Kind) or (self.label in SCALE) != (self.kind == "label"):
            raise InputError(f"a label is one of {', '.join(map(str, SCALE))}, and goes with a label only")
        if not self.id or (self.kind == "undo") != bool(self.undoes):
            raise InputError("an act has an id, and an undo names the act that it undoes")
        if self.reviewer != " ".join(self.reviewer.split()) or not self.reviewer.isprintable() or not self.reviewer:
            raise InputError("a reviewer's name must be printable and not empty")

    def is_same(self, other: "Act") -> bool:
        """Whether both say the same, whenever they were written."""
        return {**asdict(self), "time": ""} == {**asdict(other), "time": ""}


class ReviewLog:
    """The acts in a run's folder, as they stand. Threads and processes may write at once; see `append`."""

    def __init__(self, path: Path) -> None:
        """`path` is the log's file, which need not be there. Raises RunError for a damaged one."""
        self.path = path
        self._mutex = threading.RLock()
        self._end = 0  # bytes that have been read: whole lines
        self._acts: dict[str, Act] = {}
        self._standing: dict[str, dict[str, list[Act]]] = {}  # by triple and reviewer: not undone, oldest first
        self._by_reviewer: dict[str, dict[str, Act]] = {}  # by act: not undone, oldest first
        self.refresh()

    def append(self, act: Act) -> bool:
        """Adds an act, which is on the disk when this returns; False when it was there already.

        Raises InputError for an id that has another act, or an undo of what does not stand.
        """
        with self._mutex, open(self.path, "a+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._read(handle)
            if known := self._acts.get(act.id):
                if not known.is_same(act):
                    raise InputError(f"the id {act.id} was used for another act: every act needs an id of its own")
                return False
            if act.kind == "undo" and act.undoes not in self._by_reviewer.get(act.reviewer, {}):
                raise InputError("there is no such act to undo: it was undone before, or is another reviewer's")
            handle.truncate(self._end)  # half a line of a process that was killed
            row = {**asdict(act), "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
            handle.write(json.dumps(row, ensure_ascii=True).encode() + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
            if not self._end:
                _sync_folder(self.path.parent)
            self._read(handle)
            return True

    def refresh(self) -> None:
        """Reads what other processes have written since."""
        with self._mutex:
            if self.path.is_file() and self.path.stat().st_size > self._end:
                with open(self.path, "rb") as handle:
                    self._read(handle)

    def standing(self, triple_id: str) -> dict[str, Act]:
        """The label or skip of each reviewer of a triple that counts: the last one that was not undone."""
        with self._mutex:
            return {who: acts[-1] for who, acts in self._standing.get(triple_id, {}).items() if acts}

    def labels(self) -> Iterator[tuple[str, dict[str, Act]]]:
        """(triple id, label of each reviewer) for each triple that has one, in the order of their first labels."""
        for triple_id in list(self._standing):
            if found := {who: act for who, act in self.standing(triple_id).items() if act.kind == "label"}:
                yield triple_id, found

    def last(self, reviewer: str) -> Act | None:
        """What the reviewer would undo next."""
        with self._mutex:
            return next(reversed(self._by_reviewer.get(reviewer, {}).values()), None)

    def counts(self) -> dict[str, int]:
        """Labels that stand, by reviewer."""
        with self._mutex:
            found = dict.fromkeys(self._by_reviewer, 0)
            for _, given in self.labels():
                for reviewer in given:
                    found[reviewer] += 1
            return found

    def _read(self, handle: BinaryIO) -> None:
        handle.seek(self._end)
        for line in handle:
            if not line.endswith(b"\n"):
                break
            try:
                row: dict[str, Any] = json.loads(line)
                act = Act(**{**row, "triple": Triple(**row["triple"])})
            except (ValueError, TypeError, KeyError, InputError) as error:
                raise RunError(f"{self.path}, after byte {self._end}: not an act of a reviewer: {error}") from None
            self._end += len(line)
            if act.id not in self._acts:
                self._fold(act)

    def _fold(self, act: Act) -> None:
        self._acts[act.id] = act
        own = self._by_reviewer.setdefault(act.reviewer, {})
        if act.kind != "undo":
            own[act.id] = act
            self._standing.setdefault(act.triple_id, {}).setdefault(act.reviewer, []).append(act)
        elif undone := own.pop(act.undoes, None):
            self._standing[undone.triple_id][act.reviewer].remove(undone)


def is_valid(labels: list[int]) -> bool | None:
    """Whether most of the labels are 1 or 2 rather than 3 or 4; None when as many are, or nobody could judge."""
    votes = sum(1 if label <= 2 else -1 for label in labels if label != UNFAMILIAR)
    return votes > 0 if votes else None


def _sync_folder(folder: Path) -> None:
    """Puts the name of a new file on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
