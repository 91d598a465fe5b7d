"""An answer of the SPARQL store on its way to a client: whole when it is short, streamed when it is long."""

import logging

import anyio.to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from kg.errors import KGError
from kg.protocols import Document

_log = logging.getLogger("kg.http")


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
