"""The shapes themselves: they are SHACL, and every relation has its own."""

import pyshacl
from rdflib import Graph, URIRef
from rdflib.namespace import SH

from kg.ontology import load_ontology
from loaders.shapes import shapes
from loaders.vocabulary import BASE, NS


def test_the_shapes_are_valid_shacl() -> None:
    fits, _, text = pyshacl.validate(Graph(), shacl_graph=shapes(load_ontology(), True), advanced=True, meta_shacl=True)
    assert fits, text


def test_every_shape_says_what_to_do() -> None:
    graph = shapes(load_ontology(), True)
    properties = set(graph.objects(None, SH.property))
    assert len(properties) > 100
    assert [shape for shape in properties if ": " not in str(graph.value(shape, SH.message))] == []


def test_every_relation_joins_what_its_ontology_says() -> None:
    graph = shapes(load_ontology())
    for relation in load_ontology().asserted:
        for form in ("asserted", "denied"):
            parts = graph.objects(URIRef(f"{BASE}shapes#{relation.name}-{form}"), SH.property)
            assert {str(graph.value(part, SH["class"])) for part in parts} == {NS + relation.head, NS + relation.tail}
