"""Budgets and rate limits, on a clock of our own."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.budget import Budget, RateLimit, Usage

usages = st.builds(Usage, st.integers(0, 500), st.integers(0, 500))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(1, 3000), st.lists(st.tuples(usages, usages, st.booleans())))
def test_what_fits_stays_within_the_budget(tokens: int, requests: list[tuple[Usage, Usage, bool]]) -> None:
    budget = Budget(tokens, money=0.002, price_in=1.0, price_out=2.0)
    open_requests = []
    for asked, used, closes in requests:
        if budget.fits(asked):
            budget.reserve(asked)
            open_requests.append((asked, Usage(min(asked.prompt, used.prompt), min(asked.completion, used.completion))))
        if closes and open_requests:
            budget.settle(*open_requests.pop(0))
        assert budget.used.total + budget.reserved.total <= tokens
        assert budget.cost <= 0.002
    for asked, used in open_requests:
        budget.settle(asked, used)
    assert budget.reserved == (0, 0)


def test_a_request_that_was_not_paid_leaves_no_trace() -> None:
    budget = Budget(100)
    budget.reserve(Usage(50, 50))
    assert not budget.fits(Usage(1, 0))
    budget.settle(Usage(50, 50), Usage(0, 0))
    assert budget.fits(Usage(50, 50))
    assert budget.used.total == 0


def test_no_limits() -> None:
    assert Budget().fits(Usage(10**12, 10**12))
    limit = RateLimit(0)
    assert [limit.take(10**9) for _ in range(3)] == [0, 0, 0]


@given(st.integers(1, 1000), st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_no_minute_sees_more_than_the_limit(per_minute: int, pauses: list[float]) -> None:
    clock = Clock()
    limit = RateLimit(per_minute, clock)
    sent = []
    for pause in pauses:
        clock.now += pause
        sent.append(clock.now + limit.take(1))
    assert all(b - a >= 60 / per_minute - 1e-6 for a, b in pairwise(sent))


def test_units_given_back_are_used_again() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    assert limit.take(30) == 0
    limit.give_back(20)
    assert limit.take(1) == pytest.approx(10)
    clock.now += 1000
    assert limit.take(60) == 0
    assert limit.take(1) == pytest.approx(60)
