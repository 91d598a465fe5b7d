"""Measures of scores against labels: AUC, calibration error, precision at a cut-off with its interval.

Scores and labels are one-dimensional arrays of one length; a label is 1 (true) or 0.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def auc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Probability that a true one scores above a false one, ties counted half; None when one kind is missing."""
    y, s = np.asarray(labels), np.asarray(scores, float)
    true, false = int(y.sum()), int(len(y) - y.sum())
    if not true or not false:
        return None
    _, place, count = np.unique(s, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((ranks[y == 1].sum() - true * (true + 1) / 2) / (true * false))


def auc_within(labels: ArrayLike, scores: ArrayLike, groups: Sequence[str]) -> dict[str, float]:
    """AUC within each group that has both labels; their plain mean is the macro AUC."""
    y, s, g = np.asarray(labels), np.asarray(scores, float), np.asarray(groups, object)
    found = {name: auc(y[g == name], s[g == name]) for name in sorted(set(groups))}
    return {name: value for name, value in found.items() if value is not None}


def mean_of(values: Mapping[str, float]) -> float | None:
    """The plain mean; None of nothing."""
    return sum(values.values()) / len(values) if values else None


def calibration_curve(labels: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> list[dict[str, Any]]:
    """Bins with equally many rows, from low to high: {"probability": mean, "share": of true ones, "rows"}."""
    y, p = np.asarray(labels, float), np.asarray(probabilities, float)
    parts = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p))) if len(p) else []
    return [{"probability": float(p[i].mean()), "share": float(y[i].mean()), "rows": len(i)} for i in parts]


def calibration_error(labels: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> float | None:
    """Expected calibration error: the mean distance of probability and share over the bins, by rows.

    Even a perfect critic has some: about 0.8 sqrt(p (1 - p) / rows in a bin).
    """
    curve = calibration_curve(labels, probabilities, bins)
    rows = sum(b["rows"] for b in curve)
    return sum(abs(b["probability"] - b["share"]) * b["rows"] for b in curve) / rows if rows else None


def wilson(true: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share (Wilson 1927), 95% by default."""
    if not count:
        return 0.0, 1.0
    share, square = true / count, z * z / count
    middle, reach = share + square / 2, z * sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, (middle - reach) / (1 + square)), min(1.0, (middle + reach) / (1 + square))


def precision_recall(labels: ArrayLike, scores: ArrayLike) -> tuple[Array, Array, Array]:
    """(cut-offs, precision, recall), cut-offs from high to low, one for each distinct score."""
    y, s = np.asarray(labels, float), np.asarray(scores, float)
    order = np.argsort(-s, kind="stable")
    hits, kept = np.cumsum(y[order]), np.arange(1, len(y) + 1)
    last = np.append(s[order][1:] != s[order][:-1], True) if len(y) else np.zeros(0, bool)
    return s[order][last], (hits / kept)[last], (hits / max(y.sum(), 1.0))[last]


def cut_off_for(labels: ArrayLike, scores: ArrayLike, precision: float) -> float | None:
    """The lowest cut-off that reaches `precision`; None when none does."""
    cuts, precisions, _ = precision_recall(labels, scores)
    good = cuts[precisions >= precision]
    return float(good[-1]) if len(good) else None
