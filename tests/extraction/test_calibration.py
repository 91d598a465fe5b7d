"""From logits to probabilities."""

import numpy as np

from extraction.calibration import across_folds, apply, fit
from kg.metrics import calibration_error


def sample(rows: int) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Logits that are three times too large, and too low by 1 for relation b; labels drawn from the right ones."""
    random = np.random.default_rng(0)
    relations = [str(r) for r in random.choice(["a", "b"], rows)]
    logits = random.normal(0, 3, rows)
    right = logits / 3 + np.array([1.0 if r == "b" else 0.0 for r in relations])
    labels = (random.random(rows) < 1 / (1 + np.exp(-right))).astype(float)
    return logits, labels, relations, random.integers(0, 5, rows)


def test_scale_and_shifts_are_found() -> None:
    logits, labels, relations, _ = sample(20_000)
    found = fit(logits, labels, relations)
    assert abs(found["slope"] - 1 / 3) < 0.02
    assert abs(found["shifts"]["b"] - found["shifts"]["a"] - 1) < 0.1


def test_probabilities_of_a_fold_come_from_the_others_labels() -> None:
    logits, labels, relations, folds = sample(4000)
    found = across_folds(logits, labels, relations, folds)
    error = calibration_error(labels, found)
    assert error is not None
    assert error < 0.03
    turned = labels.copy()
    turned[folds == 0] = 1 - turned[folds == 0]
    assert np.array_equal(across_folds(logits, turned, relations, folds)[folds == 0], found[folds == 0])


def test_a_relation_without_labels_has_no_shift() -> None:
    found = {"slope": 2.0, "offset": 0.0, "shifts": {"a": 1.0}}
    assert apply(found, [0.0, 0.0], ["a", "nosuch"])[1] == 0.5


def test_few_labels_move_a_shift_little() -> None:
    found = fit([0.0] * 102, [1.0, 0.0] * 50 + [1.0, 1.0], ["a"] * 100 + ["b"] * 2)
    assert 0 < found["shifts"]["b"] < 1
