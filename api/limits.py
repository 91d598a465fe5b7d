"""What one client may ask for, and how blocking work is kept off the event loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio
import anyio.to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ProblemError

T = TypeVar("T")
GRACE = 2.0  # seconds that a store gets to end a query itself before the request is answered without it


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of one app: bytes of a body, seconds and rows of a query, seconds of a model, how many of each at once."""

    body_bytes: int = 1_000_000
    query_seconds: float = 30.0
    model_seconds: float = 120.0  # a student's first answer on a busy machine takes half a minute
    query_rows: int = 10_000
    document_rows: int = 5_000_000  # of a SPARQL answer, which is streamed
    document_bytes: int = 2 << 30
    queries_at_once: int = 8
    models_at_once: int = 1

    def seconds(self, asked: float | None) -> float:
        """The time-out of a query for which a client asked `asked` seconds."""
        return self.query_seconds if asked is None else min(asked, self.query_seconds)

    def rows(self, asked: int | None) -> int:
        """The row cap of a query for which a client asked `asked` rows."""
        return self.query_rows if asked is None else min(asked, self.query_rows)


class Work:
    """Threads for blocking calls: `queries` to stores and files, and `models`, which share no thread.

    A call that is not done in time is left behind in its thread, which stays occupied until the call returns; the
    request is answered.
    """

    def __init__(self, limits: Limits) -> None:
        self._queries = anyio.CapacityLimiter(limits.queries_at_once)
        self._models = anyio.CapacityLimiter(limits.models_at_once)
        self._limits = limits

    async def query(self, call: Callable[[], T], seconds: float | None = None) -> T:
        """The result of a call to a store or to files, within `seconds`."""
        return await self._run(call, self._queries, self._limits.seconds(seconds))

    async def model(self, call: Callable[[], T]) -> T:
        """The result of a call to a student or an extractor."""
        return await self._run(call, self._models, self._limits.model_seconds)

    async def _run(self, call: Callable[[], T], limiter: anyio.CapacityLimiter, seconds: float) -> T:
        try:
            with anyio.fail_after(seconds + GRACE):
                return await anyio.to_thread.run_sync(call, limiter=limiter, abandon_on_cancel=True)
        except TimeoutError:
            raise ProblemError(504, f"no answer within {seconds:g} s: ask for less, or try again") from None


class BodyLimitMiddleware:
    """Refuses bodies above `most` bytes with 413, before or while they are read."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > self._most:
            await self._refuse(scope, receive, send)
            return
        body, ended = bytearray(), False
        while not ended:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            ended = not message.get("more_body", False)
            if len(body) > self._most:
                await self._refuse(scope, receive, send)
                return
        await self._app(scope, _replay(bytes(body), receive), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = ProblemError(413, f"the body is larger than {self._most:,} bytes: send less at once")
        await problem.response(scope["path"], {"Connection": "close"})(scope, receive, send)


def _declared_length(scope: Scope) -> float:
    """Content-Length, or 0 where there is none; infinite for one that is no number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 19 else math.inf
    return 0


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and then what the client does."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
