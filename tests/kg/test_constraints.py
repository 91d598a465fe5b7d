import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.beams import search
from kg.constraints import Constraints
from kg.errors import InputError
from tests.kg.test_beams import END, SIZE, Table, tables
from tests.tiny_models import one_thread

WORDS = {" a": [1], " b": [2], " a b": [1, 2], " c a": [3, 1]}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


LIMIT = 30


def find(table, constraints, beams=3, head="x y", **groups):
    bias = constraints.steer([head], lambda texts: [WORDS[text] for text in texts], SIZE, END)([0])
    return search(Table(table[None]), beams, END, LIMIT, bias, **groups)[0]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1000), st.sampled_from([{}, {"groups": 3, "diversity": 0.5}]))
def test_what_must_be_there_is_there_and_what_must_not_is_not(seed, groups):
    (table,) = tables(seed, 1)
    for found in find(table, Constraints(must=("c a",), must_not=("a b",)), **groups):
        text = found.tokens
        # A model may be surer of something else than the reward makes good: then no text ends, and none is given.
        assert len(text) == LIMIT or any(text[i : i + 2] == [3, 1] for i in range(len(text)))
        assert not any(text[i : i + 2] == [1, 2] for i in range(len(text)))


def test_scores_are_those_of_the_model():
    (table,) = tables(7, 1)
    for found in find(table, Constraints(must_not=("b",))):
        path = [0, *found.tokens, END]
        steps = [float(table[a].log_softmax(-1)[b]) for a, b in itertools.pairwise(path)]
        assert found.score == pytest.approx(sum(steps) / len(steps), abs=1e-4)
        assert 2 not in found.tokens


def test_without_constraints_nothing_changes():
    for seed in range(5):
        (table,) = tables(seed, 1)
        plain, steered = search(Table(table[None]), 3, END, 30)[0], find(table, Constraints())
        assert [h.tokens for h in plain] == [h.tokens for h in steered]


def test_no_tail_repeats_its_head():
    (table,) = tables(1, 1)
    table[0, 1] += 20
    table[1, 2] += 20
    assert search(Table(table[None]), 1, END, 30)[0][0].tokens[:2] == [1, 2]
    assert find(table, Constraints(new_words=True), 1, "a b")[0].tokens[:2] != [1, 2]


@pytest.mark.parametrize(("tail", "allowed"), [
    ("to eat  it Now", True), ("to eating it now", False), ("to eat it", False), ("to eat it now, slowly", False),
    ("now to eat the cake it", False),
])
def test_words_are_whole_words_in_any_case(tail, allowed):
    constraints = Constraints(("eat", "it now"), ("slowly",), True)
    assert constraints.allow("PersonX bakes the cake", tail) is allowed


@pytest.mark.parametrize("word", ["", "  ", "!"])
def test_what_is_no_word_is_refused(word):
    with pytest.raises(InputError, match="is no word"):
        Constraints(must=(word,))


def test_a_bias_knows_which_prompts_are_at_work():
    constraints = Constraints(new_words=True)
    of = constraints.steer(["a b", "x", "b a"], lambda ts: [{" a b": [1, 2], " b a": [2, 1]}[t] for t in ts], SIZE, END)
    bias = of([2, 0])([1], torch.tensor([[[3, 1]]]))
    assert bias[0, 0].nonzero().flatten().tolist() == [2]
