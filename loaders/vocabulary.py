"""The graph as RDF: our namespace, the ontology document, and the RDF triples of nodes, edges and runs.

A node is `node/<id>` with its kind as class and its text as skos:prefLabel. An edge is asserted as one plain RDF
triple between nodes; `edge/<id>` reifies it (RDF 1.2, rdf:reifies) and carries score, level and sources. A denied edge
is never asserted: `edge/<id>` is an owl:NegativePropertyAssertion instead. Nodes and edges say by prov:wasDerivedFrom
which runs they came from.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, Triple

from kg.errors import InputError
from kg.graph import GraphFiles
from kg.ontology import KINDS, Ontology, Relation
from kg.run import ROW_GROUP, Progress, silent

BASE = "https://w3id.org/distilkg/"
NS = BASE + "ns#"
PREFIXES = {
    "kg": NS,
    "node": BASE + "node/",
    "edge": BASE + "edge/",
    "run": BASE + "run/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "prov": "http://www.w3.org/ns/prov#",
}


def term(name: str) -> NamedNode:
    """The IRI of a prefixed name: `term("skos:prefLabel")`."""
    prefix, _, local = name.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


TYPE, REIFIES = term("rdf:type"), term("rdf:reifies")
LABEL, PREF_LABEL, DEFINITION = term("rdfs:label"), term("skos:prefLabel"), term("skos:definition")
DERIVED = term("prov:wasDerivedFrom")
DENIAL = term("owl:NegativePropertyAssertion")
SOURCE, PROPERTY, TARGET = term("owl:sourceIndividual"), term("owl:assertionProperty"), term("owl:targetIndividual")
NOTHING_FOR, SCORE, SOURCES, LEVEL = term("kg:nothingFor"), term("kg:score"), term("kg:sources"), term("kg:level")
DIGEST, COMPLETE = term("kg:digest"), term("kg:complete")

_OWN = {
    "nothingFor": "a relation of which nothing applies to this head",
    "score": "how likely the statement is, in [0, 1]",
    "sources": "number of places that the statement was read from",
    "level": "the strictest cut-off that the statement passes",
    "digest": "digest of the files that a run was loaded from",
    "complete": "whether all of a run is in the store",
}


def node_iri(node_id: str) -> NamedNode:
    return NamedNode(PREFIXES["node"] + node_id)


def edge_iri(edge_id: str) -> NamedNode:
    return NamedNode(PREFIXES["edge"] + edge_id)


def run_iri(run_id: str) -> NamedNode:
    return NamedNode(PREFIXES["run"] + quote(run_id, safe=""))


class Vocabulary:
    """The IRIs of an ontology's relations and kinds, and what the records of a graph are in RDF."""

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology
        self.relations = {r.name: NamedNode(NS + r.name) for r in ontology.asserted}
        self._kinds = {kind: NamedNode(NS + kind) for kind in KINDS}
        if taken := sorted((_OWN.keys() | set(KINDS)) & self.relations.keys()):
            raise InputError(
                f"ontology {ontology.name}: the names {', '.join(taken)} have another meaning in RDF: "
                "give these relations other names"
            )

    def name(self, iri: str) -> str:
        """Name of the relation with this IRI."""
        return iri.removeprefix(NS)

    def document(self) -> Iterator[Triple]:
        """The ontology: classes and relations with labels, definitions, domain and range, and our own properties."""
        for kind, iri in self._kinds.items():
            yield Triple(iri, TYPE, term("owl:Class"))
            yield Triple(iri, LABEL, Literal(kind))
        for relation in self._ontology.asserted:
            yield from self._relation(relation)
        for name, meaning in _OWN.items():
            yield Triple(term(f"kg:{name}"), TYPE, term("rdf:Property"))
            yield Triple(term(f"kg:{name}"), LABEL, Literal(name))
            yield Triple(term(f"kg:{name}"), DEFINITION, Literal(meaning))

    def run(self, run_id: str) -> Iterator[Triple]:
        """What is said of a run itself."""
        yield Triple(run_iri(run_id), TYPE, term("prov:Entity"))
        yield Triple(run_iri(run_id), LABEL, Literal(run_id))

    def node(self, row: Mapping[str, Any], run: NamedNode) -> Iterator[Triple]:
        """The RDF triples of one row of nodes.parquet."""
        node = node_iri(row["id"])
        yield Triple(node, TYPE, self._kinds[row["kind"]])
        yield Triple(node, PREF_LABEL, Literal(row["text"]))
        for relation in row["nothing"]:
            yield Triple(node, NOTHING_FOR, self.relations[relation])
        yield Triple(node, DERIVED, run)

    def edge(self, row: Mapping[str, Any], run: NamedNode) -> Iterator[Triple]:
        """The RDF triples of one row of edges.parquet."""
        edge, relation = edge_iri(row["id"]), self.relations[row["relation"]]
        head, tail = node_iri(row["head"]), node_iri(row["tail"])
        if row["negated"]:
            yield Triple(edge, TYPE, DENIAL)
            yield Triple(edge, SOURCE, head)
            yield Triple(edge, PROPERTY, relation)
            yield Triple(edge, TARGET, tail)
        else:
            statement = Triple(head, relation, tail)
            yield statement
            yield Triple(edge, REIFIES, statement)
        if row["score"] is not None:
            yield Triple(edge, SCORE, Literal(row["score"]))
        if row["level"]:
            yield Triple(edge, LEVEL, Literal(row["level"]))
        yield Triple(edge, SOURCES, Literal(row["sources"]))
        yield Triple(edge, DERIVED, run)

    def graph(self, graph: GraphFiles, run_id: str, progress: Progress = silent) -> Iterator[Triple]:
        """The RDF triples of a whole graph with its ontology, streaming."""
        run, counts = run_iri(run_id), graph.counts()
        total, done = counts["nodes"] + counts["edges"], 0
        yield from self.document()
        yield from self.run(run_id)
        for rows, triples in ((graph.nodes(), self.node), (graph.edges(), self.edge)):
            for row in rows:
                yield from triples(row, run)
                done += 1
                if done % ROW_GROUP == 0 or done == total:
                    progress("rdf", done, total)

    def _relation(self, relation: Relation) -> Iterator[Triple]:
        iri = self.relations[relation.name]
        yield Triple(iri, TYPE, term("owl:ObjectProperty"))
        yield Triple(iri, LABEL, Literal(relation.name))
        yield Triple(iri, DEFINITION, Literal(relation.phrase))
        yield Triple(iri, term("rdfs:comment"), Literal(relation.question))
        yield Triple(iri, term("rdfs:domain"), self._kinds[relation.head])
        yield Triple(iri, term("rdfs:range"), self._kinds[relation.tail])
