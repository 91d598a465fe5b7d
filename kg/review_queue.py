"""Which triples people should look at first: those that the critics doubt.

Each critic leans on a triple with a number in [-1, 1]. One that scores leans the more, the more of the scores that
it keeps (or drops) lie between the triple's and its cut-off; one that abstains leans 0; a rule that drops leans -1, and
one that keeps is not counted, for rules keep whatever they cannot fault. The doubt of a triple is 1 minus the size of
the mean of all leanings: near 1 where critics are unsure or disagree, near 0 where they are sure and agree.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.graph import FILES, node_id
from kg.ontology import NOTHING, Kind, Ontology
from kg.records import Candidate, Triple
from kg.run import Run, read_parquet
from kg.schemas import candidate_from

LONGEST = 10_000  # triples in a queue
_EVEN = 0.5  # cut-off of a score that no critic gave

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Item:
    """A triple to look at. `id` is that of the graph's edge, `doubt` is in [0, 1].

    `source` is what to show of where it was read: a candidate, or None for an imported triple.
    """

    id: str
    triple: Triple
    doubt: float
    kept: bool
    source: Candidate | None


def queue(run: Run, ontology: Ontology, longest: int = LONGEST) -> list[Item]:
    """The triples of a run, whether kept or dropped, that are most in doubt, the most doubtful first.

    Equal ones are in an order that says nothing about them. Raises RunError for a run without a graph.
    """
    run.require("graph")
    items = _judged(run, ontology) if run.stage("verdicts") else _imported(run)
    return heapq.nsmallest(longest, items, key=lambda item: (-item.doubt, item.id))


def leanings(scores: Floats, cut: float) -> Floats:
    """How far each score is from the cut-off: the share of the scores on its side that lie between, below it negative.

    No score (NaN) leans 0.
    """
    given = np.sort(scores[~np.isnan(scores)])
    rank = (np.searchsorted(given, scores, "left") + np.searchsorted(given, scores, "right")) / 2
    below = int(np.searchsorted(given, cut))
    between = (rank - below) / np.where(rank > below, max(len(given) - below, 1), max(below, 1))
    return np.where(np.isnan(scores), 0.0, between)


def cut_off(scores: Floats, dropped: npt.NDArray[np.bool_]) -> float:
    """The score at which a critic begins to keep, as its own verdicts show: midway between the two, or at the end."""
    below, above = scores[dropped], scores[~dropped]
    highest = np.nanmax(below) if below.size else np.nanmin(above)
    lowest = np.nanmin(above) if above.size else highest
    return float((highest + lowest) / 2)


def _judged(run: Run, ontology: Ontology) -> Iterator[Item]:
    leaning, dropped = _verdicts(run)
    found: dict[str, list[Any]] = {}  # edge id -> [sum of leanings, number of them, whether kept, candidate]
    for row in map(candidate_from, read_parquet(run.require("candidates"))):
        edge = edge_id(row.triple, ontology)
        if not edge:
            continue
        total, count = leaning.get(row.id, (0.0, 0))
        kept = row.id not in dropped
        known = found.setdefault(edge, [0.0, 0, kept, row])
        if kept and not known[2]:
            known[2:] = [True, row]  # what is shown is a source that counted
        known[0] += total
        known[1] += count
    for edge, (total, count, kept, candidate) in found.items():
        yield Item(edge, candidate.triple, 1 - abs(total / count) if count else 1.0, kept, candidate)


def _verdicts(run: Run) -> tuple[dict[str, tuple[float, int]], set[str]]:
    """By candidate, the sum and number of its leanings; and the candidates that some critic dropped."""
    table = pq.read_table(run.require("verdicts"), columns=["candidate_id", "critic", "decision", "score"])
    found: dict[str, tuple[float, int]] = {}
    every: set[str] = set()
    for critic in pc.unique(table["critic"]).to_pylist():
        rows = table.filter(pc.equal(table["critic"], critic))
        decision = np.array(rows["decision"].to_pylist(), dtype=str)
        scores = rows["score"].to_numpy().astype(np.float64)
        scored = ~np.isnan(scores)
        dropped, abstained = decision == "drop", decision == "abstain"
        lean = np.where(dropped, -1.0, 0.0)
        if (used := scored & ~abstained).any():
            lean[used] = leanings(scores[used], cut_off(scores[used], dropped[used]))
        counted = used | dropped | abstained
        for candidate, value, counts, gone in zip(
            rows["candidate_id"].to_pylist(), lean.tolist(), counted.tolist(), dropped.tolist(), strict=True
        ):
            if counts:
                total, count = found.get(candidate, (0.0, 0))
                found[candidate] = (total + value, count + 1)
            if gone:
                every.add(candidate)
    return found, every


def _imported(run: Run) -> Iterator[Item]:
    """The edges of a run without critics: in doubt by their score where they have one."""
    edges = pq.read_table(run.path / FILES[1])
    scores = edges["score"].to_numpy().astype(np.float64)
    lean = leanings(scores, _EVEN).tolist()
    for row, value in zip(read_parquet(run.path / FILES[1]), lean, strict=True):
        triple = Triple(row["head_text"], row["relation"], row["tail_text"], row["negated"])
        yield Item(row["id"], triple, 1 - abs(value), True, None)


def edge_id(triple: Triple, ontology: Ontology) -> str:
    """The id that the triple has, or would have, as an edge of the graph; empty for what can be none."""
    if triple.relation not in ontology or not triple.head.strip() or not triple.tail.strip():
        return ""
    if triple.tail.strip().lower() == NOTHING:
        return ""
    relation = ontology[triple.relation]
    ends: tuple[tuple[str, Kind], tuple[str, Kind]] = ((triple.head, relation.head), (triple.tail, relation.tail))
    head, tail = (node_id(text, kind) for text, kind in ends)
    return Triple(head, relation.name, tail, triple.negated).id
