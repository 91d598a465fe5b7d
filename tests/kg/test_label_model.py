"""Votes into probabilities."""

import random
from pathlib import Path

import pytest

from kg.errors import RunError
from kg.label_model import FILE, Calibration, Votes, alone, calibrate, fit, fold_of, held_out, majority
from kg.metrics import auc

HEADS = [f"PersonX does thing {i}" for i in range(400)]


def rows(copies: int = 1) -> tuple[list[Votes], list[bool]]:
    """A critic that is right four times in five, or abstains, as often as `copies` says; one that guesses; a score."""
    dice = random.Random(3)
    votes: list[Votes] = []
    valid = []
    for _ in HEADS:
        truth = dice.random() < 0.7
        good = "abstain" if dice.random() < 0.2 else "keep" if truth == (dice.random() < 0.8) else "drop"
        guess = dice.choice(["keep", "drop"])
        score = min(max(dice.gauss(0.6 if truth else 0.4, 0.15), 0.0), 1.0)
        votes.append({
            **{f"good{i}": (good, None) for i in range(copies)}, "guess": (guess, None), "scored": ("keep", score),
        })
        valid.append(truth)
    return votes, valid


def test_it_beats_the_best_critic_and_the_majority_on_other_heads() -> None:
    votes, valid = rows()
    ours = auc(valid, [p for p, _ in held_out(votes, valid, HEADS)])
    assert ours is not None
    assert ours > auc(valid, [majority(v) for v in votes]) + 0.02
    assert ours > max(auc(valid, [alone(*v[c]) for v in votes]) for c in votes[0]) + 0.02


def test_a_critic_that_speaks_thrice_counts_once() -> None:
    once, valid = rows()
    thrice, _ = rows(copies=3)
    one, three = fit(once, valid), fit(thrice, valid)
    assert [three.judge(v) for v in thrice] == pytest.approx([one.judge(v) for v in once], abs=0.03)


def test_probabilities_are_calibrated_and_drops_weigh_against() -> None:
    votes, valid = rows()
    model = fit(votes, valid)
    found = [model.judge(v) for v in votes]
    assert sum(found) / len(found) == pytest.approx(sum(valid) / len(valid), abs=0.005)
    assert model.weights["good0"]["drop"] < -1 < abs(model.weights["guess"]["drop"]) + 0.5
    assert model.probability(-1e9) < 1e-9 < 1 - 1e-9 < model.probability(1e9)


def test_a_fold_is_judged_without_its_labels() -> None:
    votes, valid = rows()
    turned = [not v if fold_of(h) == 0 else v for v, h in zip(valid, HEADS, strict=True)]
    before, after = held_out(votes, valid, HEADS), held_out(votes, turned, HEADS)
    assert [b for b, h in zip(before, HEADS, strict=True) if fold_of(h) == 0] == [
        a for a, h in zip(after, HEADS, strict=True) if fold_of(h) == 0
    ]
    assert before != after


def test_labels_that_cannot_teach_are_an_error() -> None:
    votes, valid = rows()
    with pytest.raises(RunError, match="all alike"):
        fit(votes, [True] * len(valid))
    with pytest.raises(RunError, match="too few heads"):
        held_out(votes, valid, ["PersonX cooks"] * len(valid))


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    votes, valid = rows()
    assert Calibration.read(tmp_path) is None
    made = calibrate(votes, valid)
    made.write(tmp_path)
    assert Calibration.read(tmp_path) == made
    (tmp_path / FILE).write_text('{"model": 1}')
    with pytest.raises(RunError, match="kg calibrate"):
        Calibration.read(tmp_path)


def test_the_majority_leaves_out_who_abstains() -> None:
    assert majority({"a": ("keep", None), "b": ("abstain", None), "c": ("drop", 0.1)}) == 0.5
    assert majority({"a": ("keep", None), "b": ("abstain", None)}) == 1
    assert majority({"b": ("abstain", None)}) == 0.5
