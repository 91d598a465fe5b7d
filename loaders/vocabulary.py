"""Our namespace: the prefixes that are known, the IRIs of things, and the ontology document.

A node is `node/<id>`: its kind is its class and its text its skos:prefLabel. An edge is `edge/<id>`, a run `run/<id>`.
An excerpt, the place that an edge was read from, is a part of an answer (`answer/<id>?rule=<rule>#char=1,15`) or of a
file (`file/<name>?rule=<rule>#line=7,7`); the fragments are those of RFC 5147. What a rule reads as hedged is an
excerpt of its own (`?rule=<rule>&modality=likely#char=1,15`): one place may state one edge and hedge another.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, cast
from urllib.parse import quote, unquote

from pyoxigraph import Literal, NamedNode, Triple

from kg.errors import InputError
from kg.ontology import Ontology, Relation
from kg.records import MODALITIES, Modality

BASE = "https://w3id.org/distilkg/"
NS = BASE + "ns#"
PREFIXES = {
    "kg": NS,
    "node": BASE + "node/",
    "edge": BASE + "edge/",
    "run": BASE + "run/",
    "answer": BASE + "answer/",
    "teacher": BASE + "teacher/",
    "file": BASE + "file/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "prov": "http://www.w3.org/ns/prov#",
    "void": "http://rdfs.org/ns/void#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
}


def term(name: str) -> NamedNode:
    """The IRI of a prefixed name: `term("skos:prefLabel")`."""
    prefix, _, local = name.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


TYPE, LABEL, DIGEST, COMPLETE = term("rdf:type"), term("rdfs:label"), term("kg:digest"), term("kg:complete")
_ONTOLOGY = NamedNode(NS.removesuffix("#"))
_CLASSES = {
    "Event": "something that happens, or that somebody does, wants or needs",
    "Thing": "an object, a person or a place",
    "State": "how somebody feels or is seen, or what something is like",
    "Run": "what one build or import made: a named graph",
}
# name -> (what it means, domain, range)
_OWN = {
    "nothingFor": ("a relation of which nothing applies to this head", "", "rdf:Property"),
    "score": ("how likely the statement is, in [0, 1]", "", "xsd:double"),
    "sources": ("number of places that the statement was read from", "", "xsd:integer"),
    "level": ("the strictest cut-off that the statement passes", "", "xsd:string"),
    "wording": ("how the sources word the tail, where that is not the node's label", "", "xsd:string"),
    "rule": ("what read the statement in this excerpt", "prov:Entity", "xsd:string"),
    "modality": (
        "how the excerpt qualifies what it says: possible, likely (how certain it is), rarely, sometimes, often, "
        "usually, always (how often it is so, or of how many), advisable, necessary (it ought to be), able (it can be)",
        "prov:Entity", "xsd:string",
    ),
    "entity": (
        "what kind of named entity it is, by the labels of OntoNotes 5: GPE, LOC, ORG, DATE and so on", "kg:Thing",
        "xsd:string",
    ),
    "sha256": ("SHA-256 of a file, in hexadecimal", "prov:Entity", "xsd:string"),
    "digest": ("digest of the files that a run was loaded from", "kg:Run", "xsd:string"),
    "complete": ("whether all of a run is in the store", "kg:Run", "xsd:boolean"),
}


def run_iri(run_id: str) -> NamedNode:
    return NamedNode(f"{BASE}run/{quote(run_id, safe='')}")


class Source(NamedTuple):
    """A source of an edge, as `kg.records.Provenance` has it; `run_id` is empty where the graph's own run is meant."""

    generation_id: str
    rule: str
    start: int
    end: int
    run_id: str = ""
    modality: Modality | None = None


_IMPORT = re.compile(r"import:[^:]*:(.*)", re.DOTALL)
_EXCERPT = re.compile(
    re.escape(BASE) + r"(?:answer/(?P<answer>[^?#/]+)|file/[^?#/]*)\?rule=(?P<rule>[^&#]*)(?:&run=(?P<run>[^&#]+))?"
    rf"(?:&modality=(?P<modality>{'|'.join(MODALITIES)}))?"
    r"#(?:char|line)=(?P<start>-?\d{1,9}),(?P<end>-?\d{1,9})"
)


def origin_iri(generation_id: str, rule: str) -> str:
    """The answer that a source is in, or the file, which the rule of an imported triple names."""
    if generation_id:
        return f"{BASE}answer/{quote(generation_id, safe='')}"
    found = _IMPORT.fullmatch(rule)
    return f"{BASE}file/{quote(found[1] if found else rule, safe='')}"


def excerpt_iri(source: Source) -> str:
    """The IRI of a source: all of it can be read back from there."""
    rule, run = quote(source.rule, safe=":@"), f"&run={quote(source.run_id, safe='')}" if source.run_id else ""
    hedged = f"&modality={source.modality}" if source.modality else ""
    kind = "char" if source.generation_id else "line"
    origin = origin_iri(source.generation_id, source.rule)
    return f"{origin}?rule={rule}{run}{hedged}#{kind}={source.start},{source.end}"


def parse_excerpt(iri: str) -> Source | None:
    """The source that `excerpt_iri` made this IRI of, or None."""
    if (m := _EXCERPT.fullmatch(iri)) is None:
        return None
    answer, rule, run = (unquote(m[name] or "") for name in ("answer", "rule", "run"))
    return Source(answer, rule, int(m["start"]), int(m["end"]), run, cast(Modality | None, m["modality"]))


class Vocabulary:
    """The IRIs of an ontology's relations, and the ontology as an RDF document."""

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology
        self.relations = {r.name: NamedNode(NS + r.name) for r in ontology.asserted}
        if taken := sorted((_OWN.keys() | _CLASSES.keys()) & {r.name for r in ontology}):
            raise InputError(
                f"ontology {ontology.name}: the names {', '.join(taken)} have another meaning in RDF: "
                "give these relations other names"
            )

    def name(self, iri: str) -> str:
        """Name of the relation with this IRI."""
        return iri.removeprefix(NS)

    def document(self) -> Iterator[Triple]:
        """Classes, relations and our own properties, with labels, definitions, domains, ranges and SKOS links."""
        yield Triple(_ONTOLOGY, TYPE, term("owl:Ontology"))
        yield Triple(_ONTOLOGY, LABEL, Literal(self._ontology.name))
        for name, meaning in _CLASSES.items():
            yield from _named(name, "owl:Class", meaning)
        for relation in self._ontology:
            yield from self._relation(relation)
        for name, (meaning, domain, reach) in _OWN.items():
            kind = "owl:DatatypeProperty" if reach.startswith("xsd:") else "rdf:Property"
            yield from _named(name, kind, meaning)
            yield Triple(term(f"kg:{name}"), term("rdfs:range"), term(reach))
            if domain:
                yield Triple(term(f"kg:{name}"), term("rdfs:domain"), term(domain))

    def _relation(self, relation: Relation) -> Iterator[Triple]:
        iri = NamedNode(NS + relation.name)
        yield from _named(relation.name, "rdf:Property" if relation.negates else "owl:ObjectProperty", relation.phrase)
        if relation.negates:  # what it says is said by an owl:NegativePropertyAssertion of the other one
            yield Triple(iri, term("owl:propertyDisjointWith"), self.relations[relation.negates])
        yield Triple(iri, term("rdfs:comment"), Literal(relation.question))
        yield Triple(iri, term("skos:notation"), Literal(relation.name))
        yield Triple(iri, term("rdfs:domain"), NamedNode(NS + relation.head))
        yield Triple(iri, term("rdfs:range"), NamedNode(NS + relation.tail))
        for match, others in (("skos:exactMatch", relation.exact), ("skos:closeMatch", relation.close)):
            for other in others:
                yield Triple(iri, term(match), NamedNode(other))


def _named(name: str, kind: str, meaning: str) -> Iterator[Triple]:
    iri = term(f"kg:{name}")
    yield Triple(iri, TYPE, term(kind))
    yield Triple(iri, LABEL, Literal(name))
    yield Triple(iri, term("skos:definition"), Literal(meaning))
    yield Triple(iri, term("rdfs:isDefinedBy"), _ONTOLOGY)
