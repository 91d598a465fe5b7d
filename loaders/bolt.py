"""A property graph over Bolt: Neo4j, or the embedded engine. One loader and one dialect for both.

Nodes are `(:Event|:Thing|:State {id, text, nothing, run_ids})`; each relation of the ontology is a relationship type
with `{id, relation, negated, score, level, sources, run_ids}`.
"""

import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from neo4j import READ_ACCESS, Query, Record, Result, Session
from neo4j.exceptions import DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from kg.errors import QueryTimeoutError, StoreError
from kg.graph import GraphFiles
from kg.ontology import KINDS, Ontology
from kg.protocols import Rows
from kg.records import Triple
from kg.run import Progress, silent
from loaders import cypher_text
from loaders.bolt_server import Drivers, RemoteServer, Server, Watch
from loaders.bolt_values import chunks, plain, store_error
from loaders.embedded import EmbeddedEngine

R = TypeVar("R")

PATIENCE = 60.0  # seconds that a write waits for a server that went away
FETCH = 1000  # rows the driver asks for at a time
_LOST = (ServiceUnavailable, SessionExpired)
_FAULTS = (Neo4jError, DriverError, ValueError, TypeError, OverflowError)
_EDGE_COLUMNS = ["id", "head", "relation", "tail", "negated", "score", "level", "sources"]
# What a server has to say about a query (an unknown label, say) is not for the terminal.
logging.getLogger("neo4j").addHandler(logging.NullHandler())


def connect(ontology: Ontology, folder: Path, uri: str | None = None) -> "BoltStore":
    """The store at `uri` or KG_BOLT_URI; without either, the embedded engine with its files in `folder`.

    Raises StoreError when it cannot be reached, with what to do.
    """
    uri = uri or os.environ.get("KG_BOLT_URI")
    return BoltStore(RemoteServer(uri) if uri else EmbeddedEngine(folder), ontology)


class BoltStore:
    """A `kg.protocols.GraphStore` over Bolt; its methods may be called from several threads."""

    language = "cypher"

    def __init__(self, server: Server, ontology: Ontology) -> None:
        """Connects. Raises StoreError when the server does not answer or refuses the password."""
        self._server = server
        self._ontology = ontology
        self._lock = threading.Lock()
        self._drivers: Drivers | None = None
        self._closed = False
        try:
            self._read(lambda session: session.run("RETURN 1").consume())
        except StoreError:
            self.close()
            raise

    def write(self, graph: GraphFiles, run_id: str, progress: Progress = silent) -> dict[str, int]:
        """Writes nodes, then edges, in batches that are each there whole or not at all; a second load changes nothing.

        An interrupted load is finished by loading again. Where several runs have the same edge, the last one loaded
        gives its score, level and number of sources, and `run_ids` names them all. Raises StoreError.
        """
        for text in cypher_text.constraints():
            self._commit(text)
        counts = graph.counts()
        written = {
            "nodes": self._write_nodes(graph, run_id, progress, counts["nodes"]),
            "edges": self._write_edges(graph, run_id, progress, counts["edges"]),
        }
        self._withdraw(graph, run_id)
        return written

    def counts(self) -> dict[str, int]:
        """{"nodes": n, "edges": m} of the kinds and relations of the ontology."""
        nodes, edges = cypher_text.counts(self._ontology)
        return {"nodes": sum(map(self._number, nodes)), "edges": sum(map(self._number, edges))}

    def triples(
        self, head: str | None = None, relation: str | None = None, tail: str | None = None, limit: int = 1000,
    ) -> Iterator[tuple[Triple, float | None]]:
        """Triples whose given fields are equal (texts, relation name), each with its score."""
        for query, parameters in cypher_text.triples(self._ontology, head, relation, tail):
            found = self._records(query, parameters | {"limit": limit})
            for h, r, t, negated, score in map(Record.values, found):
                yield Triple(h, r, t, negated), score
            limit -= len(found)

    def query(
        self, text: str, parameters: Mapping[str, Any] | None = None, timeout: float = 30.0, limit: int = 10_000,
    ) -> Rows:
        """Runs a read-only query for at most `timeout` seconds; the server itself refuses to write.

        Nodes are {"id", "labels", "properties"}, relationships {"id", "type", "start", "end", "properties"}, paths
        {"nodes", "relationships"}; `id`, `start` and `end` are the server's, ours are among the properties.
        Raises StoreError, QueryTimeoutError.
        """
        if timeout <= 0 or limit < 0:
            raise StoreError(f"a query needs a time-out above 0 and a limit of at least 0, not {timeout} and {limit}")
        timeout = min(timeout, self._server.query_limit)
        server, mark = self._server, ""
        if server.ours:
            mark = f"/* q:{uuid4().hex} */ "  # names the query among those that run

        def run(session: Session) -> Rows:
            result = session.run(Query(mark + text, timeout=timeout), dict(parameters or {}))
            found = _rows(result, limit)
            if found.truncated and mark:
                self._abandon(result, mark)
            return found

        stop = partial(self._terminate, mark) if mark else lambda: True
        force = server.kill if mark else lambda: self._disconnect(self._drivers)
        with Watch(timeout, server.grace, stop, force) as watch:
            try:
                return self._read(run, retry=lambda: not watch.expired)
            except StoreError as error:
                if watch.expired or isinstance(error, QueryTimeoutError):
                    raise QueryTimeoutError(
                        f"the query ran past its time-out of {timeout:g} s and was stopped: narrow it, or allow more"
                    ) from None
                raise StoreError(str(error).replace(mark, "")) from None

    def close(self) -> None:
        """Closes the connections and stops using the server; a second call does nothing."""
        self._closed = True
        self._disconnect(self._drivers)
        self._server.close()

    def _write_nodes(self, graph: GraphFiles, run_id: str, progress: Progress, total: int) -> int:
        done = 0
        for batch in graph.batches("nodes"):
            by_kind = _grouped(batch.to_pylist(), "kind")
            for kind in KINDS:
                for rows in chunks(by_kind[kind], "text"):
                    self._commit(cypher_text.merge_nodes(kind), rows=rows, run_id=run_id)
                    done += len(rows)
                    progress("nodes", done, total)
        return done

    def _write_edges(self, graph: GraphFiles, run_id: str, progress: Progress, total: int) -> int:
        done = 0
        for batch in graph.batches("edges"):
            for name, found in _grouped(batch.select(_EDGE_COLUMNS).to_pylist(), "relation").items():
                text = cypher_text.merge_edges(self._ontology[name])
                for rows in chunks(found):
                    if self._commit(text, rows=rows, run_id=run_id) != len(rows):
                        raise StoreError(f"{self._server.name} lacks nodes of some {name} edges: load the run again")
                    done += len(rows)
                    progress("edges", done, total)
        return done

    def _withdraw(self, graph: GraphFiles, run_id: str) -> None:
        """Takes from the store what an earlier build of the run had and this one has not: edges, then nodes."""
        counts = graph.counts()
        edges = {relation: cypher_text.edges_of_run(relation, "count(*)") for relation in self._ontology.asserted}
        if sum(self._number(text, run_id) for text in edges.values()) > counts["edges"]:
            kept = _ids(graph, "edges")
            for relation in edges:
                rows = self._stale(cypher_text.edges_of_run(relation, "r.id AS id, h.id AS head"), run_id, kept)
                self._commit_all(cypher_text.withdraw_edges(relation), rows, run_id)
        nodes = {kind: cypher_text.nodes_of_run(kind, "count(*)") for kind in KINDS}
        if sum(self._number(text, run_id) for text in nodes.values()) > counts["nodes"]:
            kept = _ids(graph, "nodes")
            for kind in nodes:
                rows = self._stale(cypher_text.nodes_of_run(kind, "n.id AS id"), run_id, kept)
                self._commit_all(cypher_text.withdraw_nodes(kind), rows, run_id)

    def _stale(self, text: str, run_id: str, kept: set[str]) -> list[dict[str, Any]]:
        """The rows with an `id` that is not to be kept."""
        return [r.data() for r in self._records(text, {"run_id": run_id}) if r["id"] not in kept]

    def _commit_all(self, text: str, rows: list[dict[str, Any]], run_id: str) -> None:
        for chunk in chunks(rows):
            self._commit(text, rows=chunk, run_id=run_id)

    def _commit(self, text: str, **parameters: Any) -> int:
        """Runs one writing transaction, again when it was disturbed; returns the number it answers."""
        deadline = time.monotonic() + PATIENCE
        while True:
            drivers = self._connected()
            try:
                with drivers.write.session(database=drivers.database) as session:
                    return session.execute_write(lambda tx: _first(tx.run(text, parameters)))
            except _FAULTS as error:
                again = isinstance(error, (Neo4jError, DriverError)) and error.is_retryable()
                if not again or time.monotonic() > deadline:
                    raise store_error(error, self._server) from None
                if isinstance(error, _LOST):
                    self._disconnect(drivers)
            time.sleep(0.5)

    def _read(self, work: Callable[[Session], R], retry: Callable[[], bool] = lambda: True) -> R:
        """Does reading work, again when the connection was lost; StoreError for what else goes wrong."""
        for last in (False, False, True):
            drivers = self._connected()
            known, drivers.used = drivers.used, True
            try:
                with drivers.read.session(
                    database=drivers.database, default_access_mode=READ_ACCESS, fetch_size=FETCH
                ) as session:
                    return work(session)
            except _FAULTS as error:
                # A connection that never worked is worth another try only where we can start the server.
                again = isinstance(error, _LOST) and (known or self._server.ours) and retry()
                if last or not again:
                    raise store_error(error, self._server) from None
                self._disconnect(drivers)
            time.sleep(0.2)
        raise AssertionError("the last try returns or raises")

    def _number(self, text: str, run_id: str = "") -> int:
        return self._read(lambda session: _first(session.run(text, run_id=run_id)))

    def _records(self, text: str, parameters: Mapping[str, Any]) -> list[Record]:
        return self._read(lambda session: list(session.run(text, dict(parameters))))

    def _terminate(self, mark: str) -> bool:
        """Stops the query that begins with `mark`; returns whether there was one."""
        drivers = self._connected()
        with drivers.write.session(database=drivers.database) as session:
            running = [r["transactionId"] for r in session.run("SHOW TRANSACTIONS") if mark in r["currentQuery"]]
            for name in running:
                session.run(f"TERMINATE TRANSACTION '{name}'").consume()
        return bool(running)

    def _abandon(self, result: Result, mark: str) -> None:
        """Ends a query whose other rows nobody wants: the embedded engine would compute them all."""
        try:
            self._terminate(mark)
            result.consume()
        except (Neo4jError, DriverError):
            pass  # it was ended, which is what was asked for

    def _connected(self) -> Drivers:
        with self._lock:
            if self._closed:
                raise StoreError(f"the connection to {self._server.name} is closed")
            if self._drivers is None:
                address = self._server.address()
                try:
                    self._drivers = Drivers(address)
                except (DriverError, ValueError, TypeError) as error:
                    raise StoreError(f"{self._server.name} cannot be used: {error}") from None
            return self._drivers

    def _disconnect(self, drivers: Drivers | None) -> None:
        """Drops connections that no longer work, unless another thread has replaced them already."""
        with self._lock:
            if drivers is not None and drivers is self._drivers:
                self._drivers = None
                drivers.close()


def _grouped(rows: list[dict[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    groups = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def _ids(graph: GraphFiles, name: str) -> set[str]:
    return {i for batch in graph.batches(name) for i in batch.column("id").to_pylist()}


def _first(result: Any) -> int:
    """The number that a query answers; 0 when it answers nothing."""
    record = result.single()
    return int(record[0]) if record else 0


def _rows(result: Result, limit: int) -> Rows:
    """The first `limit` rows as plain values."""
    columns, rows = list(result.keys()), list[list[Any]]()
    for record in result:
        if len(rows) == limit:
            return Rows(columns, rows, truncated=True)
        rows.append([plain(value) for value in record.values()])
    return Rows(columns, rows)
