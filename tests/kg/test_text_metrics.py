import pytest

from kg.text_metrics import bleu, cider, distinct, meteor, rouge_l, text_scores

ANSWERS = ["to eat the cake", "to go home", "happy", "to call a a friend today", "none", "kind and caring"]
REFERENCES = [
    ["to eat a cake", "to have fun"], ["to go to the home", "goes home"], ["happy", "sad"],
    ["to call a friend", "call the friend today please"], ["to sleep"], ["kind", "very kind and caring"],
]


def test_scores_are_those_of_the_scorer_of_comet_atomic_2020():
    """The figures are what its system_eval/evaluation printed for these texts."""
    assert bleu(ANSWERS, REFERENCES) == pytest.approx(
        [0.8333333332407409, 0.7453559924067605, 0.5178720842513191, 7.676298917915527e-05], rel=1e-9
    )
    found = text_scores(ANSWERS, REFERENCES)
    assert found["rouge_l"] == pytest.approx(0.716263171935441, rel=1e-9)
    assert found["cider"] == pytest.approx(1.9646994530475645, rel=1e-9)
    assert found["exact"] == pytest.approx(1 / 6)


def test_meteor_counts_stems_and_takes_the_best_reference():
    assert meteor("cakes tables", ["stay", "cake table"]) == pytest.approx(meteor("a b", ["a b"]))
    assert meteor("none", ["to sleep"]) == 0


def test_bounds():
    assert rouge_l("a b", ["a b"]) == pytest.approx(1)
    assert rouge_l("a", ["b"]) == 0
    assert bleu(["a b c d e"], [["a b c d e"]]) == pytest.approx([1] * 4)
    assert bleu([""], [["a"]]) == pytest.approx([0] * 4, abs=1e-5)
    assert cider([""], [["a"]]) == 0
    assert text_scores([], []) == dict.fromkeys(text_scores([], []), 0.0)


def test_distinct():
    assert distinct(["a b", "a b"], 1) == 0.5
    assert distinct(["a b", "a c"], 2) == 1
    assert distinct([], 1) == 0
