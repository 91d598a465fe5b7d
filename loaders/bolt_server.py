"""Bolt servers: where one is, the connections to it, and the time that its queries may take."""

import os
import re
import threading
import time
from collections.abc import Callable
from typing import Protocol

from neo4j import Driver, GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

from kg.errors import StoreError
from loaders.embedded import Address

_URI = re.compile(r"(bolt|neo4j)(\+s|\+ssc)?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?(\?\S*)?")


class Server(Protocol):
    """Where a BoltStore finds its server.

    `ours` tells that nobody but this package keeps the time of its queries; it lets none run longer than
    `query_limit` seconds. A query has `grace` seconds to stop after its time. `help` says what to do when the server
    cannot be reached.
    """

    name: str
    help: str
    ours: bool
    query_limit: float
    grace: float

    def address(self) -> Address:
        """Where the server is now; starts it if it is ours to start."""
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
    grace = 5.0  # Neo4j looks every 2 s whether a query is late, and does not stop all kinds

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

    def kill(self) -> None:
        """It is not ours to end."""

    def close(self) -> None:
        """There is nothing to free."""


class Drivers:
    """The connections to one address: for writing, and for reading as somebody who may only read."""

    def __init__(self, address: Address) -> None:
        self.database = address.database
        self.used = False
        self.write = _driver(address.uri, address.auth)
        self.read = self.write if address.auth == address.read_auth else _driver(address.uri, address.read_auth)

    def close(self) -> None:
        self.write.close()
        self.read.close()


class Watch:
    """Keeps the time of one query that its server may not stop.

    When the time is up, `stop` is called until the query ends; it tells whether the query still runs. One that runs
    on for `grace` seconds is ended by `force`. `expired` tells that the time was up.
    """

    def __init__(self, timeout: float, grace: float, stop: Callable[[], bool], force: Callable[[], None]) -> None:
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
        deadline = time.monotonic() + self._grace
        while not self._done.wait(0.05):
            try:
                running = self._stop()
            except (Neo4jError, DriverError, StoreError):
                running = True  # a server too busy to tell
            if running and time.monotonic() > deadline:
                self._force()
                return


def _driver(uri: str, auth: tuple[str, str] | None) -> Driver:
    return GraphDatabase.driver(
        uri, auth=auth, user_agent="distilkg", connection_timeout=5.0, max_transaction_retry_time=5.0
    )
