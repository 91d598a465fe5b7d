"""The state of each part, told at once, however long the queries are that run meanwhile."""

import time
from collections.abc import Callable
from functools import partial

import anyio
import anyio.to_thread

from api.assemble import OpenRun
from api.models import HealthResponse, PartState
from kg.errors import KGError, QueryTimeoutError

PATIENCE = 0.5  # seconds that a part gets to answer
FRESH = 1.0  # seconds for which the state of all parts is told again, however many ask
_PROBES = {"cypher": "RETURN 1 AS one", "sparql": "ASK {}"}


class Probe:
    """Asks one part whether it works; a part that is busy counts as working while it has answered lately.

    Raises nothing: what `call` raises is the part's state.
    """

    def __init__(self, call: Callable[[], object], lately: float) -> None:
        self._call = call
        self._lately = lately  # seconds
        self._answered = time.monotonic()
        self._asked = False
        self._limiter = anyio.CapacityLimiter(1)  # threads of its own: queries cannot occupy them
        self._state: PartState | None = None  # what the last probe found; None when it found no time

    async def state(self) -> PartState:
        """The part's state, within `PATIENCE` seconds."""
        with anyio.move_on_after(PATIENCE) as scope:
            if self._asked:
                await anyio.sleep_forever()  # the last probe is still out
            await anyio.to_thread.run_sync(self._ask, limiter=self._limiter, abandon_on_cancel=True)
        if not scope.cancelled_caught and self._state is not None:
            return self._state
        silent = time.monotonic() - self._answered
        if silent < self._lately:
            return PartState(state="ok", message="busy")
        return PartState(state="error", message=f"no answer for {silent:.0f} s")

    def _ask(self) -> None:
        self._asked = True
        try:
            self._call()
            self._state = PartState(state="ok")
        except QueryTimeoutError:
            self._state = None
        except KGError as error:
            self._state = PartState(state="error", message=str(error))
        except Exception as error:  # a probe must tell, whatever it is that failed
            self._state = PartState(state="error", message=f"{type(error).__name__}: {error}")
        finally:
            self._asked = False
        if self._state is not None:
            self._answered = time.monotonic()


class Health:
    """The state of the parts of an open run."""

    def __init__(self, opened: OpenRun, query_seconds: float) -> None:
        lately = 2 * query_seconds + 10
        self._opened = opened
        self._last: tuple[float, HealthResponse] | None = None  # when it was found, and the state
        self._probes = {"run": Probe(lambda: opened.run.require("graph"), lately)}
        for name, store in (("cypher", opened.cypher), ("sparql", opened.sparql)):
            if store is not None:
                self._probes[name] = Probe(partial(store.query, _PROBES[name], timeout=query_seconds, limit=1), lately)

    async def works(self, name: str) -> bool:
        """Whether a part works, as far as can be told at once."""
        return (await self._probes[name].state()).state == "ok"

    async def state(self) -> HealthResponse:
        """The state of all parts, asked at the same time, and not again for `FRESH` seconds."""
        if self._last and time.monotonic() - self._last[0] < FRESH:
            return self._last[1]
        response = await self._ask()
        self._last = time.monotonic(), response
        return response

    async def _ask(self) -> HealthResponse:
        found: dict[str, PartState] = {}

        async def ask(name: str) -> None:
            found[name] = await self._probes[name].state()

        async with anyio.create_task_group() as group:
            for name in self._probes:
                group.start_soon(ask, name)
        student, absent = self._opened.student, PartState(state="absent")
        found["student"] = PartState(state="ok", message=student.name) if student else absent
        if found["run"].state == "ok":
            found["run"] = PartState(state="ok", message=self._opened.run.id)
        parts = {name: found.get(name, absent) for name in ("run", "cypher", "sparql", "student")}
        broken = any(part.state == "error" for part in parts.values())
        return HealthResponse(status="error" if broken else "ok", **parts)
