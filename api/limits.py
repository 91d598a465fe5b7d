"""What one client may ask for, and how blocking work is kept off the event loop."""

import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import anyio
import anyio.to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import OPEN
from api.problems import ProblemError

T = TypeVar("T")
RETRY = 2  # seconds after which a client that was turned away may try again
_CLOSE = {"Connection": "close"}
GRACE = 0.4  # seconds that a store gets to end a query itself before the request is answered without it


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of one app: of a body, a query, a model, a client, and of how many there are at once.

    Times are in seconds; `rate` is in requests a second of one client, 0 for no limit.
    """

    body_bytes: int = 1_000_000
    body_seconds: float = 30.0
    query_seconds: float = 30.0
    model_seconds: float = 120.0  # a student's first answer on a busy machine takes half a minute
    query_rows: int = 10_000
    document_rows: int = 5_000_000  # of a SPARQL answer, which is streamed
    document_bytes: int = 2 << 30
    queries_at_once: int = 8
    models_at_once: int = 1
    waiting: int = 512  # queries that wait for their turn, and the same of models: each for its time-out at most
    requests_at_once: int = 1024
    rate: float = 0.0

    def seconds(self, asked: float | None) -> float:
        """The time-out of a query for which a client asked `asked` seconds."""
        return self.query_seconds if asked is None else min(asked, self.query_seconds)


class Work:
    """Threads for blocking calls: `queries` to stores and files, and `models`, which share no thread.

    A call that is not done in time is left behind in a thread of its own; its place is free and the request answered.
    """

    def __init__(self, limits: Limits) -> None:
        self._queries = anyio.CapacityLimiter(limits.queries_at_once)
        self._models = anyio.CapacityLimiter(limits.models_at_once)
        self._inside = {self._queries: 0, self._models: 0}  # calls that run or wait
        self._limits = limits

    async def query(self, call: Callable[[], T], seconds: float | None = None) -> T:
        """The result of a call to a store or to files, within `seconds`."""
        return await self._run(call, self._queries, self._limits.seconds(seconds))

    async def model(self, call: Callable[[], T]) -> T:
        """The result of a call to a student or an extractor."""
        return await self._run(call, self._models, self._limits.model_seconds)

    @asynccontextmanager
    async def turn(self, seconds: float) -> AsyncIterator[float]:
        """A place among the queries for one that needs no thread, and how many of its `seconds` are left for it."""
        query, deadline = object(), time.monotonic() + seconds
        with self._counted(self._queries):
            try:
                self._queries.acquire_on_behalf_of_nowait(query)
            except anyio.WouldBlock:
                with anyio.move_on_after(seconds) as scope:
                    await self._queries.acquire_on_behalf_of(query)
                if scope.cancelled_caught:
                    raise busy() from None
            try:
                yield max(deadline - time.monotonic(), 0.001)
            finally:
                self._queries.release_on_behalf_of(query)

    @contextmanager
    def _counted(self, limiter: anyio.CapacityLimiter) -> Iterator[None]:
        """Counts a call that runs or waits. Raises ProblemError where there is no room for it."""
        if self._inside[limiter] >= limiter.total_tokens + self._limits.waiting:
            raise busy()
        self._inside[limiter] += 1
        try:
            yield
        finally:
            self._inside[limiter] -= 1

    async def _run(self, call: Callable[[], T], limiter: anyio.CapacityLimiter, seconds: float) -> T:
        begun = False

        def begin() -> T:
            nonlocal begun
            begun = True
            return call()

        with self._counted(limiter):
            try:
                with anyio.fail_after(seconds + GRACE):
                    return await anyio.to_thread.run_sync(begin, limiter=limiter, abandon_on_cancel=True)
            except TimeoutError:
                if not begun:
                    raise busy() from None
                raise late(seconds) from None


def late(seconds: float) -> ProblemError:
    """The answer to a request that was not answered in time."""
    return ProblemError(504, f"no answer within {seconds:.3g} s: ask for less, or try again")


def busy() -> ProblemError:
    """The answer to a request that there is no room for."""
    return ProblemError(
        503, f"too many requests are being answered: try again in {RETRY} s", "Busy", {"Retry-After": str(RETRY)}
    )


class CrowdMiddleware:
    """Answers 503 with Retry-After to requests beyond the `most` that are being answered; `/health` always gets in."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        if self._inside >= self._most:
            await busy().response(scope["path"])(scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1


class BodyLimitMiddleware:
    """Refuses bodies above `most` bytes with 413, before or while they are read, and with 408 what comes too slowly."""

    def __init__(self, app: ASGIApp, most: int, seconds: float) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        try:
            with anyio.fail_after(self._seconds):
                body = await self._read(scope, receive)
        except TimeoutError:
            problem = ProblemError(408, f"the body did not come within {self._seconds:g} s", headers=_CLOSE)
            await problem.response(scope["path"])(scope, receive, send)
        except ProblemError as problem:
            await problem.response(scope["path"])(scope, receive, send)
        else:
            if body is not None:
                await self._app(scope, _replay(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body; None when the client leaves."""
        size, body, ended = _declared_length(scope), bytearray(), False
        while not ended and max(size, len(body)) <= self._most:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            ended = not message.get("more_body", False)
        if max(size, len(body)) > self._most:
            raise ProblemError(413, f"the body is larger than {self._most:,} bytes: send less at once", headers=_CLOSE)
        return bytes(body)


def _has_body(scope: Scope) -> bool:
    """Whether a body may follow. A GET over HTTP/1.1 says so in one of these headers (RFC 9112, section 6.3)."""
    announced = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
    return announced or scope["method"] not in ("GET", "HEAD")


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
