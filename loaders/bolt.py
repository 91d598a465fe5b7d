"""A property graph over Bolt: Neo4j, or the embedded engine. One loader and one dialect for both.

Nodes are `(:Event|:Thing|:State {id, text, nothing, run_ids})`; each relation of the ontology is a relationship type
with `{id, relation, negated, score, level, sources, run_ids}`.
"""

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from neo4j import Query, Record, Result, Session
from neo4j.exceptions import DriverError, Neo4jError

from kg.errors import QueryTimeoutError, StoreError
from kg.graph import GraphFiles
from kg.ontology import Ontology
from kg.protocols import Rows
from kg.records import Triple
from kg.run import Progress, silent
from loaders import cypher_text
from loaders.bolt_link import Link
from loaders.bolt_load import Loader
from loaders.bolt_server import RemoteServer, Server, Watch
from loaders.bolt_values import plain
from loaders.embedded import EmbeddedEngine


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
        self._link = Link(server)
        self._ontology = ontology
        try:
            self._link.read(lambda session: session.run("RETURN 1").consume())
        except StoreError:
            self.close()
            raise

    def write(self, graph: GraphFiles, run_id: str, progress: Progress = silent) -> dict[str, int]:
        """Writes nodes, then edges, in batches that are each there whole or not at all; a second load changes nothing.

        An interrupted load is finished by loading again. Where several runs have the same edge, the last one loaded
        gives its score, level and number of sources, and `run_ids` names them all. Raises StoreError.
        """
        return Loader(self._link, self._ontology, run_id, progress).load(graph)

    def unload(self, run_id: str, progress: Progress = silent) -> None:
        """Withdraws a run: what it alone says is deleted, the rest is as if it had never been loaded.

        Interrupted, it is finished by the next call. Raises StoreError.
        """
        Loader(self._link, self._ontology, run_id, progress).unload()

    def counts(self) -> dict[str, int]:
        """{"nodes": n, "edges": m} of the kinds and relations of the ontology."""
        nodes, edges = cypher_text.counts(self._ontology)
        return {"nodes": sum(map(self._link.number, nodes)), "edges": sum(map(self._link.number, edges))}

    def triples(
        self, head: str | None = None, relation: str | None = None, tail: str | None = None, limit: int = 1000,
    ) -> Iterator[tuple[Triple, float | None]]:
        """Triples whose given fields are equal (texts, relation name), each with its score."""
        for query, parameters in cypher_text.triples(self._ontology, head, relation, tail):
            found = self._link.records(query, parameters | {"limit": limit})
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
        timeout = min(timeout, self._link.server.query_limit)
        server, mark = self._link.server, ""
        if server.ours:
            mark = f"/* q:{uuid4().hex} */ "  # names the query among those that run

        def run(session: Session) -> Rows:
            result = session.run(Query(mark + text, timeout=timeout), dict(parameters or {}))
            found = _rows(result, limit)
            if found.truncated and mark:
                self._abandon(result, mark)
            return found

        stop = partial(self._link.terminate, mark) if mark else lambda: True
        force = server.kill if mark else self._link.drop
        with Watch(timeout, server.grace, stop, force) as watch:
            try:
                return self._link.read(run, retry=lambda: not watch.expired)
            except StoreError as error:
                if watch.expired or isinstance(error, QueryTimeoutError):
                    raise QueryTimeoutError(
                        f"the query ran past its time-out of {timeout:g} s and was stopped: narrow it, or allow more"
                    ) from None
                raise StoreError(str(error).replace(mark, "")) from None

    def close(self) -> None:
        """Closes the connections and stops using the server; a second call does nothing."""
        self._link.close()

    def _abandon(self, result: Result, mark: str) -> None:
        """Ends a query whose other rows nobody wants: the embedded engine would compute them all."""
        try:
            self._link.terminate(mark)
            result.consume()
        except (Neo4jError, DriverError):
            pass  # it was ended, which is what was asked for


def _rows(result: Result, limit: int) -> Rows:
    """The first `limit` rows as plain values."""
    columns, rows = list(result.keys()), list[list[Any]]()
    for record in result:
        if len(rows) == limit:
            return Rows(columns, rows, truncated=True)
        rows.append([plain(value) for value in record.values()])
    return Rows(columns, rows)
