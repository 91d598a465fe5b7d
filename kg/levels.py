"""Levels of trust: cut-offs on a triple's score, and the part of a run's graph that passes one.

As in the release of ATOMIC-10X (West et al., NAACL 2022), `rec_0.5` is the cut-off that keeps half of what people find
valid; `prec_0.9` is the lowest one above which nine of ten are valid. An edge carries the strictest level that it
passes, so that every level is a view of one graph.
"""

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kg.errors import RunError, UnknownNameError
from kg.graph import FILES, GraphFiles
from kg.records import digest
from kg.run import Run, write_parquet
from kg.schemas import EDGES, NODES, PROVENANCE

ALIASES = {"high": "rec_0.5", "low": "rec_0.8"}  # what the release calls its strict and its mild filter
RECALLS = (0.5, 0.6, 0.7, 0.8, 0.9)
PRECISIONS = (0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Levels:
    """Cut-offs by name. A score passes a level when it is not below the cut-off."""

    cut_offs: Mapping[str, float]

    def of(self, score: float | None) -> str:
        """The strictest level that the score passes, or an empty string."""
        return next((name for name in self._ordered() if score is not None and score >= self.cut_offs[name]), "")

    def within(self, name: str) -> list[str]:
        """The level `name` (or an alias) and all that are stricter. Raises UnknownNameError."""
        known = ALIASES.get(name, name)
        if known not in self.cut_offs:
            aliases = (alias for alias, n in ALIASES.items() if n in self.cut_offs)
            raise UnknownNameError("level", name, [*self.cut_offs, *aliases])
        ordered = self._ordered()
        return ordered[: ordered.index(known) + 1]

    def _ordered(self) -> list[str]:
        """Names from the strictest on."""
        return sorted(self.cut_offs, key=lambda name: (-self.cut_offs[name], name))


def find_cut_offs(
    scores: Sequence[float], valid: Sequence[bool], recalls: Iterable[float] = RECALLS,
    precisions: Iterable[float] = PRECISIONS,
) -> Levels:
    """The highest cut-off for each recall and the lowest for each precision on judged triples.

    A precision that no cut-off reaches has no level. Raises RunError when no triple is valid.
    """
    order = np.argsort(-np.asarray(scores, float), kind="stable")
    found = np.asarray(scores, float)[order]
    hits = np.cumsum(np.asarray(valid, float)[order])
    if not len(hits) or not hits[-1]:
        raise RunError("none of the judged triples is valid: there is nothing to find cut-offs with")
    last = np.append(found[1:] != found[:-1], True)  # those of one score pass together
    found, recall, precision = found[last], hits[last] / hits[-1], (hits / np.arange(1, len(hits) + 1))[last]
    cut_offs = {f"rec_{r:g}": float(found[np.argmax(recall >= r - 1e-12)]) for r in recalls}
    for p in precisions:
        if (good := found[precision >= p]).size:
            cut_offs[f"prec_{p:g}"] = float(good[-1])
    return Levels(cut_offs)


def view(run: Run, name: str, levels: Levels) -> Run:
    """The part of a run that passes a level, as a run of its own in `levels/NAME` of the run's folder.

    It has the edges of the level, their nodes and their sources; answers and verdicts are those of the run. What says
    that nothing applies has no score and is left out. Made anew, with its stores, when the run's graph has changed.
    """
    names = set(levels.within(name))
    known = ALIASES.get(name, name)
    key = digest("view", run.digest("graph"), *sorted(names))
    path = run.path / "levels" / known
    if (path / "manifest.json").is_file() and (made := Run.open(path)).is_done("graph", key):
        return made
    shutil.rmtree(path, ignore_errors=True)
    part = Run.create(path, f"{run.id}.{known}", run.manifest["recipe"], run.manifest["seed"])
    for stage in (s for s in run.manifest["stages"] if s != "graph"):
        for file in run.manifest["stages"][stage]["sha256"]:
            _link(run.path / file, path / file)
        part.manifest["stages"][stage] = run.manifest["stages"][stage]
    started = time.monotonic()
    counts = _write(GraphFiles(run), part, names)
    source = {k: v for k, v in (run.stage("graph") or {}).items() if k == "source"}
    part.finish("graph", key, FILES, counts["edges"], started, counts=counts, **source)
    return part


def _write(graph: GraphFiles, part: Run, names: set[str]) -> dict[str, int]:
    """Writes the `.part` files of the view; returns rows by file."""
    edges: set[str] = set()
    ends: set[str] = set()

    def kept() -> Iterator[dict[str, Any]]:
        for e in graph.edges():
            if e["level"] in names:
                edges.add(e["id"])
                ends.update((e["head"], e["tail"]))
                yield e

    found = {"edges": write_parquet(part.part(FILES[1]), EDGES, kept())}
    return {
        "nodes": write_parquet(part.part(FILES[0]), NODES, (
            {**n, "nothing": []} for n in graph.nodes() if n["id"] in ends
        )),
        **found,
        "provenance": write_parquet(part.part(FILES[2]), PROVENANCE, (
            p for p in graph.provenance() if p["triple_id"] in edges
        )),
    }


def _link(source: Path, target: Path) -> None:
    """One file under two names; a copy where the file system has no links."""
    if source.is_file() and not target.exists():
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
