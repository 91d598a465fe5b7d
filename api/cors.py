"""Which pages of other servers may read from this one: any, but only what is made for programs on the web of data.

The server usually listens on the user's own machine, with no password. Were all its routes open, any page that the
user looks at could read and ask everything; the query endpoint is what such pages have a use for.
"""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN = ("/sparql", "/.well-known/void", "/.well-known/sparql-examples")
_DAY = 86_400  # seconds that a browser may keep the answer to its question


class CorsMiddleware:
    """Answers a browser's preflight requests to the paths in `OPEN`, and adds CORS headers to their answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app, allow_origins=["*"], allow_methods=["GET", "HEAD", "POST", "OPTIONS"], allow_headers=["*"],
            expose_headers=["Retry-After"], max_age=_DAY,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = scope["type"] == "http" and scope["path"] in OPEN
        await (self._open if is_open else self._app)(scope, receive, send)
