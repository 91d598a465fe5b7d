"""What is wrong with a part of a graph: the shapes of `loaders.shapes`, run by pyshacl, and what SHACL cannot say.

The graph is a store on disk, in its classic form. A part is some of its subjects with all their triples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import unquote

import pyoxigraph as ox
import rdflib
from pyshacl import Validator
from pyshacl.graph_abstraction import DataGraph
from rdflib.namespace import SH

from kg.graph import node_id
from kg.ontology import KINDS
from kg.records import Triple
from loaders.vocabulary import NS, PREFIXES, TYPE, term

STATEMENT, DENIAL = term("rdf:Statement"), term("owl:NegativePropertyAssertion")
PARTS: dict[Any, tuple[Any, Any, Any]] = {
    STATEMENT: (term("rdf:subject"), term("rdf:predicate"), term("rdf:object")),
    DENIAL: (term("owl:sourceIndividual"), term("owl:assertionProperty"), term("owl:targetIndividual")),
}
_TEXT, _SOURCES, _SOURCE = term("skos:prefLabel"), term("kg:sources"), term("prov:hadPrimarySource")
_OTHER_EDGE = "the id is not this one, that of its head, relation, tail and denial: one of them was changed"
_OTHER_NODE = "the id is not that of this text and class: one of them was changed, or it is another node's id"
_LOOSE = "no edge reifies this triple and tells where it is from: add the edge, or delete the triple"
_UNASSERTED = "the triple that this edge reifies is not asserted: add it, or make the edge a denial"
_MISCOUNTED = "excerpts as its prov:hadPrimarySource: add those that are missing, or correct the number"
_RESULT = ("focusNode", "resultPath", "value", "resultMessage")

Subjects = dict[Any, list[ox.Quad]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: at which thing (IRI), with which property and value, and what to do about it."""

    focus: str
    path: str
    value: str
    message: str


def faults(store: ox.Store, graph: Any, subjects: Subjects, known: rdflib.Graph) -> Iterator[Fault]:
    """The faults of these subjects of a graph under the shapes `known`."""
    yield from _by_shapes(store, graph, subjects, known)
    for subject, quads in subjects.items():
        said = {quad.predicate: quad.object for quad in quads}
        yield from _by_edges(store, graph, subject, quads, said)
        yield from _by_ids(subject, said)


class _OfPart(Validator):
    """Checks the given subjects alone. Its own option for that looks through a list of them each time."""

    def __init__(self, subjects: frozenset[Any], *arguments: Any, **more: Any) -> None:
        self._subjects = subjects
        super().__init__(*arguments, **more)

    def make_executor(self) -> Any:
        executor: Any = super().make_executor()
        executor.focus_nodes = self._subjects
        return executor


def _by_shapes(store: ox.Store, graph: Any, subjects: Subjects, known: rdflib.Graph) -> Iterator[Fault]:
    data = rdflib.Graph(bind_namespaces="none")
    for s, p, o, _ in chain(chain.from_iterable(subjects.values()), _classes(store, graph, subjects)):
        data.add((plain(s), plain(p), plain(o)))
    names, options = frozenset(map(plain, subjects)), {"advanced": True, "inplace": True}
    checked: Any = _OfPart(names, DataGraph.from_rdflib(data), shacl_graph=known, options=options)
    fits, results, _ = checked.run()
    if not fits:
        for result in results.objects(None, SH.result):
            focus, path, value, message = (results.value(result, SH[name]) for name in _RESULT)
            yield Fault(str(focus), _shown(path), _shown(value), str(message))


def _shown(thing: Any) -> str:
    """An IRI as it is, a literal with its quotes, language and datatype."""
    return "" if thing is None else str(thing.n3()) if isinstance(thing, rdflib.Literal) else str(thing)


def _classes(store: ox.Store, graph: Any, subjects: Subjects) -> Iterator[ox.Quad]:
    """The classes of what the subjects refer to."""
    others = {quad.object for quads in subjects.values() for quad in quads if isinstance(quad.object, ox.NamedNode)}
    for other in others - subjects.keys():
        yield from store.quads_for_pattern(other, TYPE, None, graph)


def _by_edges(
    store: ox.Store, graph: Any, subject: Any, quads: list[ox.Quad], said: dict[Any, Any]
) -> Iterator[Fault]:
    """A triple without an edge, an edge without its triple, an edge with another number of sources than it says.

    SHACL can say this, in SPARQL, but pyshacl takes minutes for what the store answers in seconds.
    """
    if head := _name(subject, "node"):
        for _, relation, tail, _ in quads:
            if name := _name(tail, "node"):
                edge = ox.NamedNode(PREFIXES["edge"] + Triple(head, relation.value.removeprefix(NS), name).id)
                if ox.Quad(edge, TYPE, STATEMENT, graph) not in store:
                    yield Fault(subject.value, relation.value, tail.value, _LOOSE)
    elif said.get(TYPE) == STATEMENT:
        parts: list[Any] = [said.get(part) for part in PARTS[STATEMENT]]
        start, relation, end = parts
        if all(isinstance(p, ox.NamedNode) for p in parts) and ox.Quad(start, relation, end, graph) not in store:
            yield Fault(_value(subject), PARTS[STATEMENT][1].value, relation.value, _UNASSERTED)
    number, found = _value(said.get(_SOURCES)), sum(quad.predicate == _SOURCE for quad in quads)
    if number.isdecimal() and found and int(number) != found:
        yield Fault(_value(subject), _SOURCES.value, number, f"the edge has {found} {_MISCOUNTED}")


def _by_ids(subject: Any, said: dict[Any, Any]) -> Iterator[Fault]:
    """An id that is not the digest of what the node or the edge is."""
    kind = said.get(TYPE)
    if name := _name(subject, "edge"):
        head, relation, tail = (said.get(part) for part in PARTS.get(kind, (None, None, None)))
        if head and relation and tail:
            ends = _name(head, "node"), _value(relation).removeprefix(NS), _name(tail, "node")
            if (edge := Triple(*ends, kind == DENIAL).id) != name:
                yield Fault(subject.value, "", edge, _OTHER_EDGE)
    elif name := _name(subject, "node"):
        label, text = _value(kind).removeprefix(NS), _value(said.get(_TEXT))
        if label in KINDS and text and node_id(text, label) != name:
            yield Fault(subject.value, _TEXT.value, text, _OTHER_NODE)


def _name(thing: Any, kind: str) -> str:
    """The id in the IRI of a node or an edge; empty for what is none."""
    iri = thing.value if isinstance(thing, ox.NamedNode) else ""
    return unquote(iri.removeprefix(PREFIXES[kind])) if iri.startswith(PREFIXES[kind]) else ""


def _value(thing: Any) -> str:
    return "" if thing is None or isinstance(thing, ox.Triple) else str(thing.value)


def plain(thing: Any) -> Any:
    """A term for rdflib. What has no name, or is a triple, becomes an IRI or a literal that no shape takes."""
    if isinstance(thing, ox.NamedNode):
        return rdflib.URIRef(thing.value)
    if isinstance(thing, ox.BlankNode):
        return rdflib.URIRef(str(thing))
    if isinstance(thing, ox.Triple):
        return rdflib.Literal(str(thing), datatype=rdflib.RDF.Statement)
    language = thing.language
    return rdflib.Literal(thing.value, language, None if language else thing.datatype.value, normalize=False)
