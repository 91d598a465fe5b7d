"""Draws against a plain computation over the whole vocabulary."""

from collections.abc import Iterator

import pytest
import torch

from extraction.sampling import HEAD, choose
from kg.errors import TeacherError
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
