"""The SHACL shapes of a graph: those of `shapes.ttl`, and what an ontology says of its relations."""

import json
from importlib.resources import files

from rdflib import Graph

from kg.ontology import Ontology, Relation
from kg.records import MODALITIES
from loaders.vocabulary import BASE, NS, PREFIXES

# of an edge that is asserted, and of one that is denied: where its head, relation and tail stand
_FORMS = {
    "asserted": ("rdf:subject", "rdf:predicate", "rdf:object"),
    "denied": ("owl:sourceIndividual", "owl:assertionProperty", "owl:targetIndividual"),
}


_ONE = "sh:minCount 1 ; sh:maxCount 1 ;"


def shapes(ontology: Ontology, with_answers: bool = False) -> Graph:
    """All shapes for graphs of this ontology; `with_answers` wants every answer that is cited to be described."""
    prefixes = {**PREFIXES, "sh": "http://www.w3.org/ns/shacl#", "shape": BASE + "shapes#"}
    parts = [f"@prefix {name}: <{iri}> ." for name, iri in prefixes.items()]
    parts += [_known(ontology), _HEDGED, *(_joins(relation, form) for relation in ontology.asserted for form in _FORMS)]
    if with_answers:
        parts.append(_DESCRIBED)
    graph = Graph(bind_namespaces="none")
    graph.parse(data=(files("loaders") / "shapes.ttl").read_text(encoding="utf-8"), format="turtle")
    graph.parse(data="\n".join(parts), format="turtle")
    return graph


def _known(ontology: Ontology) -> str:
    """The relations that edges may have; as patterns, which pyshacl reads far faster than lists."""
    why = json.dumps(
        f"the ontology {ontology.name} has no such relation: correct it, or give the ontology of the graph",
        ensure_ascii=False,
    )
    denied, asserted = (_FORMS[form][1] for form in ("denied", "asserted"))
    return "\n".join(
        f"""shape:{shape} sh:property [ sh:path {path} ; {count} sh:pattern "^{NS}({'|'.join(names)})$" ;
            sh:message {why} ] ."""
        for shape, path, count, names in (
            ("Statement", asserted, _ONE, [relation.name for relation in ontology.asserted]),
            ("Denial", denied, _ONE, [relation.name for relation in ontology.asserted]),
            ("Node", "kg:nothingFor", "", [relation.name for relation in ontology]),
        )
    )


def _joins(relation: Relation, form: str) -> str:
    """What a relation joins, where it is asserted or denied."""
    head, path, tail = _FORMS[form]
    ends = " , ".join(
        f"""[ sh:path {end} ; sh:class kg:{kind} ;
            sh:message "the {name} of {relation.name} is a kg:{kind} of this graph: correct the node, or the edge" ]"""
        for end, kind, name in ((head, relation.head, "head"), (tail, relation.tail, "tail"))
    )
    return f"""shape:{relation.name}-{form} a sh:NodeShape ;
        sh:target [ a sh:SPARQLTarget ; sh:prefixes shape:prefixes ;
            sh:select "SELECT ?this {{ ?this {path} kg:{relation.name} }}" ] ;
        sh:property {ends} ."""


_HEDGED = f"""shape:Excerpt sh:property [ sh:path kg:modality ; sh:maxCount 1 ; sh:datatype xsd:string ;
    sh:pattern "^({'|'.join(MODALITIES)})$" ;
    sh:message "a modality is one of {', '.join(MODALITIES)}: correct it, or take it away" ] ."""
_DESCRIBED = """shape:Excerpt sh:property [ sh:path prov:specializationOf ; sh:class prov:Entity ;
    sh:message "what this is an excerpt of is not in the graph: add the answer, or delete the excerpt" ] ."""
