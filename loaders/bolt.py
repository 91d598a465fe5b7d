"""A property graph over Bolt: Neo4j, or the embedded engine. One loader and one dialect for both.

Nodes are `(:Event|:Thing|:State {id, text, nothing, entity, run_ids})`; each relation of the ontology is a relationship
type with `{id, relation, negated, score, level, sources, modalities, run_ids}`. A thing that is no named entity has no
`entity`, an edge whose sources have no modality has no `modalities`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
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
from loaders.bolt_embeddings import Encoder
from loaders.bolt_link import FAULTS, Cut, Link
from loaders.bolt_load import Loader
from loaders.bolt_server import RemoteServer, Server, Watch
from loaders.bolt_values import hand_over
from loaders.cypher_guard import refuse_by_plan, refuse_by_words
from loaders.embedded import EmbeddedEngine
from loaders.embedded_copy import EngineCopy

SHOWN = 200  # characters of a running query that the embedded engine shows for certain


def connect(ontology: Ontology, folder: Path, uri: str | None = None, public: bool = False) -> "BoltStore":
    """The store at `uri` or KG_BOLT_URI; without either, the embedded engine with its files in `folder`.

    A public one is for the queries of people nobody knows: they may only read the graph (`loaders.cypher_guard`), and
    in place of the embedded engine a copy answers. Raises StoreError when it cannot be reached, with what to do.
    """
    uri = uri or os.environ.get("KG_BOLT_URI")
    engine = EngineCopy if public else EmbeddedEngine
    return BoltStore(RemoteServer(uri) if uri else engine(folder), ontology, public)


class BoltStore:
    """A `kg.protocols.GraphStore` over Bolt; its methods may be called from several threads."""

    language = "cypher"

    def __init__(self, server: Server, ontology: Ontology, guarded: bool = False) -> None:
        """Connects. Raises StoreError when the server does not answer or refuses the password."""
        self._link = Link(server)
        self._guarded = guarded
        self._ontology = ontology
        try:
            self._link.read(lambda session: session.run("RETURN 1").consume())
        except StoreError:
            self.close()
            raise

    def write(
        self, graph: GraphFiles, run_id: str, progress: Progress = silent, encoder: Encoder | None = None
    ) -> dict[str, int]:
        """Writes nodes, then edges, in batches that are each there whole or not at all; a second load changes nothing.

        An interrupted load is finished by loading again. Where several runs have the same edge, the last one loaded
        gives its score, level, number and modalities of sources, and `run_ids` names them all. With an encoder, nodes
        of a Neo4j get an `embedding` of their text and a vector index. Raises StoreError.
        """
        written = Loader(self._link, self._ontology, run_id, progress).load(graph, encoder)
        self._link.server.written()
        return written

    def unload(self, run_id: str, progress: Progress = silent) -> None:
        """Withdraws a run: what it alone says is deleted, the rest is as if it had never been loaded.

        Interrupted, it is finished by the next call. Raises StoreError.
        """
        Loader(self._link, self._ontology, run_id, progress).unload()
        self._link.server.written()

    def counts(self) -> dict[str, int]:
        """{"nodes": n, "edges": m} of the kinds and relations of the ontology."""
        nodes, edges = cypher_text.counts(self._ontology)
        return {"nodes": self._link.total(nodes), "edges": self._link.total(edges)}

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
        parts: list[Rows] = []

        def again() -> bool:
            parts.clear()
            return True

        self._ask(text, parameters, timeout, limit, parts.append, again)
        return Rows(parts[0].columns, [row for part in parts for row in part.rows], parts[-1].truncated)

    def stream(
        self, text: str, parameters: Mapping[str, Any] | None, timeout: float, limit: int,
        take: Callable[[Rows], None], again: Callable[[], bool] = lambda: False,
    ) -> None:
        """As `query`, but hands the answer to `take` in parts as it comes; memory does not grow with the answer.

        There is at least one part; only the last one can be truncated. `again` is asked, when the answer breaks off
        after a part, whether it may begin again. What `take` raises ends the query.
        """
        begun = False

        def part(rows: Rows) -> None:
            nonlocal begun
            begun = True
            take(rows)

        self._ask(text, parameters, timeout, limit, part, lambda: not begun or again())

    def _ask(
        self, text: str, parameters: Mapping[str, Any] | None, timeout: float, limit: int,
        take: Callable[[Rows], None], again: Callable[[], bool],
    ) -> None:
        """Runs a query within `timeout` seconds and little more; `again` tells whether a lost one may be repeated."""
        if timeout <= 0 or limit < 0:
            raise StoreError(f"a query needs a time-out above 0 and a limit of at least 0, not {timeout} and {limit}")
        server, cut = self._link.server, Cut()
        timeout = min(timeout, server.query_limit)
        name = f"q:{uuid4().hex}"  # the query's among those that run

        def run(session: Session) -> None:
            if self._guarded:
                self._guard(session, text, parameters, timeout, name)
            result = session.run(self._named(text, timeout, name), dict(parameters or {}))
            left = False
            try:
                left = hand_over(result, limit, take)
            except BaseException as error:
                left = not isinstance(error, FAULTS)  # the taker wants no more
                raise
            finally:
                if left and server.ours:
                    self._abandon(result, name)

        force = server.kill if server.ours else cut
        with Watch(timeout, server.grace, partial(self._link.terminate, name), force) as watch:
            try:
                self._link.read(run, lambda: not watch.expired and again(), cut)
            except StoreError as error:
                if watch.expired or isinstance(error, QueryTimeoutError):
                    raise QueryTimeoutError(
                        f"the query ran past its time-out of {timeout:g} s and was stopped: narrow it, or allow more"
                    ) from None
                raise StoreError(str(error).replace(_comment(name), "")) from None

    def _guard(
        self, session: Session, text: str, parameters: Mapping[str, Any] | None, timeout: float, name: str
    ) -> None:
        """Raises StoreError for a query that people nobody knows may not ask."""
        if self._link.server.ours:
            refuse_by_words(text)
        else:
            summary = session.run(self._named(f"EXPLAIN {text}", timeout, name), dict(parameters or {})).consume()
            refuse_by_plan(summary.query_type, summary.plan)

    def _named(self, text: str, timeout: float, name: str) -> Query:
        """The query with a name by which it can be terminated; the embedded engine only shows the text of a query."""
        if self._link.server.ours:
            # At the end, errors tell the right place; but of a long text the engine shows only the beginning.
            marked = f"{text}{_comment(name)}" if len(text) < SHOWN else f"{_comment(name)}{text}"
            return Query(marked, timeout=timeout)
        return Query(text, metadata={"name": name}, timeout=timeout)

    def close(self) -> None:
        """Closes the connections and stops using the server; a second call does nothing."""
        self._link.close()

    def _abandon(self, result: Result, name: str) -> None:
        """Ends a query whose other rows nobody wants: the embedded engine would compute them all."""
        try:
            self._link.terminate(name)
            result.consume()
        except (Neo4jError, DriverError):
            pass  # it was ended, which is what was asked for


def _comment(name: str) -> str:
    return f"\n/* {name} */\n"
