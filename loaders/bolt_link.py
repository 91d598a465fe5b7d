"""A link to a Bolt server that lasts: writing transactions and reading work, done again when they were disturbed."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from neo4j import READ_ACCESS, ManagedTransaction, Record, Session
from neo4j.exceptions import DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from kg.errors import StoreError
from loaders.bolt_server import Drivers, Reader, Server
from loaders.bolt_values import store_error

R = TypeVar("R")

PATIENCE = 60.0  # seconds that a load waits for a server that went away
TRIES = 3  # of a question whose connection was lost
FETCH = 1000  # rows the driver asks for at a time
FAULTS = (Neo4jError, DriverError, ValueError, TypeError, OverflowError)
_LOST = (ServiceUnavailable, SessionExpired)
# What a server has to say about a query (an unknown label, say) is not for the terminal.
logging.getLogger("neo4j").addHandler(logging.NullHandler())


class Link:
    """Connections to one server, made anew when they are lost; several threads may use them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._lock = threading.Lock()
        self._drivers: Drivers | None = None
        self._closed = False

    def commit(self, text: str, **parameters: Any) -> list[Any]:
        """Runs one writing transaction, again when it was disturbed; returns the one row that it answers, if any.

        The text must be one that may run twice: an answer can get lost after the server has done its work. A server
        that went away may stay away for `PATIENCE` seconds, counted from when that was noticed.
        """
        return self._commit(lambda tx: _row(tx.run(text, parameters)))

    def create(self, text: str, **parameters: Any) -> int:
        """As `commit`; returns how many nodes and relationships were made."""

        def work(tx: ManagedTransaction) -> int:
            made = tx.run(text, parameters).consume().counters
            return made.nodes_created + made.relationships_created

        return self._commit(work)

    def _commit(self, work: Callable[[ManagedTransaction], R]) -> R:
        deadline: float | None = None
        while True:
            drivers = self._connected()
            try:
                with drivers.write.session(database=drivers.database) as session:
                    return session.execute_write(work)
            except FAULTS as error:
                lost = isinstance(error, _LOST)  # an IncompleteCommit too, which the driver itself would not repeat
                again = lost or (isinstance(error, Neo4jError) and error.is_retryable())
                deadline = deadline or time.monotonic() + PATIENCE
                if not again or time.monotonic() > deadline:
                    raise store_error(error, self.server) from None
                if lost:
                    self._disconnect(drivers)
            time.sleep(0.5)

    def read(
        self, work: Callable[[Session], R], retry: Callable[[], bool] = lambda: True, cut: "Cut | None" = None,
        patience: float = 0.0,
    ) -> R:
        """Does reading work, again when the connection was lost; StoreError for what else goes wrong.

        `cut` can end the work from another thread. `patience` is for how many seconds a server may be away.
        """
        deadline, tries = time.monotonic() + patience, 0
        while True:
            tries += 1
            drivers = self._connected()
            known, drivers.used = drivers.used, True
            try:
                with drivers.reader() as reader:
                    if cut is not None:
                        cut.reader = reader
                    with reader.driver.session(
                        database=drivers.database, default_access_mode=READ_ACCESS, fetch_size=FETCH
                    ) as session:
                        return work(session)
            except FAULTS as error:
                # A connection that never worked is worth another try only where we can start the server.
                again = isinstance(error, _LOST) and (known or self.server.ours or patience) and retry()
                if not again or (tries >= TRIES and time.monotonic() > deadline):
                    raise store_error(error, self.server) from None
                self._disconnect(drivers)
            time.sleep(0.2)

    def number(self, text: str, parameters: Mapping[str, Any] | None = None, patience: float = 0.0) -> int:
        """The number that a reading text answers."""
        return self.read(lambda session: _first(session.run(text, dict(parameters or {}))), patience=patience)

    def total(self, texts: Sequence[str], patience: float = 0.0) -> int:
        """The sum of the numbers `n` that reading texts answer, asked at once."""
        return sum(record["n"] for record in self.records(" UNION ALL ".join(texts), {}, patience))

    def records(self, text: str, parameters: Mapping[str, Any], patience: float = 0.0) -> list[Record]:
        """All rows that a reading text answers."""
        return self.read(lambda session: list(session.run(text, dict(parameters))), patience=patience)

    def terminate(self, name: str) -> None:
        """Stops the query that has `name` in its metadata or, on the embedded engine, in a comment."""
        drivers = self._connected()
        shown = "SHOW TRANSACTIONS" if self.server.ours else "SHOW TRANSACTIONS YIELD transactionId, metaData"
        with drivers.write.session(database=drivers.database) as session:
            running = [r["transactionId"] for r in session.run(shown) if name in str(r.data())]
            for found in running:
                session.run(f"TERMINATE TRANSACTION '{found}'").consume()

    def close(self) -> None:
        """Closes the connections and stops using the server; a second call does nothing."""
        self._closed = True
        self._disconnect(self._drivers)
        self.server.close()

    def _connected(self) -> Drivers:
        with self._lock:
            if self._closed:
                raise StoreError(f"the connection to {self.server.name} is closed")
            if self._drivers is not None and self.server.is_stale():
                self._drivers.close()
                self._drivers = None
            if self._drivers is None:
                address = self.server.address()
                try:
                    self._drivers = Drivers(address)
                except (DriverError, ValueError, TypeError) as error:
                    raise StoreError(f"{self.server.name} cannot be used: {error}") from None
            return self._drivers

    def _disconnect(self, drivers: Drivers | None) -> None:
        """Drops connections that no longer work, unless another thread has replaced them already."""
        with self._lock:
            if drivers is not None and drivers is self._drivers:
                self._drivers = None
                drivers.close()


class Cut:
    """Ends the work of one reader by closing its connection."""

    reader: Reader | None = None

    def __call__(self) -> None:
        if self.reader is not None:
            self.reader.cut()


def _row(result: Any) -> list[Any]:
    """The values of the one row that a query answers; none when it answers nothing."""
    record = result.single()
    return list(record) if record else []


def _first(result: Any) -> int:
    """The number that a query answers; 0 when it answers nothing."""
    return int(next(iter(_row(result)), 0))
