"""How fast a run is loaded, against the bare libraries given the same data, in one run.

RDF: against `pyoxigraph`'s bulk load of the same statements from N-Triples files, once into each of the two graphs;
one N-Quads file takes it longer. Cypher: against the plain `neo4j` driver with rows in memory, UNWIND and MERGE,
10,000 rows a transaction, the same constraints and properties. Both ways take turns; of each the fastest pass counts.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from neo4j import GraphDatabase, Session
from pyoxigraph import DefaultGraph, RdfFormat, Store

from kg.errors import StoreError
from kg.graph import FILES, GraphBuilder, GraphFiles
from kg.ontology import KINDS, Ontology, load_ontology
from kg.records import Triple
from kg.run import Run
from loaders.bolt import BoltStore
from loaders.bolt_link import FAULTS
from loaders.bolt_server import RemoteServer, Server
from loaders.bolt_values import store_error
from loaders.cypher_text import constraints
from loaders.embedded import EmbeddedEngine
from loaders.rdf import RdfStore
from loaders.rdf_statements import Statements
from loaders.vocabulary import run_iri

PASSES = 5
BATCH = 10_000  # rows a transaction
_MARKS = 2  # statements of the store about the run: its digest, and that it is complete
_VERBS = "finds loses paints repairs sells borrows hides cleans forgets carries draws breaks"
_KINDS = "old new small heavy green broken wooden foreign expensive strange shiny rusty"
_THINGS = "bicycle violin letter kettle ladder camera umbrella suitcase clock teapot map lamp coat piano basket mirror"
_TAILS = {"xWant": "to keep the", "xNeed": "to look for the", "xEffect": "talks about the", "xReact": "glad of the"}
_NODES = """UNWIND $rows AS row MERGE (n:{kind} {{id: row.id}})
SET n.text = row.text, n.nothing = row.nothing, n.entity = row.entity, n.run_ids = [$run]"""
_EDGES = """UNWIND $rows AS row MATCH (h:{head} {{id: row.head}}) MATCH (t:{tail} {{id: row.tail}})
MERGE (h)-[r:`{type}` {{id: row.id}}]->(t) SET r.relation = row.relation, r.negated = row.negated,
r.score = row.score, r.level = row.level, r.sources = row.sources, r.modalities = row.modalities, r.run_ids = [$run]"""


def bench_load(run: Path | None = None, bolt: str | None = None) -> dict[str, Any]:
    """Times all and returns {"nodes", "edges", "passes", "rdf", "cypher"}, the last two with "server", "seconds",
    "raw_seconds" and "ratio", the raw time over ours.

    `run` is loaded, or else a graph of our own with 50,000 edges. Cypher is that of the server at `bolt`, whose
    database must be empty and is emptied after each pass, or else of an embedded engine. Raises StoreError, RunError.
    """
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        graph = GraphFiles(Run.open(run)) if run is not None else made_graph(folder / "run")
        ontology = load_ontology(Run.open(graph.path).manifest["recipe"].get("ontology", "atomic2020"))
        counts = graph.counts()
        return {
            "nodes": counts["nodes"], "edges": counts["edges"], "passes": PASSES,
            "rdf": _bench_rdf(graph, ontology, folder), "cypher": _bench_cypher(graph, ontology, folder, bolt),
        }


def made_graph(path: Path, triples: int = 50_000) -> GraphFiles:
    """A run at `path` with a graph of our own."""
    builder = GraphBuilder(load_ontology())
    things = [" ".join(words) for words in product(_KINDS.split(), _THINGS.split())]
    rows = product(things, _VERBS.split(), things)
    for number, ((thing, verb, other), relation) in enumerate(product(rows, _TAILS)):
        if number == triples:
            break
        tail = f"{_TAILS[relation]} {other}"
        builder.add(Triple(f"PersonX {verb} the {thing} and the {other}", relation, tail), "", "made", number, number)
    run = Run.create(path, "made", {"name": "made"})
    run.finish("graph", run.id, FILES, builder.write(run)["edges"], 0.0)
    return GraphFiles(run)


def _bench_rdf(graph: GraphFiles, ontology: Ontology, folder: Path) -> dict[str, Any]:
    file, count = folder / "run.nt", 0
    with file.open("wb") as stream:
        statements = Statements(graph, ontology)
        stream.writelines(statements.chunks())
        count = 2 * statements.count

    def ours(where: Path) -> None:
        store = RdfStore(where, ontology)
        store.write(graph, graph.run_id)
        store.close()

    def raw(where: Path) -> None:
        store = Store(where)
        for name in (run_iri(graph.run_id), DefaultGraph()):
            store.bulk_load(path=file, format=RdfFormat.N_TRIPLES, to_graph=name, lenient=True)
        store.flush()

    def timed(work: Callable[[Path], None], extra: int) -> float:
        with TemporaryDirectory(dir=folder) as where:
            started = time.perf_counter()
            work(Path(where))
            seconds = time.perf_counter() - started
            _same("quads", len(Store.read_only(where)), count + extra)
            return seconds

    return {"server": "pyoxigraph", **_compared(lambda: timed(ours, _MARKS), lambda: timed(raw, 0))}


def _bench_cypher(graph: GraphFiles, ontology: Ontology, folder: Path, bolt: str | None) -> dict[str, Any]:
    batches = list(_batches(graph, ontology))
    counts = graph.counts()

    def ours(store: BoltStore, _: Session) -> None:
        store.write(graph, graph.run_id)

    def raw(_: BoltStore, session: Session) -> None:
        for text in constraints():
            session.run(text).consume()
        for text, rows in batches:
            session.execute_write(lambda tx, t, r: tx.run(t, rows=r, run=graph.run_id).consume(), text, rows)

    def timed(work: Callable[[BoltStore, Session], None]) -> float:
        with (
            _server(bolt, folder) as server, closing(BoltStore(server, ontology)) as store, _session(server) as session,
        ):
            started = time.perf_counter()
            work(store, session)
            seconds = time.perf_counter() - started
            _same("nodes", _number(session, "MATCH (n) RETURN count(n)"), counts["nodes"])
            _same("edges", _number(session, "MATCH ()-[r]->() RETURN count(r)"), counts["edges"])
            return seconds

    name = bolt or "embedded engine"
    return {"server": name, **_compared(lambda: timed(ours), lambda: timed(raw))}


def _batches(graph: GraphFiles, ontology: Ontology) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Texts with their rows, as a user of the plain driver may have them in memory: nodes by kind, edges by type."""
    groups: dict[str, list[dict[str, Any]]] = {_NODES.format(kind=kind): [] for kind in KINDS}
    for node in graph.nodes():
        groups[_NODES.format(kind=node.pop("kind"))].append(node)
    for edge in graph.edges():
        relation = ontology[edge["relation"]]
        text = _EDGES.format(head=relation.head, tail=relation.tail, type=relation.cypher_type)
        del edge["head_text"], edge["tail_text"]
        groups.setdefault(text, []).append(edge)
    for text, rows in groups.items():
        yield from ((text, rows[at : at + BATCH]) for at in range(0, len(rows), BATCH))


def _compared(ours: Callable[[], float], raw: Callable[[], float]) -> dict[str, float]:
    passes = [(ours(), raw()) if number % 2 else (raw(), ours())[::-1] for number in range(PASSES)]
    seconds, raw_seconds = (min(times) for times in zip(*passes, strict=True))
    return {"seconds": seconds, "raw_seconds": raw_seconds, "ratio": raw_seconds / seconds}


@contextmanager
def _server(bolt: str | None, folder: Path) -> Iterator[Server]:
    """The server at `bolt`, empty before and after; or else a new embedded engine."""
    if bolt is None:
        with TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as home:
            engine = EmbeddedEngine(Path(home))
            try:
                yield engine
            finally:
                engine.kill()
                engine.close()
        return
    server = RemoteServer(bolt)
    with _session(server) as session:
        if _number(session, "MATCH (n) RETURN count(n)"):
            raise StoreError(f"the database at {bolt} is not empty, and the bench empties it: give it an empty one")
    try:
        yield server
    finally:
        with _session(server) as session:
            _empty(session)


@contextmanager
def _session(server: Server) -> Iterator[Session]:
    address = server.address()
    try:
        with (
            GraphDatabase.driver(address.uri, auth=address.auth, connection_timeout=5.0) as driver,
            driver.session(database=address.database) as session,
        ):
            yield session
    except FAULTS as error:
        raise store_error(error, server) from None


def _empty(session: Session) -> None:
    """Deletes all nodes and what a load made beside them."""
    while _number(session, "MATCH (n) WITH n LIMIT 10000 DETACH DELETE n RETURN count(*)"):
        pass
    session.run("DROP INDEX kg_text IF EXISTS").consume()
    for kind in KINDS:
        session.run(f"DROP CONSTRAINT kg_{kind.lower()}_id IF EXISTS").consume()


def _number(session: Session, text: str) -> int:
    record = session.run(text).single()
    return int(record[0]) if record else 0


def _same(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise StoreError(f"{found:,} {what} were loaded in place of {expected:,}: the figures would compare nothing")
