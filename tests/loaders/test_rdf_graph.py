"""The store as an rdflib graph."""

from pathlib import Path

import pytest
import rdflib
from rdflib import Literal, Namespace, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import RDF, SKOS

from kg.errors import StoreError
from kg.ontology import load_ontology
from kg.run import Run
from loaders.exports import export_run
from loaders.rdf import RdfStore
from loaders.rdf_graph import open_graph
from loaders.vocabulary import NS, PREFIXES, run_iri
from tests.graphs import CAKE, ROWS, write_graph

KG = Namespace(NS)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run, loaded into its own store."""
    graph = write_graph(tmp_path / "run", ROWS)
    store = RdfStore(graph.path / "rdf", load_ontology(), workers=1)
    store.write(graph, graph.run_id)
    store.close()
    return graph.path


def test_a_run_or_a_folder_is_asked_in_sparql(folder: Path) -> None:
    query = "SELECT ?want ?score { ?h skos:prefLabel ?e ; kg:xWant ?t {| kg:score ?score |} . ?t skos:prefLabel ?want }"
    for path in (folder, str(folder / "rdf")):
        (row,) = open_graph(path).query(query, initBindings={"e": Literal(CAKE)})
        assert (str(row.want), row.score.value) == ("to eat it", 0.9)
    ask = "ASK { ?x a ?kind ; skos:prefLabel ?text } # a comment"
    for kind, answer in ((KG.State, True), (KG.Event, False)):
        named = open_graph(folder).graph(URIRef(run_iri("demo-1").value))
        found = named.query(ask, initNs={"skos": SKOS}, initBindings={"text": Literal("happy"), "kind": kind})
        assert found.askAnswer is answer


def test_rdflibs_own_ways_to_look_work(folder: Path) -> None:
    graph = open_graph(folder)
    cake = graph.value(predicate=SKOS.prefLabel, object=Literal(CAKE))
    assert graph.value(cake, SKOS.prefLabel) == Literal(CAKE)
    wants = {str(graph.value(tail, SKOS.prefLabel)) for tail in graph.objects(cake, KG.xWant)}
    assert wants == {"to eat it", "to share it"}
    assert (cake, RDF.type, KG.Event) in graph
    assert set(graph.objects(cake, RDF.type)) == {KG.Event}


def test_a_run_is_a_named_graph_that_says_what_an_export_says(folder: Path, tmp_path: Path) -> None:
    run = Run.open(folder)
    named = open_graph(folder).graph(URIRef(run_iri(run.id).value))
    export_run(run, "turtle", tmp_path / "out.ttl", load_ontology(), classic=True)
    exported = rdflib.Graph().parse(tmp_path / "out.ttl")
    statements = [PREFIXES["rdf"] + name for name in ("subject", "predicate", "object")]
    for edge in list(exported.subjects(RDF.type, RDF.Statement)):
        exported.remove((edge, RDF.type, None))
        for part in statements:
            exported.remove((edge, URIRef(part), None))
    size = URIRef(PREFIXES["void"] + "triples")
    exported.remove((None, size, None))
    again = rdflib.Graph().parse(data=named.serialize(format="turtle"))
    assert len(named) == len(list(named)) == len(again)
    again.remove((None, size, None))
    for partition in list(exported.objects(None, URIRef(PREFIXES["void"] + "propertyPartition"))):
        again.remove((partition, None, None))
        exported.remove((partition, None, None))
    assert isomorphic(again, exported)


def test_nothing_can_be_written(folder: Path) -> None:
    graph = open_graph(folder)
    triple = (URIRef("a:b"), RDF.type, URIRef("a:c"))
    for write in (
        lambda: graph.add(triple), lambda: graph.addN([(*triple, graph)]),
        lambda: graph.remove((None, None, None)), lambda: graph.update("CLEAR ALL"),
        lambda: graph.parse(data="<a:b> <a:c> <a:d> ."), lambda: graph.graph(URIRef("a:b")).add(triple),
    ):
        with pytest.raises(TypeError, match="read-only"):
            write()
    assert (URIRef("a:b"), None, None) not in open_graph(folder)


def test_where_there_is_no_store_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="kg load"):
        open_graph(tmp_path)
