"""What was asked and how it was answered: counters and latencies by route for Prometheus, and a log of requests."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one app, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["method", "route", "status"]
        self._requests = Counter("kg_http_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "kg_http_request_seconds", "Seconds from request to end of answer.", labels,
            buckets=_BUCKETS, registry=self.registry,
        )
        self.in_flight = Gauge("kg_http_requests_in_flight", "Requests being answered.", registry=self.registry)
        ProcessCollector(registry=self.registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request."""
        labels = (method if method in _METHODS else "other", route, str(status))
        self._requests.labels(*labels).inc()
        self._seconds.labels(*labels).observe(seconds)

    def text(self) -> bytes:
        """All counters in Prometheus' text format."""
        return generate_latest(self.registry)


class RecordMiddleware:
    """Counts every request under the template of its route, so that paths made up by clients add no series.

    Where there is a `log` it gets a line of JSON for each request: `time` (RFC 3339), `client`, `method`, `path`,
    `route`, `status`, `seconds`, `bytes` of the answer's body. Queries and keys are not in it.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, log: Callable[[str], object] | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, started, status, size = datetime.now(UTC), time.perf_counter(), 500, 0

        async def watched(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            size += len(message.get("body", b""))
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, watched)
        finally:
            self._metrics.in_flight.dec()
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "") or "(none)"
            self._metrics.observe(scope["method"], route, status, seconds)
            if self._log is not None:
                self._log(json.dumps({
                    "time": began.isoformat(timespec="milliseconds"), "client": (scope.get("client") or [None])[0],
                    "method": scope["method"], "path": scope["path"], "route": route, "status": status,
                    "seconds": round(seconds, 6), "bytes": size,
                }) + "\n")
