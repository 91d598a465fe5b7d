"""Scores into probabilities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.records import Completion, Triple
from kg.score_calibration import LEAST_SLOPE, CalibratedStudent, calibrate, fit, probability


def test_it_gives_the_share_of_hits_at_each_score():
    scores = [0.1] * 1000 + [0.8] * 1000
    hits = [i % 10 == 0 for i in range(1000)] + [i % 2 == 0 for i in range(1000)]
    found = fit(scores, hits)
    assert probability(found, 0.1) == pytest.approx(0.1, abs=0.01)
    assert probability(found, 0.8) == pytest.approx(0.5, abs=0.01)
    assert (found["proposals"], found["hits"]) == (2000, 600)


def test_scores_that_say_the_contrary_say_little_but_their_order():
    found = fit([0.1] * 50 + [0.9] * 50, [True] * 50 + [False] * 50)
    assert found["slope"] == LEAST_SLOPE
    assert 0.4 < probability(found, 0.1) < probability(found, 0.9) < 0.6


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_probabilities_keep_the_order(rows, low, high):
    found = fit([s for s, _ in rows], [h for _, h in rows])
    low, high = sorted((low, high))
    assert 0 <= probability(found, low) <= probability(found, high) <= 1


def complete(queries, k):
    tails = (("to eat it", 0.5), ("no", 0.1))
    return [[Completion(Triple(h, r, tail), score, "x") for tail, score in tails] for h, r in queries]


def test_tails_are_compared_by_normal_form():
    found = calibrate(complete, [Triple("PersonX cooks", "xWant", "eats it")], {"xWant": "Event"})
    assert (found["proposals"], found["hits"]) == (2, 1)
    assert calibrate(complete, [], {}) is None


def test_a_calibrated_student_keeps_what_is_proposed():
    class Bare:
        name = "x"
        complete = staticmethod(complete)

    student = CalibratedStudent(Bare(), {"slope": 1.0, "offset": -1.0})
    (found,) = student.complete([("PersonX cooks", "xWant")], 2)
    assert [c.triple.tail for c in found] == ["to eat it", "no"]
    assert found[0].score == pytest.approx(1 / (1 + 2 * 2.718281828))
