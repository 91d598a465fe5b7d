"""The HTTP server: the app with all its routes, and how it runs and stops."""

import gc
import math
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio.to_thread
import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems, routes_graph, routes_query, routes_site, routes_sparql
from api.access import KeyMiddleware, RateMiddleware, Rates
from api.assemble import OpenRun
from api.cors import CorsMiddleware
from api.limits import GRACE, BodyLimitMiddleware, CrowdMiddleware, Limits
from api.metrics import RecordMiddleware
from api.models import ProblemResponse
from api.state import State
from kg import __version__
from kg.errors import InputError, StoreError

# Seconds that an idle connection is kept: longer than clients and proxies keep theirs (5 s, 60 s), because one that is
# closed just when a request is sent on it is an error for the client.
KEEP_ALIVE = 75
SWITCH = 0.0005  # seconds after which a busy thread lets the event loop go on, instead of 5 ms
_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {"description": "Any error, as RFC 9457 problem details.", "content": {problems.PROBLEM: {
        "schema": {"$ref": "#/components/schemas/ProblemResponse"},
        "example": {
            "type": "about:blank", "title": "Invalid request", "status": 422,
            "detail": "unknown relation 'xWnat': did you mean xWant?", "instance": "/v1/complete",
        },
    }}},
}


def create_app(
    opened: OpenRun, limits: Limits | None = None, keys: Sequence[str] = (), log: Callable[[str], object] | None = None
) -> FastAPI:
    """The app that serves an open run, which it closes when it stops.

    With `keys` only who has one of them is answered; `log` gets a line for each request. Raises RunError for a run
    without a graph.
    """
    state = State.of(opened, limits or Limits())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(_warm, opened)
        yield
        opened.close()

    app = FastAPI(
        title="distilkg", version=__version__, summary="A knowledge graph that answers queries and completes heads.",
        description="Everything is read-only. Errors are RFC 9457 problem details.",
        docs_url=None, redoc_url=None, lifespan=lifespan, default_response_class=problems.Json, responses=_PROBLEMS,
    )
    app.state.kg = state
    app.state.patience = max(state.limits.query_seconds, state.limits.model_seconds) + GRACE
    for module in (routes_query, routes_sparql, routes_graph, routes_site):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=str(routes_site.STATIC)), "static")
    problems.install(app)
    app.add_middleware(routes_sparql.DirectMiddleware, state=state)
    _guard(app, state, keys)
    app.add_middleware(CorsMiddleware)
    app.add_middleware(HeadersMiddleware)
    app.add_middleware(RecordMiddleware, metrics=state.metrics, log=log)
    _describe_problems(app)
    return app


def _warm(opened: OpenRun) -> None:
    with suppress(StoreError):  # the questions will tell
        if opened.sparql is not None:
            opened.sparql.warm()


def _guard(app: FastAPI, state: State, keys: Sequence[str]) -> None:
    """Puts the limits before the routes. A request meets the last one first: how often, who, how large, how many."""
    limits = state.limits
    app.add_middleware(CrowdMiddleware, most=limits.requests_at_once)
    app.add_middleware(BodyLimitMiddleware, most=limits.body_bytes, seconds=limits.body_seconds)
    if keys:
        app.add_middleware(KeyMiddleware, keys=keys)
    if limits.rate:
        app.add_middleware(RateMiddleware, rates=Rates(limits.rate))


def serve(
    app: FastAPI, host: str = "127.0.0.1", port: int = 8000, ready: Callable[[str], None] = lambda _: None
) -> None:
    """Serves until SIGTERM or SIGINT, and then until the requests in flight are answered.

    `app.state.patience` is how many seconds a request may take. Port 0 takes a free one. `ready` is called with the
    address once connections are taken. Raises InputError for an address that cannot be used.
    """
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, timeout_graceful_shutdown=math.ceil(app.state.patience) + 1,
        timeout_keep_alive=KEEP_ALIVE,
    )
    server = uvicorn.Server(config)
    sys.setswitchinterval(SWITCH)
    gc.freeze()  # what is there now stays: it need not be looked through again and again
    gc.set_threshold(10_000, 10, 10)
    with _listen(host, port) as listener:
        for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again when it has stopped: not an error
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        address = listener.getsockname()
        ready(f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}/")
        server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        raise InputError(f"cannot listen on {host}, port {port}: {error.strerror}; try another --port") from None
    return listener


class HeadersMiddleware:
    """Adds to every answer that has none of its own the headers that keep a browser from running or leaking things."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = dict(message.get("headers", []))
                message["headers"] = [*message.get("headers", []), *(h for h in _HEADERS if h[0] not in own)]
            await send(message)

        await self._app(scope, receive, with_headers)


def _describe_problems(app: FastAPI) -> None:
    """Puts the problem's schema into the OpenAPI document in place of FastAPI's own kind of error."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["ProblemResponse"] = ProblemResponse.model_json_schema()
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
