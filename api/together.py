"""Requests for completions that wait at the same time are answered as one: a model reads many as fast as a few."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from api.completion import Merged, Query
from api.limits import Work
from api.sources import Sources

MOST = 160  # completions that are asked for as one
MOMENT = 0.02  # seconds in which as many may come as were answered last: who was answered asks again
Found = tuple[list[list[Merged]], list[list[str]]]


@dataclass(eq=False, slots=True)
class _Call:
    queries: Sequence[Query]
    k: int
    new_only: bool
    level: str | None
    answer: "Future[Found]" = field(default_factory=Future)

    def goes_with(self, other: "_Call") -> bool:
        """Whether its answer is the same when both are asked as one."""
        plain = not (self.new_only or other.new_only) and self.level is other.level is None
        return plain and self.k == other.k


class Together:
    """The sources of a run, asked from a model's thread. Who has it asks for all who wait for it, too."""

    def __init__(self, sources: Sources, work: Work) -> None:
        self._sources = sources
        self._work = work
        self._waiting: list[_Call] = []
        self._last = 0  # calls that were answered as one
        self._changed = threading.Condition()

    async def complete(self, queries: Sequence[Query], k: int, new_only: bool, level: str | None) -> Found:
        """As `Sources.complete`; the same in bfloat16 but for rounding, whoever else asks."""
        call = _Call(queries, k, new_only, level)
        with self._changed:
            self._waiting.append(call)
            self._changed.notify_all()
        try:
            return await self._work.model(lambda: self._answer(call))
        finally:
            with self._changed:
                if call in self._waiting:  # it is late, or its client left
                    self._waiting.remove(call)
                    call.answer.cancel()

    def _answer(self, call: _Call) -> Found:
        with self._changed:
            if call in self._waiting:
                self._changed.wait_for(lambda: len(self._waiting) >= self._last, MOMENT)
            calls = self._taken(call)
        if calls:
            self._ask(calls)
        return call.answer.result()

    def _taken(self, call: _Call) -> list[_Call]:
        """The call and those that wait and go with it, which wait no longer; none when another one has taken it."""
        if call not in self._waiting:
            return []
        taken, size = [call], call.k * len(call.queries)
        for other in self._waiting:
            more = other.k * len(other.queries)
            if other is not call and call.goes_with(other) and size + more <= MOST:
                taken.append(other)
                size += more
        self._waiting = [other for other in self._waiting if other not in taken]
        self._last = len(taken)
        return taken

    def _ask(self, calls: Sequence[_Call]) -> None:
        """Answers the calls as one or, when that fails, each by itself: an error is for the one who caused it."""
        first = calls[0]
        queries = [q for call in calls for q in call.queries]
        try:
            found, notes = self._sources.complete(queries, first.k, first.new_only, first.level)
        except BaseException as error:
            if len(calls) == 1:
                first.answer.set_exception(error)
                return
            for call in calls:
                self._ask([call])
            return
        start = 0
        for call in calls:
            end = start + len(call.queries)
            call.answer.set_result((found[start:end], notes[start:end]))
            start = end
