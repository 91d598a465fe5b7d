"""The tests of the W3C for the SPARQL 1.1 Protocol and Service Description, against the real server.

Source: the manifests of sparql/sparql11/protocol (34 tests) and sparql/sparql11/service-description (3 tests) in the
repository w3c/rdf-tests, whose names are kept. They name graphs of http://kasei.us/2009/09/sparql/data/.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pyoxigraph as ox
import pytest
import rdflib
from rdflib import RDF, Namespace, URIRef

from tests.graphs import ROWS, write_graph
from tests.served import served

# What does not apply here, and why: all of it is to change the store, which this server never does.
_NO_UPDATE = "it wants an update to succeed, and the server is read-only"
NOT_APPLICABLE = {
    "update_dataset_default_graph": _NO_UPDATE,
    "update_dataset_default_graphs": _NO_UPDATE,
    "update_dataset_named_graphs": _NO_UPDATE,
    "update_dataset_full": _NO_UPDATE,
    "update_post_form": _NO_UPDATE,
    "update_post_direct": _NO_UPDATE,
    "update_base_uri": _NO_UPDATE,
}
BASE = "http://kasei.us/2009/09/sparql/data/"
NO_DATA = [("default-graph-uri", f"{BASE}data0.rdf")]
D1, D2, D3 = (f"<{BASE}data{i}.rdf> a ?type" for i in (1, 2, 3))
ONE_AND_TWO = f"ASK {{ GRAPH ?g1 {{ {D1} }} GRAPH ?g2 {{ {D2} }} }}"
QUERY, FORM, UPDATE = "application/sparql-query", "application/x-www-form-urlencoded", "application/sparql-update"
ROWS_TYPES = (
    "application/sparql-results+json", "application/sparql-results+xml", "text/csv", "text/tab-separated-values",
)
RDF_TYPES = ("application/rdf+xml", "text/turtle", "application/n-triples")
Fields = list[tuple[str, str]]
SD = Namespace("http://www.w3.org/ns/sparql-service-description#")


class Case(NamedTuple):
    """A request, and what must be answered: `types` of a good answer, none for an error of the client."""

    name: str
    method: str
    address: Fields
    kind: str | None = None
    body: str | bytes | None = None
    types: Sequence[str] = ()
    is_true: bool = False


def graphs(kind: str, *numbers: int) -> Fields:
    return [(f"{kind}-graph-uri", f"{BASE}data{number}.rdf") for number in numbers]


def asks(name: str, method: str, address: Fields, kind: str | None = None, body: str | None = None) -> Case:
    """A case that must be answered with yes."""
    return Case(name, method, address, kind, body, ROWS_TYPES[:2], True)


CASES = [
    asks("query_post_form", "POST", NO_DATA, FORM, "query=ASK%20%7B%7D"),
    asks("query_dataset_default_graphs_get", "GET", [("query", f"ASK {{ {D1} . {D2} }}"), *graphs("default", 1, 2)]),
    asks("query_dataset_default_graphs_post", "POST", graphs("default", 1, 2), QUERY, f"ASK {{ {D1} . {D2} . }}"),
    asks("query_dataset_named_graphs_post", "POST", graphs("named", 1, 2), QUERY, ONE_AND_TWO),
    asks("query_dataset_named_graphs_get", "GET", [("query", ONE_AND_TWO), *graphs("named", 1, 2)]),
    asks(
        "query_dataset_full", "POST", [*graphs("default", 3), *graphs("named", 1, 2)], QUERY,
        ONE_AND_TWO.replace("{", f"{{ {D3} ", 1),
    ),
    asks(
        "query_multiple_dataset", "POST", graphs("named", 1, 2), QUERY,
        ONE_AND_TWO.replace("ASK", f"ASK FROM <{BASE}data3.rdf>"),
    ),
    asks("query_get", "GET", [("query", "ASK {}"), *NO_DATA]),
    asks("query_post_direct", "POST", [], QUERY, "ASK {}"),
    Case("query_content_type_select", "POST", NO_DATA, QUERY, "SELECT (1 AS ?value) {}", ROWS_TYPES),
    Case("query_content_type_ask", "POST", NO_DATA, QUERY, "ASK {}", ROWS_TYPES[:2]),
    Case("query_content_type_describe", "POST", NO_DATA, QUERY, "DESCRIBE <http://example.org/>", RDF_TYPES),
    Case("query_content_type_construct", "POST", NO_DATA, QUERY, "CONSTRUCT { <s> <p> 1 } WHERE {}", RDF_TYPES),
    Case("bad_query_method", "PUT", [("query", "ASK {}"), *NO_DATA], FORM),
    Case("bad_multiple_queries", "GET", [("query", "ASK {}"), ("query", "SELECT * {}")]),
    Case("bad_query_wrong_media_type", "POST", [], "text/plain", "ASK {}"),
    Case("bad_query_missing_form_type", "POST", [], None, "query=ASK%20%7B%7D"),
    Case("bad_query_missing_direct_type", "POST", [], None, "ASK {}"),
    Case("bad_query_non_utf8", "POST", [], f"{QUERY}; charset=UTF-16", "ASK {}".encode("utf-16")),
    Case("bad_query_syntax", "GET", [("query", "ASK {")]),
    Case("bad_update_get", "GET", [("update", "CLEAR ALL")]),
    Case("bad_multiple_updates", "POST", [], FORM, "update=CLEAR%20NAMED&update=CLEAR%20DEFAULT"),
    Case("bad_update_wrong_media_type", "POST", [], "text/plain", "CLEAR NAMED"),
    Case("bad_update_missing_form_type", "POST", [], None, "update=CLEAR%20NAMED"),
    Case("bad_update_non_utf8", "POST", [], f"{UPDATE}; charset=UTF-16", "CLEAR NAMED".encode("utf-16")),
    Case("bad_update_syntax", "POST", [], FORM, "update=CLEAR%20XYZ"),
    Case(
        "bad_update_dataset_conflict", "POST", [("using-named-graph-uri", "http://example/people")], UPDATE,
        "PREFIX foaf: <http://xmlns.com/foaf/0.1/> WITH <http://example/addresses> DELETE { ?p foaf:givenName 'Bill' } "
        "INSERT { ?p foaf:givenName 'William' } WHERE { ?p foaf:givenName 'Bill' }",
    ),
]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a `/sparql` over the graphs of the W3C's tests, and one triple in the default graph."""
    folder: Path = tmp_path_factory.mktemp("protocol")
    store = ox.Store(folder / "rdf")
    for i in (1, 2, 3):
        name = ox.NamedNode(f"{BASE}data{i}.rdf")
        store.add(ox.Quad(name, ox.NamedNode(str(RDF.type)), ox.NamedNode("http://xmlns.com/foaf/0.1/Document"), name))
    store.flush()
    del store
    with served(write_graph(folder / "run", ROWS).path, "--rdf", str(folder / "rdf")) as url:
        yield f"{url}/sparql"


def send(endpoint: str, case: Case) -> httpx.Response:
    headers = {} if case.kind is None else {"Content-Type": case.kind}
    body = case.body.encode() if isinstance(case.body, str) else case.body
    return httpx.request(
        case.method, endpoint, params=case.address, headers=headers, content=body, follow_redirects=True, timeout=30
    )


def test_each_test_of_the_manifest_is_run_or_does_not_apply() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) == 27
    assert len(set(names) | NOT_APPLICABLE.keys()) == 34


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_protocol(endpoint: str, case: Case) -> None:
    response = send(endpoint, case)
    if not case.types:
        assert 400 <= response.status_code < 500, response.text
        assert response.headers["content-type"] == "application/problem+json"
        return
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].partition(";")[0] in case.types
    if case.is_true:
        assert response.json()["boolean"] is True


def test_a_dataset_without_the_graph_makes_the_same_question_false(endpoint: str) -> None:
    """So the yes of the cases above comes from the graphs that the protocol names."""
    for case in CASES:
        if case.is_true and "data1" in str(case):
            other = [(k, v.replace("data1", "data0") if k.endswith("-graph-uri") else v) for k, v in case.address]
            assert send(endpoint, case._replace(address=other)).json()["boolean"] is False, case.name


def description(endpoint: str, accept: str = "text/turtle") -> rdflib.Graph:
    response = httpx.get(endpoint, headers={"Accept": accept})
    assert response.status_code == 200
    kind = response.headers["content-type"].partition(";")[0]
    assert kind == accept
    return rdflib.Graph().parse(data=response.text, format={"application/n-triples": "nt"}.get(kind, kind))


@pytest.mark.parametrize("accept", [*RDF_TYPES, "application/ld+json"])
def test_returns_rdf(endpoint: str, accept: str) -> None:
    assert (None, RDF.type, SD.Service) in description(endpoint, accept)
    response = httpx.get(endpoint)
    assert response.headers["content-type"].partition(";")[0] in RDF_TYPES


def test_has_endpoint_triple(endpoint: str) -> None:
    assert list(description(endpoint).objects(None, SD.endpoint)) == [URIRef(endpoint)]


# Domain and range of each property that the vocabulary has, and how often a subject has it (SPARQL 1.1 Service
# Description, sections 3.2 and 3.4); None for what is a resource without a class that must be stated.
SCHEMA: dict[URIRef, tuple[URIRef, URIRef | None]] = {
    SD.endpoint: (SD.Service, None), SD.feature: (SD.Service, None), SD.supportedLanguage: (SD.Service, None),
    SD.resultFormat: (SD.Service, None), SD.inputFormat: (SD.Service, None), SD.extensionFunction: (SD.Service, None),
    SD.defaultEntailmentRegime: (SD.Service, None), SD.defaultDataset: (SD.Service, SD.Dataset),
    SD.availableGraphs: (SD.Service, None), SD.defaultGraph: (SD.Dataset, SD.Graph),
    SD.namedGraph: (SD.Dataset, SD.NamedGraph), SD.name: (SD.NamedGraph, None), SD.graph: (SD.NamedGraph, SD.Graph),
    SD.entailmentRegime: (SD.NamedGraph, None),
}
ONCE = [SD.defaultEntailmentRegime, SD.defaultDataset, SD.defaultGraph, SD.name, SD.graph]
FEATURES = {SD[name] for name in (
    "DereferencesURIs", "UnionDefaultGraph", "RequiresDataset", "EmptyGraphs", "BasicFederatedQuery",
)}
CLASSES = {SD[name] for name in ("Service", "Dataset", "Graph", "NamedGraph")}


def test_conforms_to_schema(endpoint: str) -> None:
    graph = description(endpoint)
    used = {p for p in graph.predicates() if p.startswith(str(SD))}
    assert used <= SCHEMA.keys()
    assert {SD.endpoint, SD.supportedLanguage, SD.resultFormat, SD.defaultDataset, SD.namedGraph} <= used
    for subject, predicate, value in graph:
        if predicate not in used:
            continue
        domain, range_ = SCHEMA[URIRef(predicate)]
        assert (subject, RDF.type, domain) in graph, predicate
        assert range_ is None or (value, RDF.type, range_) in graph, predicate
        assert not isinstance(value, rdflib.Literal), predicate
        assert predicate not in ONCE or len(list(graph.objects(subject, predicate))) == 1
    assert set(graph.objects(None, SD.feature)) <= FEATURES
    assert {c for c in graph.objects(None, RDF.type) if str(c).startswith(str(SD))} <= CLASSES
    assert {str(name) for name in graph.objects(None, SD.name)} == {f"{BASE}data{i}.rdf" for i in (1, 2, 3)}


def test_each_form_that_is_described_can_be_had(endpoint: str) -> None:
    types: dict[str, Any] = {
        "SPARQL_Results_JSON": ROWS_TYPES[0], "SPARQL_Results_XML": ROWS_TYPES[1], "SPARQL_Results_CSV": ROWS_TYPES[2],
        "SPARQL_Results_TSV": ROWS_TYPES[3], "RDF_XML": RDF_TYPES[0], "Turtle": RDF_TYPES[1], "N-Triples": RDF_TYPES[2],
        "JSON-LD": "application/ld+json",
    }
    forms = {str(form).rpartition("/")[2] for form in description(endpoint).objects(None, SD.resultFormat)}
    assert forms == types.keys()
    for form in forms:
        query = "SELECT * {}" if "Results" in form else "CONSTRUCT WHERE {}"
        response = httpx.get(endpoint, params={"query": query}, headers={"Accept": types[form]})
        assert response.headers["content-type"].partition(";")[0] == types[form]
