"""Bolt servers: where one is, the connections to it, and the time that its queries may take."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from neo4j import Driver, GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

from kg.errors import StoreError
from loaders.embedded import Address

_URI = re.compile(r"(bolt|neo4j)(\+s|\+ssc)?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?(\?\S*)?")


class Server(Protocol):
    """Where a BoltStore finds its server.

    `ours` tells that this package starts and ends it; it lets no query run longer than `query_limit` seconds. A query
    has `grace` seconds to stop after its time. `help` says what to do when the server cannot be reached.
    """

    name: str
    help: str
    ours: bool
    query_limit: float
    grace: float

    def address(self) -> Address:
        """Where the server is now; starts it if it is ours to start."""
        ...

    def is_stale(self) -> bool:
        """Whether what `address` led to is no longer what it is about."""
        ...

    def written(self) -> None:
        """Is told when a load or a withdrawal is complete."""
        ...

    def kill(self) -> None:
        """Ends a server that no longer listens, if it is ours to end."""
        ...

    def close(self) -> None: ...


class RemoteServer:
    """A server that somebody else runs; user, password and database come from KG_BOLT_* in the environment."""

    help = "start it, or correct its address (--bolt or KG_BOLT_URI)"
    ours = False
    query_limit = float("inf")
    grace = 0.5  # Neo4j does not stop all kinds of query

    def __init__(self, uri: str) -> None:
        """Raises StoreError when `uri` is no address of a Bolt server."""
        if not _URI.fullmatch(uri):
            raise StoreError(f"{uri!r} is no address of a Bolt server: it looks like bolt://localhost:7687")
        self.name = f"the Bolt server at {uri}"
        self._uri = uri

    def address(self) -> Address:
        env = os.environ
        auth = None
        if "KG_BOLT_PASSWORD" in env or "KG_BOLT_USER" in env:
            auth = (env.get("KG_BOLT_USER", "neo4j"), env.get("KG_BOLT_PASSWORD", ""))
        return Address(self._uri, env.get("KG_BOLT_DATABASE"), auth, auth)

    def is_stale(self) -> bool:
        return False

    def written(self) -> None:
        """Nobody has to know."""

    def kill(self) -> None:
        """It is not ours to end."""

    def close(self) -> None:
        """There is nothing to free."""


class Reader:
    """One connection for reading, which `cut` ends at once, whatever it is doing for another thread."""

    def __init__(self, address: Address) -> None:
        self.usable = True
        self.driver = _driver(address.uri, address.read_auth)

    def cut(self) -> None:
        self.usable = False
        self.driver.close()


class Drivers:
    """The connections to one address: one for writing, and as many as needed for reading as one who may only read."""

    def __init__(self, address: Address) -> None:
        self.database = address.database
        self.used = False
        self._address = address
        self._lock = threading.Lock()
        self._closed = False
        self.write = _driver(address.uri, address.auth)
        self._idle: list[Reader] = []

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A connection that nobody else uses meanwhile; one that failed is not used again."""
        with self._lock:
            reader = self._idle.pop() if self._idle else None
        reader = reader or Reader(self._address)
        try:
            yield reader
        except DriverError:
            reader.usable = False
            raise
        finally:
            with self._lock:
                keep = reader.usable and not self._closed
                if keep:
                    self._idle.append(reader)
            if not keep:
                reader.cut()

    def close(self) -> None:
        """Closes what is not in use now, and the rest when it is given back."""
        with self._lock:
            self._closed, idle = True, self._idle
            self._idle = []
        for driver in [self.write, *(reader.driver for reader in idle)]:
            driver.close()


class Watch:
    """Keeps the time of one query that its server may not stop.

    When the time is up, `stop` is called until the query ends. One that runs on for `grace` seconds is ended by
    `force`, however busy the server is. `expired` tells that the time was up.
    """

    def __init__(self, timeout: float, grace: float, stop: Callable[[], object], force: Callable[[], None]) -> None:
        self.expired = False
        self._timeout, self._grace, self._stop, self._force = timeout, grace, stop, force
        self._done = threading.Event()

    def __enter__(self) -> "Watch":
        threading.Thread(target=self._wait, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def _wait(self) -> None:
        if self._done.wait(self._timeout):
            return
        self.expired = True
        threading.Thread(target=self._keep_stopping, daemon=True).start()
        if not self._done.wait(self._grace):
            self._force()

    def _keep_stopping(self) -> None:
        deadline = time.monotonic() + self._grace
        while not self._done.wait(0.05) and time.monotonic() < deadline:
            with suppress(Neo4jError, DriverError, StoreError):  # a server too busy to tell
                self._stop()


def _driver(uri: str, auth: tuple[str, str] | None) -> Driver:
    return GraphDatabase.driver(
        uri, auth=auth, user_agent="distilkg", connection_timeout=5.0, max_transaction_retry_time=5.0
    )
