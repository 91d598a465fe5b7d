"""Answers of /cypher as they are sent: rows as JSON in one piece, or as JSON lines while they come."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.from_thread
import orjson
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.problems import ProblemError, json_bytes, problem_of
from kg.errors import KGError
from kg.protocols import Rows

JSON = "application/json"
NDJSON = "application/x-ndjson"
MOST = 64_000_000  # bytes of an answer in one piece

Take = Callable[[Rows], None]


class WholeAnswer:
    """Collects the parts of an answer as JSON text; memory is bounded by `MOST`."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._last = Rows([])

    def take(self, part: Rows) -> None:
        """Adds a part. Raises ProblemError when the answer gets too large."""
        rows = _bytes(part.rows)[1:-1]
        self._size += len(rows)
        if self._size > MOST:
            raise ProblemError(400, f"the answer is larger than {MOST:,} bytes: ask for less, or take it as {NDJSON}")
        self._pieces += [rows] if rows else []
        self._last = part

    def again(self) -> bool:
        """Forgets what was taken: the answer begins again."""
        self._pieces, self._size = [], 0
        return True

    def body(self) -> bytes:
        columns, truncated = json_bytes(self._last.columns), json_bytes(self._last.truncated)
        return b'{"columns":%b,"rows":[%b],"truncated":%b}' % (columns, b",".join(self._pieces), truncated)


class LineAnswer(Response):
    """JSON lines: `{"columns": [...]}`, an array for each row, and at the end `{"rows": n, "truncated": false}`.

    `ask` hands the parts of the answer to its argument, which may be called from a thread. What goes wrong before the
    first part is an answer of its own; later it is the last line, as problem details. When the client goes away, `ask`
    is cancelled.
    """

    media_type = NDJSON

    def __init__(self, ask: Callable[[Take], Awaitable[None]], path: str) -> None:
        super().__init__()
        self._ask = ask
        self._path = path
        self._fault: ProblemError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender, parts = anyio.create_memory_object_stream[Rows](1)
        async with anyio.create_task_group() as group, parts:
            group.start_soon(self._produce, sender)
            group.start_soon(_cancel_when_gone, receive, group.cancel_scope)
            await self._send(parts, scope, receive, send)
            group.cancel_scope.cancel()

    async def _produce(self, sender: MemoryObjectSendStream[Rows]) -> None:
        async with sender:
            try:
                await self._ask(lambda part: anyio.from_thread.run(sender.send, part))
            except ProblemError as error:
                self._fault = error
            except KGError as error:
                self._fault = problem_of(error)

    async def _send(
        self, parts: MemoryObjectReceiveStream[Rows], scope: Scope, receive: Receive, send: Send
    ) -> None:
        rows, last = 0, None
        async for part in parts:
            lines = [_bytes(row) for row in part.rows]
            if last is None:
                headers = [(b"content-type", NDJSON.encode())]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                lines.insert(0, json_bytes({"columns": part.columns}))
            body = b"".join(b"%b\n" % line for line in lines)
            await send({"type": "http.response.body", "body": body, "more_body": True})
            rows, last = rows + len(part.rows), part
        if last is None:
            problem = self._fault or ProblemError(500, "the query gave no answer")
            await problem.response(self._path)(scope, receive, send)
            return
        end = self._fault.content(self._path) if self._fault else {"rows": rows, "truncated": last.truncated}
        await send({"type": "http.response.body", "body": json_bytes(end) + b"\n"})


def _bytes(rows: list[Any]) -> bytes:
    """`api.problems.json_bytes` of rows, whose numbers `loaders.bolt_values.plain` has made finite: twice as fast."""
    try:
        return orjson.dumps(rows)
    except orjson.JSONEncodeError:  # half surrogates
        return json_bytes(rows)


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
