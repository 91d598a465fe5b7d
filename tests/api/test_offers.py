"""The named questions as a server offers them, in `/v1/questions`, on its pages and as SHACL."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import rdflib
from fastapi.testclient import TestClient
from rdflib import RDF, RDFS, Namespace

from api.offers import Offer, offers
from api.triples import Edges
from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.protocols import GraphStore
from kg.records import Triple
from kg.run import Run
from loaders.bolt import connect
from loaders.questions import Value, load_questions
from loaders.rdf import RdfStore
from tests.api.conftest import HEAD
from tests.graphs import write_graph
from tests.twins import ask, difference

SH = Namespace("http://www.w3.org/ns/shacl#")
TAIL = "eat it"  # of the first xWant of the small run
WANTED = {"event": HEAD, "head": HEAD, "relation": "xWant", "tail": TAIL}


@pytest.fixture(scope="module")
def stores(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, GraphStore]]:
    """The small run in the embedded Cypher engine and in RDF."""
    folder: Path = tmp_path_factory.mktemp("stores")
    cypher = connect(load_ontology(), folder / "cypher")
    sparql = RdfStore(folder / "rdf", load_ontology())
    try:
        cypher.write(GraphFiles(run), run.id)
        sparql.write(GraphFiles(run), run.id)
        yield {"cypher": cypher, "sparql": sparql}
    finally:
        cypher.close()
        sparql.close()


def values(offer: Offer) -> dict[str, Value]:
    examples = offer.question.examples()
    return {name: WANTED.get(name, example) for name, example in examples.items()}


def test_a_text_that_is_filled_in_gives_the_rows_of_its_question(run: Run, stores: Mapping[str, GraphStore]) -> None:
    answered = set()
    for offer in offers(Edges(run)):
        for store, text in ((stores["cypher"], offer.cypher), (stores["sparql"], offer.sparql)):
            rows = store.query(text)
            assert not difference(rows, ask(store, offer.question, values(offer))), offer.question.name
            if rows.rows:
                answered.add(offer.question.name)
    assert {"wants", "everything", "between", "find", "central"} - answered == {"find"}  # no dogs in this graph


def test_texts_with_signs_of_both_languages_stay_texts(tmp_path: Path) -> None:
    head = "PersonX says \"it's\" \\ $event ?x }} 😀\nand\tleaves"
    graph = write_graph(tmp_path / "run", [(Triple(head, "xWant", "to go"), None)])
    store = RdfStore(tmp_path / "rdf", load_ontology(), 1)
    store.write(graph, "demo-1")
    wants = next(offer for offer in offers(Edges(Run.open(graph.path))) if offer.question.name == "wants")
    assert store.query(wants.sparql).rows == [["to go", None]]
    assert '"PersonX says \\"it\'s\\" \\\\ $event ?x }} 😀\\nand\\tleaves"' in wants.cypher
    store.close()


def test_an_empty_graph_is_asked_what_the_file_says(tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "run", [])
    wants = offers(Edges(Run.open(graph.path)))[0]
    assert '"PersonX adopts a stray dog"' in wants.cypher
    assert '"PersonX adopts a stray dog"' in wants.sparql


def test_questions_are_listed(client: TestClient) -> None:
    listed = client.get("/v1/questions").json()["questions"]
    assert [question["name"] for question in listed] == list(load_questions())
    between = next(question for question in listed if question["name"] == "between")
    assert between["level"] == "easy"
    assert [(p["name"], p["kind"], p["default"]) for p in between["parameters"]] == [
        ("head", "text", None), ("tail", "text", None),
    ]
    assert "$head" in between["cypher"]
    assert "$" not in between["filled"]["cypher"] + between["filled"]["sparql"]
    assert all(f'"{text}"' in between["filled"][key] for key in ("cypher", "sparql") for text in (HEAD, TAIL))


@pytest.mark.parametrize("path", ["/sparql", "/.well-known/sparql-examples"])
def test_questions_are_executables_of_shacl(client: TestClient, path: str) -> None:
    graph = rdflib.Graph().parse(data=client.get(path, headers={"Accept": "text/turtle"}).text, format="turtle")
    found = {str(graph.value(q, RDFS.label)): q for q in graph.subjects(RDF.type, SH.SPARQLExecutable)}
    assert found.keys() == load_questions().keys()
    for name, query in found.items():
        assert (query, RDF.type, SH.SPARQLSelectExecutable) in graph
        assert str(graph.value(query, RDFS.comment)) == load_questions()[name].title
        assert "$" not in str(graph.value(query, SH.select))
        assert (graph.value(query, SH.prefixes), SH.declare, None) in graph
        assert str(graph.value(query, rdflib.SDO.target)).endswith("/sparql")
