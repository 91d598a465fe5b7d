"""What limits a paid teacher: a budget in tokens and money, and requests and tokens a minute."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Usage(NamedTuple):
    """Tokens of a request: those of the prompt and those of the answer."""

    prompt: int
    completion: int

    @property
    def total(self) -> int:
        return self.prompt + self.completion


NOTHING_USED = Usage(0, 0)


@dataclass
class Budget:
    """Counts tokens and money, and refuses what does not fit.

    A request reserves the most that it may use before it is sent, and is settled with what it did use: however many
    are under way, all of them fit. `tokens` and `money` 0 are no limit; prices are those of a million tokens.
    """

    tokens: int = 0
    money: float = 0.0
    price_in: float = 0.0
    price_out: float = 0.0
    used: Usage = NOTHING_USED
    reserved: Usage = NOTHING_USED

    @property
    def is_limited(self) -> bool:
        return bool(self.tokens or self.money)

    @property
    def cost(self) -> float:
        """Money spent so far."""
        return self.price(self.used)

    def price(self, usage: Usage) -> float:
        """Money that so many tokens cost."""
        return (usage.prompt * self.price_in + usage.completion * self.price_out) / 1_000_000

    def fits(self, request: Usage) -> bool:
        """Whether `request` fits beside all that is used and reserved."""
        total = _add(_add(self.used, self.reserved), request)
        return (not self.tokens or total.total <= self.tokens) and (not self.money or self.price(total) <= self.money)

    def reserve(self, request: Usage) -> None:
        """Sets `request` aside; ask `fits` first."""
        self.reserved = _add(self.reserved, request)

    def settle(self, request: Usage, used: Usage) -> None:
        """Replaces the reservation of `request` by what it used."""
        self.reserved = Usage(self.reserved.prompt - request.prompt, self.reserved.completion - request.completion)
        self.used = _add(self.used, used)


class RateLimit:
    """At most `per_minute` units a minute, evenly spread (0: no limit).

    A token bucket that holds one request: each one makes the next wait for as long as its own units take to refill,
    so that no minute sees a burst on top of a full bucket. `clock` returns seconds and never goes back.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = 60.0 / per_minute if per_minute else 0.0
        self._clock = clock
        self._free_at = clock()

    def take(self, units: float) -> float:
        """Takes the next place for `units`; returns the seconds to wait before using it."""
        now = self._clock()
        start = max(now, self._free_at)
        self._free_at = start + units * self._seconds
        return start - now

    def give_back(self, units: float) -> None:
        """Returns units that were taken and not used; a negative number takes more."""
        self._free_at -= units * self._seconds


def _add(a: Usage, b: Usage) -> Usage:
    return Usage(a.prompt + b.prompt, a.completion + b.completion)
