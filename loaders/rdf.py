"""The RDF store: pyoxigraph on disk, written by one process at a time, asked by killable worker processes.

The folder is a plain Oxigraph store. Each run is a named graph, `run/<id>`. The default graph is their union, written
out: the engine's own union of graphs gives a triple once for each graph that has it, and so wrong counts, and costs
time in every query. The default graph alone tells of each run what it was loaded from, and whether it is complete. The
store is open for writing only while it is written.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store

from kg.errors import StoreError
from kg.graph import GraphFiles
from kg.ontology import Ontology
from kg.protocols import Document, Pending, Rows, SparqlRequest
from kg.records import Triple as Statement
from kg.records import digest
from kg.run import Progress, Run, silent
from loaders.rdf_statements import Statements, pieces
from loaders.sparql_pool import WorkerPool
from loaders.sparql_text import bind, services
from loaders.vocabulary import COMPLETE, DIGEST, Vocabulary, run_iri

LAYOUT = "4"  # changes when the same graph is other RDF
PIECE = 36 << 20  # bytes of N-Triples loaded at once: the store needs five times as much memory for them
READING = 5.0  # seconds, at most, for getting ready
WRITERS = 2  # pieces that are loaded at the same time
_SMALL = 4096  # characters; as JSON each takes at most 12 bytes, and a pipe holds 65,536
_LONG = 3600.0  # seconds for the store's own queries over the whole graph
_COUNTS = """SELECT ?nodes ?edges {
  { SELECT (COUNT(*) AS ?nodes) { VALUES ?kind { kg:Event kg:Thing kg:State } ?node a ?kind } }
  { SELECT (COUNT(*) AS ?edges) { { ?edge rdf:reifies ?any } UNION { ?edge a owl:NegativePropertyAssertion } } }
}"""
_FIRST = """SELECT (COUNT(*) AS ?read) {
  { SELECT ?s ?o { ?s ?p ?o } LIMIT 20000 } FILTER(STRLEN(STR(?s)) + STRLEN(STR(?o)) > 0)
}"""
_ASSERTED = "?h ?r ?t . ?e rdf:reifies <<( ?h ?r ?t )>> ."
_DENIED = "?e owl:sourceIndividual ?h ; owl:assertionProperty ?r ; owl:targetIndividual ?t ."
_TEXTS = """?h skos:prefLabel ?head . ?t skos:prefLabel ?tail .
  OPTIONAL { ?e kg:score ?score FILTER NOT EXISTS { ?e kg:score ?higher FILTER(?higher > ?score) } }"""


class RdfStore:
    """A `kg.protocols.GraphStore` in SPARQL over the folder `path`. Safe to use from several threads.

    `services` are the addresses of the endpoints that queries may ask with SERVICE.
    """

    language = "sparql"

    def __init__(self, path: Path, ontology: Ontology, workers: int = 4, services: Collection[str] = ()) -> None:
        self.path = path
        self.services = services
        self._ontology = ontology
        self._vocabulary = Vocabulary(ontology)
        self._workers = WorkerPool(path, workers)

    def write(self, graph: GraphFiles, run_id: str, progress: Progress = silent) -> dict[str, int]:
        """Makes the store hold this graph as the run `run_id`; returns {"nodes", "edges"} of the graph.

        What an interrupted call left is completed, what an earlier build of the run said is withdrawn, and a graph
        that is there already is left alone. Raises StoreError when another process writes.
        """
        made = Run.open(graph.path)
        mark = Literal(digest(LAYOUT, made.digest("graph"), made.manifest["recipe_hash"], repr(list(self._ontology))))
        run, store = run_iri(run_id), self._open()
        before = {quad.object for quad in store.quads_for_pattern(run, DIGEST, None, DefaultGraph())}
        if before != {mark} or Quad(run, COMPLETE, Literal(True)) not in store:
            if before - {mark}:
                _withdraw(store, run)
            store.add(Quad(run, DIGEST, mark))
            _fill(store, run, pieces(Statements(graph, self._ontology).chunks(progress), PIECE))
            store.add(Quad(run, COMPLETE, Literal(True)))
            store.flush()
        counts = graph.counts()
        return {"nodes": counts["nodes"], "edges": counts["edges"]}

    def unload(self, run_id: str, progress: Progress = silent) -> None:
        """Withdraws a run: what it alone says is deleted. Raises StoreError when another process writes."""
        if self._exists():
            store = self._open()
            _withdraw(store, run_iri(run_id))
            store.flush()
            progress("withdrawn", 1, 1)

    def counts(self) -> dict[str, int]:
        """{"nodes": n, "edges": m} in the store; nothing was written when there is none yet."""
        if not self._exists():
            return {"nodes": 0, "edges": 0}
        nodes, edges = self.query(_COUNTS, timeout=_LONG).rows[0]
        return {"nodes": nodes, "edges": edges}

    def triples(
        self, head: str | None = None, relation: str | None = None, tail: str | None = None, limit: int = 1000
    ) -> Iterator[tuple[Statement, float | None]]:
        """Triples whose given fields are equal, each with its score. A relation may carry the prefix `Not`."""
        given = {name: text for name, text in (("head", head), ("tail", tail)) if text is not None}
        parameters = {f"{name}Given": text for name, text in given.items()}
        pattern = self._pattern(given, relation)
        if not self._exists():
            return
        found = self.query(pattern, parameters, _LONG, limit)
        for start, iri, end, negated, score in found.rows:
            yield Statement(start, self._vocabulary.name(iri), end, negated), score

    def query(
        self, text: str, parameters: Mapping[str, Any] | None = None, timeout: float = 30.0, limit: int = 10_000
    ) -> Rows:
        """Runs a SELECT, ASK, CONSTRUCT or DESCRIBE; at most `limit` rows of plain Python values.

        Each `$name` of a parameter is its value as a typed literal (make an IRI of it with `IRI($name)`); a query
        that has no `$name` may write `?name`. The prefixes kg, node, edge, run, rdf, rdfs, xsd, owl, skos and prov are
        known. ASK gives one row `answer`, CONSTRUCT and DESCRIBE the columns subject, predicate, object.
        """
        federated = services(text, self.services)
        asked = {**self._asked(bind(text, parameters or {}), limit), "federated": federated}
        reply = self._workers.begin(asked, timeout)
        reply.close()
        return Rows(reply.head["columns"], reply.head["rows"], reply.head["truncated"])

    def document(
        self, request: SparqlRequest, timeout: float = 30.0, limit: int = 1_000_000, most: int = 1 << 30
    ) -> Document:
        """The answer in the first of the request's forms that it can have, streamed when it is long.

        With more than `limit` rows or `most` bytes it is refused: a standard document cannot say that it was cut.
        """
        return self._workers.begin(self._wanted(request, limit, most), timeout)

    def begin(self, request: SparqlRequest, timeout: float, limit: int, most: int) -> Pending | None:
        """Starts what `document` does, without waiting for anything.

        None when no process is free, and for a request that a pipe may not hold whose reader is yet to come.
        """
        if sum(map(len, (request.text, *request.default_graphs, *request.named_graphs))) > _SMALL:
            return None
        return self._workers.ask(self._wanted(request, limit, most), timeout)

    def warm(self) -> None:
        """Starts a query process and lets it read: the first question need not wait for that. Raises StoreError."""
        self.query(_FIRST, timeout=READING)

    def close(self) -> None:
        """Ends the worker processes; a second call does nothing."""
        self._workers.close()

    def _wanted(self, request: SparqlRequest, limit: int, most: int) -> dict[str, Any]:
        """The request to a process for a document."""
        graphs = {"default_graph": list(request.default_graphs), "named_graphs": list(request.named_graphs)}
        return {
            **self._asked(request.text, limit), "forms": list(request.forms), "base": request.base, "most": most,
            "services": list(self.services),  # looked for there, where a text that takes long to read can be stopped
            "dataset": graphs if any(graphs.values()) else None,
        }

    def _asked(self, text: str, limit: int) -> dict[str, Any]:
        if not self._exists():
            raise StoreError(f"there is no RDF store in {self.path} yet: make it with `kg load`")
        return {"text": text, "limit": max(limit, 0)}

    def _exists(self) -> bool:
        return (self.path / "CURRENT").is_file()

    def _open(self) -> Store:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            store = Store(self.path)
        except (OSError, RuntimeError) as error:
            if "lock" in str(error).lower():
                raise StoreError(f"{self.path} is being written by another process: wait until it is done") from None
            raise StoreError(f"{self.path} cannot be opened as an RDF store: {error}") from None
        said = (quad.predicate != DIGEST for quad in store)
        if any(said) and next(store.named_graphs(), None) is None:
            raise StoreError(
                f"{self.path} holds RDF that another program or an older version wrote: remove the folder, or give "
                "another one with --rdf"
            )
        return store

    def _pattern(self, given: Mapping[str, str], relation: str | None) -> str:
        """The query for triples whose texts are the parameters in `given`.

        Each branch is one plain pattern with BIND at its end: only so does the engine begin with what is given.
        """
        iri, branches = "?r", {"false": _ASSERTED, "true": _DENIED}
        if relation is not None:
            found, negated = self._ontology.resolve(relation)
            iri = str(self._vocabulary.relations[found.name])
            branches = {"true": _DENIED} if negated else branches
        known = "".join(f"?{name[0]} skos:prefLabel ${name}Given . " for name in given)
        union = " UNION ".join(
            f"{{ {known}{pattern} {_TEXTS} BIND(?r AS ?relation) BIND({flag} AS ?negated) }}".replace("?r ", f"{iri} ")
            for flag, pattern in branches.items()
        )
        return f"SELECT ?head ?relation ?tail ?negated ?score {{ {union} }}"


def _fill(store: Store, run: NamedNode, texts: Iterable[bytes]) -> None:
    """Loads N-Triples into the graph of the run and into the default graph; each piece is in either whole or not.

    The next pieces are made while others are loaded.
    """

    def load(text: bytes) -> None:
        for name in (run, DefaultGraph()):  # in this order: the default graph never has what no run says
            store.bulk_load(text, RdfFormat.N_TRIPLES, to_graph=name, lenient=True)

    loading: list[Future[None]] = []
    with ThreadPoolExecutor(WRITERS) as pool:
        for text in texts:
            if len(loading) == WRITERS:
                loading.pop(0).result()
            loading.append(pool.submit(load, text))
        for last in loading:
            last.result()


def _withdraw(store: Store, run: NamedNode) -> None:
    """Removes the graph of a run, and from the default graph what no other run says.

    Broken off, it is completed by the next call: the digest, which tells that there is something, goes last.
    """
    others = [name for name in store.named_graphs() if name != run]
    if not others:
        store.clear()
        return
    store.remove(Quad(run, COMPLETE, Literal(True)))
    for quad in store.quads_for_pattern(None, None, None, run):
        s, p, o, _ = quad
        if not any(Quad(s, p, o, other) in store for other in others):
            store.remove(Quad(s, p, o))
        store.remove(quad)
    store.remove_graph(run)
    for quad in store.quads_for_pattern(run, DIGEST, None, DefaultGraph()):
        store.remove(quad)
