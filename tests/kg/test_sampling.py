"""Draws against a plain computation over the whole vocabulary."""

import itertools
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
import torch

from kg.errors import TeacherError
from kg.sampling import HEAD, choose, draw
from tests.kg.test_beams import END, Table, tables
from tests.tiny_models import one_thread


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


def nucleus(logits: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Probabilities of the tokens that sampling allows, by the definition."""
    p = (logits.double() / temperature).softmax(-1)
    ordered, ids = p.sort(descending=True)
    kept = ids[ordered.cumsum(0) - ordered < top_p]
    out = torch.zeros_like(p)
    out[kept] = p[kept]
    return out / out.sum()


@pytest.mark.parametrize("spread", [0.1, 2.0, 8.0])  # 0.1: the nucleus holds most of the vocabulary
@pytest.mark.parametrize("top_p", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_draws_follow_the_nucleus(spread: float, top_p: float, temperature: float) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(HEAD * 2, generator=generator) * spread
    draws = [(i + 0.5) / 1500 for i in range(1500)]
    tokens = choose(logits.expand(1500, -1), draws, temperature, top_p)[0]
    counted = torch.bincount(torch.tensor(tokens), minlength=len(logits)) / 1500
    assert (counted - nucleus(logits, temperature, top_p)).abs().max() < 2 / 1500


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_log_probabilities_are_untruncated_and_logits_untouched(dtype: torch.dtype) -> None:
    logits = (torch.randn(20, 1000, generator=torch.Generator().manual_seed(0)) * 3).to(dtype)
    before = logits.clone()
    tokens, found = choose(logits, [0.3] * 20, 0.5, 0.7)
    expected = before.float().log_softmax(-1).gather(1, torch.tensor(tokens)[:, None])[:, 0]
    assert found == pytest.approx(expected.tolist(), abs=1e-4)
    assert torch.equal(logits, before)


def test_temperature_zero_takes_the_most_probable() -> None:
    logits = torch.randn(9, 50, generator=torch.Generator().manual_seed(0))
    assert choose(logits, [0.99] * 9, 0, 0.9)[0] == logits.argmax(-1).tolist()


def test_other_rows_do_not_matter() -> None:
    logits = torch.randn(40, 2000, generator=torch.Generator().manual_seed(0))
    draws = [i / 40 for i in range(40)]
    alone = [choose(logits[i : i + 1], draws[i : i + 1], 1.0, 0.9)[0][0] for i in range(40)]
    assert choose(logits, draws, 1.0, 0.9)[0] == alone


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_is_an_error(bad: float) -> None:
    logits = torch.zeros(2, 10)
    logits[1, 3] = bad
    with pytest.raises(TeacherError, match="float32"):
        choose(logits, [0.5, 0.5], 1.0, 0.9)


def test_texts_are_drawn_as_often_as_they_are_probable() -> None:
    (table,) = tables(3, 1)
    found = draw(Table(table[None]), [[Random(n) for n in range(4000)]], END, 2, top_p=1.0)[0]
    first = table[0].softmax(-1)
    counts = Counter(h.tokens[0] for h in found)
    for token in range(1, len(first)):  # no text is empty
        assert counts[token] / 4000 == pytest.approx(float(first[token] / (1 - first[END])), abs=0.03)
    for h in found[:50]:
        path = [0, *h.tokens, *([END] if len(h.tokens) == 1 else [])]
        steps = [float(table[a].log_softmax(-1)[b]) for a, b in itertools.pairwise(path)]
        assert h.score == pytest.approx(sum(steps) / len(steps), abs=1e-4)


def test_a_draw_depends_on_its_own_row_and_stream() -> None:
    both = tables(5, 2)
    streams = [[Random(f"{row} {n}") for n in range(5)] for row in range(2)]
    together = draw(Table(both), streams, END, 20)
    for row in range(2):
        alone = draw(Table(both[row : row + 1]), [[Random(f"{row} {n}") for n in range(5)]], END, 20)[0]
        assert [h.tokens for h in alone] == [h.tokens for h in together[row]]
        assert all(h.tokens and END not in h.tokens and len(h.tokens) <= 20 for h in alone)
