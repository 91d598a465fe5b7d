"""An answer of the SPARQL store on its way to a client: whole when it is short, streamed when it is long."""

import asyncio
import logging
import os
import time

import anyio
import anyio.to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.limits import GRACE, late
from api.state import State
from kg.errors import KGError, StoreError
from kg.protocols import Document, Pending, SparqlRequest

_log = logging.getLogger("kg.http")
_AT_ONCE = 1 << 16  # bytes that a pipe holds: so many are read without waiting


async def ask(state: State, request: SparqlRequest) -> tuple[Document, bytes | None]:
    """The answer to a query, and its bytes where it is short. Must be closed.

    The event loop itself waits for it: a thread that wakes for each answer costs more than a small query.
    """
    store, limits = state.sparql(), state.limits
    seconds, caps = limits.query_seconds, (limits.document_rows, limits.document_bytes)
    deadline = time.monotonic() + seconds
    try:
        async with state.work.turn(seconds) as rest:
            pending = store.begin(request, rest, *caps)
            if pending is not None:
                return await _received(pending, rest)
    except StoreError as error:
        raise await state.told("sparql", error) from None

    def left() -> float:
        return max(deadline - time.monotonic(), 0.001)

    def wait() -> tuple[Document, bytes | None]:
        document = store.document(request, left(), *caps)  # by then it has waited for a thread
        return document, None if document.length is None else b"".join(document.chunks())

    return await state.ask("sparql", wait, left())


async def _received(pending: Pending, seconds: float) -> tuple[Document, bytes | None]:
    try:
        async with asyncio.timeout(seconds + GRACE):
            await _readable(pending.fileno())
        pending.receive()
        if pending.length is None:
            return pending, None
        if pending.length <= _AT_ONCE:
            return pending, b"".join(pending.chunks())
        return pending, await anyio.to_thread.run_sync(lambda: b"".join(pending.chunks()))
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(pending.close)
        raise late(seconds) if isinstance(error, TimeoutError) else error from None


async def _readable(descriptor: int) -> None:
    """Waits until there is something to read, if only the end. Reads still block: libuv would have it otherwise."""
    loop = asyncio.get_running_loop()
    come = loop.create_future()

    def tell() -> None:
        loop.remove_reader(descriptor)
        if not come.done():
            come.set_result(None)

    loop.add_reader(descriptor, tell)
    try:
        await come
    except BaseException:
        loop.remove_reader(descriptor)
        raise
    finally:
        os.set_blocking(descriptor, True)


class DocumentResponse(StreamingResponse):
    """A long document. A client that leaves ends the query.

    When the query fails or runs over its time in the midst of it, the reason is appended as a line of its own and the
    connection is broken off before the end that HTTP marks: no client can take the part for the whole.
    """

    def __init__(self, document: Document, media_type: str, headers: dict[str, str]) -> None:
        super().__init__(document.chunks(), headers=headers, media_type=media_type)
        self._document = document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._document.close)

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except KGError as error:
            _log.warning("an answer was broken off: %s", error)
            line = f"\nerror: {error}\n".encode()
            await send({"type": "http.response.body", "body": line, "more_body": True})
