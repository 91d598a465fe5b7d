"""From a student's score to a probability: Platt scaling (Platt 1999) on heads that it was not trained on.

    p = sigmoid(slope * ln(score) + offset)

It is the probability that the triples which the student was made from have the proposed tail for the head. No graph is
complete, so it is less than the probability that the tail holds.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kg.metrics import Array
from kg.normal import normal_form
from kg.ontology import Kind
from kg.protocols import AnyField, Student
from kg.records import Completion, Triple

QUERIES = 96  # that are asked
PROPOSALS = 5  # of each
LEAST_SLOPE = 0.1  # so that completions with other scores never look alike
_LEAST = 1e-6  # of a score, so that it has a logarithm
_STEPS, _CLOSE = 100, 1e-6  # of Newton's method: at most so many, and small enough

Complete = Callable[[Sequence[tuple[str, str]], int], list[list[Completion]]]


def calibrate(complete: Complete, held_out: Sequence[Triple], kinds: Mapping[str, Kind]) -> dict[str, Any] | None:
    """{"slope", "offset", "proposals", "hits"} of what `complete` proposes for heads of `held_out`; None without any.

    `kinds` are the kinds of the tails by the relation's name as in a TSV row. Tails are compared by normal form.
    """
    pairs = [((head, label), normal_form(tail, kinds[label])) for head, label, tail in held_out]
    return _calibrate(complete, pairs, lambda query, c: normal_form(c.triple.tail, kinds[query[1]]))


def calibrate_heads(complete_heads: Complete, held_out: Sequence[Triple]) -> dict[str, Any] | None:
    """As `calibrate`, of the heads that are proposed for (relation, tail)."""
    pairs = [((label, tail), normal_form(head)) for head, label, tail in held_out]
    return _calibrate(complete_heads, pairs, lambda _, c: normal_form(c.triple.head))


def _calibrate(
    complete: Complete, pairs: Sequence[tuple[tuple[str, str], str]], key: Callable[[tuple[str, str], Completion], str]
) -> dict[str, Any] | None:
    """`pairs` are queries and the keys of what is wanted."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for query, text in pairs:
        wanted.setdefault(query, set()).add(text)
    queries = list(wanted)[:: max(1, math.ceil(len(wanted) / QUERIES))]
    rows = [
        (c.score, key(query, c) in wanted[query])
        for query, found in zip(queries, complete(queries, PROPOSALS), strict=True) for c in found
    ]
    return fit([score for score, _ in rows], [hit for _, hit in rows]) if rows else None


def fit(scores: Sequence[float], hits: Sequence[bool]) -> dict[str, Any]:
    """Slope, at least `LEAST_SLOPE`, and offset with the least loss towards Platt's targets, which are never 0 or 1.

    A slope is expected to be 1 (standard deviation 1), so that few scores do not make it steep or flat. Newton's method
    with halved steps (Lin, Lin and Weng 2007).
    """
    right, wrong = sum(hits), len(hits) - sum(hits)
    target = np.where(hits, (right + 1) / (right + 2), 1 / (wrong + 2))
    x = np.stack([np.log(np.maximum(scores, _LEAST)), np.ones(len(hits))])
    prior = np.array([1.0, 1e-6])  # inverse variances

    def loss(weights: Array) -> float:
        z = weights @ x
        return float((np.logaddexp(0, z) - target * z).sum() + prior @ (weights - [1, 0]) ** 2 / 2)

    weights = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(weights @ x)))
        gradient = x @ (p - target) + prior * (weights - [1, 0])
        step = np.linalg.solve((x * p * (1 - p)) @ x.T + np.diag(prior), gradient)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > _CLOSE:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() <= _CLOSE:
            break
    slope, offset = map(float, weights)
    if slope < LEAST_SLOPE:  # the score says little of these few: the order stays, about the share of the hits
        slope = LEAST_SLOPE
        offset = math.log(target.mean() / (1 - target.mean())) - slope * float(x[0].mean())
    return {"slope": slope, "offset": offset, "proposals": len(hits), "hits": int(right)}


def probability(calibration: Mapping[str, Any], score: float) -> float:
    """The calibrated score, in [0, 1]."""
    z = calibration["slope"] * math.log(max(score, _LEAST)) + calibration["offset"]
    return 1 / (1 + math.exp(-max(-700.0, min(700.0, z))))


def calibrated(answers: Sequence[list[Completion]], calibration: Mapping[str, Any] | None) -> list[list[Completion]]:
    """The completions with probabilities for scores; as they are where there is no calibration."""
    if calibration is None:
        return list(answers)
    return [[replace(c, score=probability(calibration, c.score)) for c in found] for found in answers]


class CalibratedStudent:
    """A student whose completions have probabilities for scores, in the same order."""

    def __init__(self, student: Student, calibration: Mapping[str, Any]) -> None:
        self.name = student.name
        self._student = student
        self._calibration = calibration

    @property
    def relations(self) -> Collection[str]:
        """The student's."""
        return self._student.relations

    def complete(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """As the student's, with calibrated scores."""
        return calibrated(self._student.complete(queries, k), self._calibration)

    def score(self, triples: Sequence[Triple]) -> list[float]:
        """As the student's: mean natural log-probabilities a token."""
        return self._student.score(triples)

    def save(self, path: Path) -> None:
        """Saves the student, and with it its calibration."""
        self._student.save(path)


class CalibratedAnyField(CalibratedStudent):
    """The same for a student that gives any field; `heads` is the calibration of the heads that it gives."""

    def __init__(self, student: AnyField, calibration: Mapping[str, Any], heads: Mapping[str, Any] | None) -> None:
        super().__init__(student, calibration)
        self._any_field = student
        self._heads = heads
        self.gives_heads = student.gives_heads

    def complete_heads(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """As the student's, with calibrated scores."""
        return calibrated(self._any_field.complete_heads(queries, k), self._heads)

    def complete_relations(self, pairs: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """As the student's: probabilities."""
        return self._any_field.complete_relations(pairs, k)
