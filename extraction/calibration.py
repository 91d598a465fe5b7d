"""From a classifier's logit to a probability: Platt scaling with a shift for each relation.

    p = sigmoid(slope * logit + offset + shift of the relation)

The shifts are held near 0 (PRIOR), so that a relation with few labels keeps the common offset.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from kg.metrics import Array

PRIOR = 1.0  # weight of a squared shift, in labels' losses


def fit(logits: ArrayLike, labels: ArrayLike, relations: Sequence[str]) -> dict[str, Any]:
    """{"slope", "offset", "shifts": {relation: shift}} with the least loss on these labels."""
    names = sorted(set(relations))
    place = torch.tensor([names.index(r) for r in relations])
    z, y = torch.tensor(np.asarray(logits, float)), torch.tensor(np.asarray(labels, float))
    slope, offset = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    shifts = torch.zeros(len(names), dtype=torch.float64)
    variables = [v.requires_grad_() for v in (slope, offset, shifts)]
    optimizer = torch.optim.LBFGS(variables, max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(
            slope * z + offset + shifts[place], y, reduction="sum"
        ) + PRIOR * (shifts.square().sum() + (slope - 1).square())
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    values = shifts.detach().tolist()
    return {"slope": slope.item(), "offset": offset.item(), "shifts": dict(zip(names, values, strict=True))}


def apply(calibration: dict[str, Any], logits: ArrayLike, relations: Sequence[str]) -> Array:
    """Probabilities; a relation without a shift has that of none."""
    shift = np.array([calibration["shifts"].get(r, 0.0) for r in relations])
    return np.asarray(1 / (1 + np.exp(-(calibration["slope"] * np.asarray(logits) + calibration["offset"] + shift))))


def across_folds(logits: Array, labels: Array, relations: Sequence[str], folds: Array) -> Array:
    """Probabilities of each fold from the calibration fitted on the others, to be judged by its labels."""
    found = np.zeros(len(logits))
    names = np.asarray(relations, object)
    for fold in np.unique(folds):
        rest, this = folds != fold, folds == fold
        found[this] = apply(fit(logits[rest], labels[rest], list(names[rest])), logits[this], list(names[this]))
    return found
