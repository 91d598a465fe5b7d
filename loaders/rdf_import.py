"""Our own RDF back into the files of a run: the same triples, scores and provenance, in the order of the document.

What belongs together may come in any order and from several files. What `loaders.rdf_statements` writes for people and
catalogues alone (the ontology, answers, descriptions) is passed over.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyoxigraph as ox

from kg.errors import InputError, UnknownNameError
from kg.graph import FILES, modalities
from kg.ontology import KINDS, Ontology
from kg.records import Triple
from kg.run import Progress, Run, silent, write_parquet
from kg.schemas import EDGES, NODES, PROVENANCE
from loaders.imports import open_packed
from loaders.vocabulary import NS, PREFIXES, Source, parse_excerpt

_STEP = 100_000  # triples between two reports of progress
_KINDS = {NS + kind: kind for kind in KINDS}


def import_rdf(paths: Sequence[Path], run: Run, ontology: Ontology, progress: Progress = silent) -> dict[str, int]:
    """Writes the `.part` files of the run's graph; returns {"rows", "nodes", "edges", "provenance"}.

    Raises InputError for files that are no RDF, for RDF that `kg export` does not write, and for a graph of which
    something is missing, with the file or the IRI.
    """
    graph = _Graph(ontology)
    rows = 0
    for path in paths:
        for quad in read_quads(path):
            graph.add(quad.triple)
            rows += 1
            if rows % _STEP == 0:
                progress("import", rows, None)
    progress("import", rows, None)
    return {"rows": rows, **graph.write(run)}


@dataclass(slots=True)
class _Node:
    kind: str = ""
    text: str | None = None
    nothing: list[str] = field(default_factory=list)
    entity: str | None = None


@dataclass(slots=True)
class _Edge:
    head: str = ""
    relation: str = ""
    tail: str = ""
    negated: bool = False
    score: float | None = None
    level: str = ""
    wording: str | None = None
    sources: dict[Source, None] = field(default_factory=dict)


class _Graph:
    """What the triples say, put together."""

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology
        self._nodes: dict[str, _Node] = {}
        self._edges: dict[str, _Edge] = {}
        self._asserted: set[str] = set()  # ids of edges
        self._runs: set[str] = set()
        self._relations = {NS + relation.name for relation in ontology}
        self._readers: dict[str, Callable[[str, Any], None]] = {
            PREFIXES[prefix] + name: reader for prefix, name, reader in (
                ("rdf", "type", self._type), ("skos", "prefLabel", self._label), ("kg", "nothingFor", self._nothing),
                ("kg", "entity", self._entity),
                ("rdf", "reifies", self._reifies), ("rdf", "subject", self._head), ("rdf", "object", self._tail),
                ("rdf", "predicate", self._relation), ("owl", "sourceIndividual", self._head),
                ("owl", "targetIndividual", self._tail), ("owl", "assertionProperty", self._relation),
                ("kg", "score", self._score), ("kg", "level", self._level), ("kg", "wording", self._wording),
                ("prov", "hadPrimarySource", self._source),
            )
        }

    def add(self, triple: ox.Triple) -> None:
        if not isinstance(triple.subject, ox.NamedNode):
            return
        subject, predicate = triple.subject.value, triple.predicate.value
        if reader := self._readers.get(predicate):
            reader(subject, triple.object)
        elif subject.startswith(PREFIXES["node"]) and predicate.startswith(NS):
            relation = self._named(predicate)
            edge = Triple(_id(triple.subject, "node"), relation, _id(triple.object, "node"))
            self._asserted.add(edge.id)

    def write(self, run: Run) -> dict[str, int]:
        """The three files. Raises InputError for what is not whole."""
        if len(self._runs) != 1:
            raise InputError(
                f"the RDF tells of {len(self._runs)} runs ({', '.join(sorted(self._runs)) or 'no kg:Run'}): give what "
                "`kg export` wrote of one run"
            )
        own = next(iter(self._runs))
        self._check()
        return {
            "nodes": write_parquet(run.part(FILES[0]), NODES, (
                {"id": i, "kind": n.kind, "text": n.text, "nothing": n.nothing, "entity": n.entity}
                for i, n in self._nodes.items()
            )),
            "edges": write_parquet(run.part(FILES[1]), EDGES, (self._edge_row(i, e) for i, e in self._edges.items())),
            "provenance": write_parquet(run.part(FILES[2]), PROVENANCE, (
                {"triple_id": i, **source._asdict(), "run_id": source.run_id or own}
                for i, e in self._edges.items() for source in e.sources
            )),
        }

    def _edge_row(self, edge_id: str, edge: _Edge) -> dict[str, Any]:
        tail = self._nodes[edge.tail].text if edge.wording is None else edge.wording
        return {
            "id": edge_id, "head": edge.head, "relation": edge.relation, "tail": edge.tail, "negated": edge.negated,
            "head_text": self._nodes[edge.head].text, "tail_text": tail, "score": edge.score, "level": edge.level,
            "sources": len(edge.sources), "modalities": modalities(source.modality for source in edge.sources),
        }

    def _check(self) -> None:
        for i, node in self._nodes.items():
            if not node.kind or node.text is None:
                raise InputError(f"node {i} has no {'skos:prefLabel' if node.kind else 'kind as its class'}")
        for i, edge in self._edges.items():
            for name, value in (("head", edge.head), ("relation", edge.relation), ("tail", edge.tail)):
                if not value:
                    raise InputError(f"edge {i} has no {name}")
            for end in (edge.head, edge.tail):
                if end not in self._nodes:
                    raise InputError(f"edge {i} joins the node {end}, of which the RDF says nothing")
            if i != Triple(edge.head, edge.relation, edge.tail, edge.negated).id:
                raise InputError(f"edge {i} has not the id of its head, relation and tail: one of them was changed")
            if edge.negated == (i in self._asserted):
                raise InputError(f"edge {i} is {'denied and' if edge.negated else 'described but not'} asserted")
        if loose := self._asserted - self._edges.keys():
            raise InputError(
                f"{len(loose)} triples between nodes have no `edge/...` that tells their sources (the first would be "
                f"{min(loose)}): was all of the RDF given?"
            )

    def _node(self, subject: str) -> _Node | None:
        """The node with this IRI, unless it is an IRI of something else."""
        if not subject.startswith(PREFIXES["node"]):
            return None
        return self._nodes.setdefault(unquote(subject.removeprefix(PREFIXES["node"])), _Node())

    def _edge(self, subject: str) -> _Edge:
        if not subject.startswith(PREFIXES["edge"]):
            raise InputError(f"{subject} is described like an edge, but no edge of `kg export`")
        return self._edges.setdefault(unquote(subject.removeprefix(PREFIXES["edge"])), _Edge())

    def _named(self, iri: str) -> str:
        if iri not in self._relations:
            name = unquote(iri.removeprefix(NS))
            try:
                self._ontology.resolve(name)
            except UnknownNameError as error:
                raise InputError(f"{error}; give the ontology that the graph was made with") from None
            raise InputError(f"{iri} is no relation of the ontology {self._ontology.name}")
        return iri.removeprefix(NS)

    def _type(self, subject: str, value: Any) -> None:
        kind = value.value if isinstance(value, ox.NamedNode) else ""
        if kind == NS + "Run":
            self._runs.add(unquote(subject.removeprefix(PREFIXES["run"])))
        elif kind == PREFIXES["owl"] + "NegativePropertyAssertion":
            self._edge(subject).negated = True
        elif kind in _KINDS and (node := self._node(subject)):
            node.kind = _KINDS[kind]

    def _label(self, subject: str, value: Any) -> None:
        if node := self._node(subject):
            node.text = _literal(subject, value)

    def _nothing(self, subject: str, value: Any) -> None:
        if (node := self._node(subject)) and (name := self._named(_iri(value))) not in node.nothing:
            node.nothing.append(name)

    def _entity(self, subject: str, value: Any) -> None:
        if node := self._node(subject):
            node.entity = _literal(subject, value)

    def _reifies(self, subject: str, value: Any) -> None:
        if not isinstance(value, ox.Triple):
            raise InputError(f"{subject} reifies {value}, which is no triple")
        self._head(subject, value.subject)
        self._relation(subject, value.predicate)
        self._tail(subject, value.object)

    def _head(self, subject: str, value: Any) -> None:
        self._edge(subject).head = _id(value, "node")

    def _tail(self, subject: str, value: Any) -> None:
        self._edge(subject).tail = _id(value, "node")

    def _relation(self, subject: str, value: Any) -> None:
        self._edge(subject).relation = self._named(_iri(value))

    def _score(self, subject: str, value: Any) -> None:
        try:
            score = float(_literal(subject, value))
        except ValueError:
            score = -1.0
        if not 0 <= score <= 1:
            raise InputError(f"{subject}: the score {value} is not a number from 0 to 1")
        self._edge(subject).score = score

    def _level(self, subject: str, value: Any) -> None:
        self._edge(subject).level = _literal(subject, value)

    def _wording(self, subject: str, value: Any) -> None:
        self._edge(subject).wording = _literal(subject, value)

    def _source(self, subject: str, value: Any) -> None:
        source = parse_excerpt(_iri(value))
        if source is None:
            raise InputError(f"{subject}: {value} is no excerpt as `kg export` writes them")
        self._edge(subject).sources[source] = None


def read_quads(path: Path) -> Iterator[ox.Quad]:
    """The quads of a file, packed by gzip or not; its name tells the format. Raises InputError."""
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    form = ox.RdfFormat.from_extension(suffix)
    if form is None:
        raise InputError(f"{path}: the name must end in .ttl, .trig, .nt, .nq, .rdf or .jsonld, and then perhaps .gz")
    with open_packed(path) as handle:
        try:
            yield from ox.parse(handle, form)
        except (SyntaxError, ValueError, OSError, EOFError) as error:
            raise InputError(f"{path} cannot be read as {form.name}: {error}") from None


def _iri(value: Any) -> str:
    if not isinstance(value, ox.NamedNode):
        raise InputError(f"{value} stands where an IRI should")
    return value.value


def _id(value: Any, kind: str) -> str:
    iri = _iri(value)
    if not iri.startswith(PREFIXES[kind]):
        raise InputError(f"{iri} stands where a {kind} should: {PREFIXES[kind]}...")
    return unquote(iri.removeprefix(PREFIXES[kind]))


def _literal(subject: str, value: Any) -> str:
    if not isinstance(value, ox.Literal):
        raise InputError(f"{subject}: {value} stands where a literal should")
    return value.value
