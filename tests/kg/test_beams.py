import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.beams import search
from kg.decoding import layout_for
from tests.tiny_models import MODELS, one_thread

END, SIZE = 0, 4


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


class Table:
    """A model whose next token depends on the last one alone: one table of logits a row."""

    def __init__(self, tables):
        self.tables, self.last = tables, torch.zeros(len(tables), dtype=torch.long)
        self.logits = self._look()

    def _look(self):
        return self.tables[torch.arange(len(self.tables)), self.last]

    def advance(self, rows, tokens):
        self.tables, self.last = self.tables[rows], tokens
        self.logits = self._look()


def probability(table, tokens):
    path = [0, *tokens, END]
    return sum(float(table[a].log_softmax(-1)[b]) for a, b in itertools.pairwise(path)) / (len(path) - 1)


def tables(seed, prompts):
    return torch.randn(prompts, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)) * 2


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3), st.integers(1, 4))
def test_scores_are_true_and_texts_are_distinct(seed, prompts, beams):
    for table, found in zip(tables(seed, prompts), search(Table(tables(seed, prompts)), beams, END, 50), strict=True):
        assert 1 <= len(found) <= beams
        assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
        assert len({tuple(h.tokens) for h in found}) == len(found)
        for h in found:
            assert h.tokens
            assert END not in h.tokens
            if len(h.tokens) < 50:
                assert h.score == pytest.approx(probability(table, h.tokens), abs=1e-4)


def test_the_most_probable_texts_come_first():
    table = tables(0, 1)
    table[:, 1:, END] = 20  # every text ends after one token
    found = search(Table(table), SIZE - 1, END, 9)[0]
    expected = sorted(range(1, SIZE), key=lambda t: -float(table[0, 0, t]))
    assert [h.tokens for h in found] == [[t] for t in expected]


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(2, 4), st.integers(1, 4))
def test_prompts_do_not_disturb_each_other(seed, prompts, beams):
    all_tables = tables(seed, prompts)
    together = search(Table(all_tables), beams, END, 20)
    for table, expected in zip(all_tables, together, strict=True):
        alone = search(Table(table.unsqueeze(0)), beams, END, 20)[0]
        assert [h.tokens for h in alone] == [h.tokens for h in expected]


def test_a_text_that_never_ends_stops_at_the_limit():
    table = torch.zeros(1, SIZE, SIZE)
    table[:, :, END] = -math.inf
    table[:, :, 2] = 5
    for beams in (1, 2):
        assert search(Table(table), beams, END, 7)[0][0].tokens == [2] * 7


class Changing(Table):
    """A model with another table for every token, so that no two texts are equally probable: prompts x lengths x ..."""

    length = 0

    def _look(self):
        return self.tables[torch.arange(len(self.tables)), self.length, self.last]

    def advance(self, rows, tokens):
        self.length += 1
        super().advance(rows, tokens)


def diverse_search_of_one(tables, groups, width, diversity):
    """Diverse beam search by its definition; a beam is (tokens, log-probability, the same less all penalties)."""
    beams = [[((), 0.0, 0.0)] for _ in range(groups)]
    found = [[] for _ in range(groups)]
    for length, following in enumerate(tables.log_softmax(-1).tolist(), 1):
        taken = Counter()
        for group in range(groups):
            if len(found[group]) >= width:
                continue
            options = [
                ((*tokens, t), score + step, steered + step - diversity * taken[t])
                for tokens, score, steered in beams[group]
                for t, step in enumerate(following[tokens[-1] if tokens else 0]) if t != END or tokens
            ]
            options.sort(key=lambda option: -option[2])
            found[group] += [(o[0][:-1], o[1] / length) for o in options[:width] if o[0][-1] == END]
            beams[group] = [o for o in options if o[0][-1] != END][:width]
            taken.update(tokens[-1] for tokens, _, _ in beams[group])
    for group in range(groups):
        found[group] = found[group] or [(tokens, score / len(tables)) for tokens, score, _ in beams[group]]
        found[group] = sorted(found[group], key=lambda text: -text[1])[:width]
    return sorted((text for own in found for text in own), key=lambda text: -text[1])


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.floats(0, 5))
def test_diverse_search_is_that_of_the_definition(seed, prompts, groups, width, diversity):
    limit = 6
    changing = tables(seed, prompts * limit).view(prompts, limit, SIZE, SIZE)
    found = search(Changing(changing), groups * width, END, limit, groups=groups, diversity=diversity)
    for own, texts in zip(changing, found, strict=True):
        expected = diverse_search_of_one(own, groups, width, diversity)
        assert sorted(tuple(h.tokens) for h in texts) == sorted(tokens for tokens, _ in expected)
        assert [h.score for h in texts] == pytest.approx([score for _, score in expected], abs=1e-4)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(2, 4))
def test_groups_without_a_penalty_find_the_same(seed, groups):
    (alone,), (found,) = (
        search(Table(tables(seed, 1)), 2 * n, END, 20, groups=n, diversity=0.0) for n in (1, groups)
    )
    assert found == sorted(alone * groups, key=lambda h: -h.score)


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(0, 5), st.floats(0, 5))
def test_a_stronger_penalty_gives_no_fewer_first_tokens(seed, a, b):
    weak, strong = (
        {h.tokens[0] for h in search(Table(tables(seed, 1)), 3, END, 20, groups=3, diversity=strength)[0]}
        for strength in sorted([a, b])
    )
    assert len(weak) <= len(strong)


def test_a_penalty_above_all_differences_gives_every_first_token():
    found = search(Table(tables(2, 1)), SIZE - 1, END, 20, groups=SIZE - 1, diversity=1e3)[0]
    assert {h.tokens[0] for h in found} == set(range(1, SIZE))
    plain = search(Table(tables(2, 1)), SIZE - 1, END, 20, groups=SIZE - 1)[0]
    assert len({h.tokens[0] for h in plain}) == 1


@pytest.mark.parametrize("kind", MODELS)
def test_greedy_decoding_and_beams_are_those_of_transformers(kind):
    torch.manual_seed(3)
    layout = layout_for(*MODELS[kind](), torch.float32)
    with torch.no_grad():  # a random model hardly ever ends a text by itself
        head = layout.model.get_output_embeddings()
        head.weight.mul_(3)
    prompts = layout.prompts([("PersonX bakes a cake", "wants"), ("PersonX goes", "feels"), ("x", "so tired of this")])
    ids, mask = layout._pad_rows(prompts, left=not layout.model.config.is_encoder_decoder)
    start = 1 if layout.model.config.is_encoder_decoder else ids.shape[1]
    for beams in (1, 4):
        ours = search(layout._decoder(prompts), beams, layout._end, 12)
        out = layout.model.eval().generate(
            input_ids=ids, attention_mask=mask, do_sample=False, num_beams=beams, num_return_sequences=beams,
            min_new_tokens=1, max_new_tokens=12, early_stopping=beams > 1, pad_token_id=layout._filler,
            eos_token_id=layout._end, forced_eos_token_id=None, return_dict_in_generate=True, output_scores=True,
        )
        theirs = out.sequences[:, start:].tolist()
        for n, found in enumerate(ours):
            texts = [t[: t.index(layout._end)] if layout._end in t else t for t in theirs[n * beams : (n + 1) * beams]]
            ended = [t for t in texts if len(t) < 12]
            assert [h.tokens for h in found if len(h.tokens) < 12][: len(ended)] == ended
            if beams == 1:
                assert found[0].tokens == texts[0]
