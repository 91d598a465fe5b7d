"""Programs that people have, at the `/sparql` of a real server: SPARQLWrapper, rdflib, curl, YASGUI in Chromium."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import rdflib
from rdflib import RDF, SKOS, Literal, Namespace
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import (
    CSV,
    GET,
    JSON,
    JSONLD,
    POST,
    POSTDIRECTLY,
    RDFXML,
    TSV,
    TURTLE,
    URLENCODED,
    XML,
    SPARQLWrapper,
)
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed

from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.run import Run
from loaders.rdf import RdfStore
from tests.graphs import CAKE, ROWS, many, write_graph
from tests.served import served

KG = Namespace("https://w3id.org/distilkg/ns#")
PREFIXES = f"PREFIX kg: <{KG}> PREFIX skos: <{SKOS}> "
WANTS = PREFIXES + f"SELECT ?want {{ ?h skos:prefLabel '{CAKE}' ; kg:xWant/skos:prefLabel ?want }} ORDER BY ?want"
WANTED = ["to eat it", "to share it"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in RDF."""
    graph = write_graph(tmp_path_factory.mktemp("clients") / "run", [*ROWS, *many(60)])
    store = RdfStore(graph.path / "rdf", load_ontology(), 1)
    store.write(graph, "demo-1")
    store.close()
    return graph.path


@pytest.fixture(scope="module")
def url(run: Path) -> Iterator[str]:
    with served(run) as found:
        yield found


# --- SPARQLWrapper ---------------------------------------------------------------------------------------------------


def wrapped(url: str, text: str, form: str, method: str = GET, how: str = URLENCODED) -> Any:
    client = SPARQLWrapper(f"{url}/sparql")
    client.setQuery(text)
    client.setReturnFormat(form)
    client.setMethod(method)
    client.setRequestMethod(how)
    return client.queryAndConvert()


@pytest.mark.parametrize(("method", "how"), [
    (GET, URLENCODED), (POST, URLENCODED), (POST, POSTDIRECTLY),
])
def test_sparqlwrapper_reads_rows(url: str, method: str, how: str) -> None:
    found = wrapped(url, WANTS, JSON, method, how)["results"]["bindings"]
    assert [row["want"]["value"] for row in found] == WANTED
    document = wrapped(url, WANTS, XML, method, how)
    assert [node.firstChild.data for node in document.getElementsByTagName("literal")] == WANTED
    assert wrapped(url, WANTS, CSV, method, how).decode().split() == ["want", *" ".join(WANTED).split()]
    assert wrapped(url, WANTS, TSV, method, how).decode().splitlines() == ["?want", *(f'"{w}"' for w in WANTED)]


@pytest.mark.parametrize("form", [TURTLE, RDFXML, JSONLD])
def test_sparqlwrapper_reads_graphs(url: str, form: str) -> None:
    found = wrapped(url, PREFIXES + "CONSTRUCT WHERE { ?h kg:xWant ?t }", form)
    graph = rdflib.Graph().parse(data=found, format="turtle") if isinstance(found, bytes) else found
    assert len(list(graph.subject_objects(KG.xWant))) == 22
    described = wrapped(url, PREFIXES + f"DESCRIBE ?h {{ ?h skos:prefLabel '{CAKE}' }}", JSONLD)
    assert (None, SKOS.prefLabel, Literal(CAKE)) in described


def test_sparqlwrapper_asks_and_is_told_its_errors(url: str) -> None:
    assert wrapped(url, "ASK { ?s ?p ?o }", JSON)["boolean"] is True
    with pytest.raises(QueryBadFormed, match="expected"):
        wrapped(url, "SELECT ?x { ?x", JSON)
    with pytest.raises(QueryBadFormed, match="there is no function <http://x/f>"):
        wrapped(url, "SELECT (<http://x/f>(1) AS ?x) {}", JSON)
    client = SPARQLWrapper(f"{url}/sparql")
    client.setMethod(POST)
    client.setQuery("DROP ALL")
    with pytest.raises(QueryBadFormed, match="read-only"):
        client.query()


def test_sparqlwrapper_names_graphs(url: str) -> None:
    def count(*graphs: str) -> int:
        client = SPARQLWrapper(f"{url}/sparql", returnFormat=JSON)
        for graph in graphs:
            client.addDefaultGraph(graph)
        client.setQuery("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
        return int(client.queryAndConvert()["results"]["bindings"][0]["n"]["value"])

    run = "https://w3id.org/distilkg/run/demo-1"
    assert count(run) == count(run, run) == count(run, "http://x/none") > 100
    assert count("http://x/none") == 0


# --- rdflib ----------------------------------------------------------------------------------------------------------


def test_a_graph_of_rdflib_over_the_endpoint(run: Path, url: str) -> None:
    graph = rdflib.Graph(SPARQLStore(f"{url}/sparql"))
    cake = graph.value(predicate=SKOS.prefLabel, object=Literal(CAKE))
    assert (cake, RDF.type, KG.Event) in graph
    tails = {str(graph.value(tail, SKOS.prefLabel)) for tail in graph.objects(cake, KG.xWant)}
    assert tails == set(WANTED)
    kinds = [node["kind"] for node in GraphFiles(Run.open(run)).nodes()]
    assert len(set(graph.subjects(RDF.type, KG.Event))) == kinds.count("Event")
    assert [str(row.want) for row in graph.query(WANTS)] == WANTED
    rows = graph.query(PREFIXES + "SELECT ?h { ?h skos:prefLabel ?label }", initBindings={"label": Literal(CAKE)})
    assert [row.h for row in rows] == [cake]
    assert graph.query("ASK { ?s ?p ?o }").askAnswer is True
    made = graph.query(PREFIXES + "CONSTRUCT WHERE { ?h kg:xReact ?t }").graph
    assert made is not None
    assert len(made) == 22


def test_a_named_graph_of_rdflib_over_the_endpoint(url: str) -> None:
    store = SPARQLStore(f"{url}/sparql")
    run = rdflib.URIRef("https://w3id.org/distilkg/run/demo-1")
    assert list(store.contexts()) == [run]
    assert (None, SKOS.prefLabel, Literal(CAKE)) in rdflib.Graph(store, run)
    assert (None, SKOS.prefLabel, Literal(CAKE)) not in rdflib.Graph(store, rdflib.URIRef("http://x/none"))


# --- curl ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl(url: str, tmp_path: Path) -> None:
    def curl(*arguments: str) -> str:
        done = subprocess.run(["curl", "-s", f"{url}/sparql", *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    (tmp_path / "q.rq").write_text(WANTS)
    field = f"query={WANTS}"
    assert [r["want"]["value"] for r in json.loads(curl("-d", field))["results"]["bindings"]] == WANTED
    assert curl("-G", "--data-urlencode", field, "-H", "Accept: text/csv").splitlines() == ["want", *WANTED]
    direct = ["--data-binary", f"@{tmp_path}/q.rq", "-H", "Content-Type: application/sparql-query"]
    assert curl(*direct, "-H", "Accept: text/tab-separated-values;q=0.5, text/csv").splitlines() == ["want", *WANTED]
    head = curl("-I", "-G", "--data-urlencode", field)
    assert head.startswith("HTTP/1.1 200")
    assert "application/sparql-results+json" in head
    assert "allow: GET, HEAD, OPTIONS, POST" in curl("-i", "-X", "OPTIONS")
    assert curl("-o", str(tmp_path / "x"), "-w", "%{http_code}", "-d", "update=DROP ALL") == "400"
    assert "a sd:Service" in curl("-H", "Accept: text/turtle")
    assert "text/html" in curl("-i", "-H", "Accept: text/html")


# --- another server --------------------------------------------------------------------------------------------------


def test_a_second_server_asks_the_first(run: Path, url: str) -> None:
    first = f"{url}/sparql"
    text = f"SELECT ?want {{ SERVICE <{first}> {{ ?h skos:prefLabel '{CAKE}' ; kg:xWant/skos:prefLabel ?want }} }}"
    text = PREFIXES + text + " ORDER BY ?want"
    with served(run, "--service", first, "--service", "http://second.example/sparql") as second:
        answer = httpx.get(f"{second}/sparql", params={"query": text}, headers={"Accept": "text/csv"}, timeout=60)
        assert answer.text.split("\r\n") == ["want", *WANTED, ""]
        refused = httpx.get(f"{second}/sparql", params={"query": text.replace("/sparql>", "/sparql/>")}, timeout=60)
        assert refused.status_code == 400
        assert f"<{first}>" in refused.json()["detail"]
        assert "sd:BasicFederatedQuery" in httpx.get(f"{second}/sparql", timeout=60).text
    assert httpx.get(first, params={"query": text}).status_code == 400
    assert "sd:BasicFederatedQuery" not in httpx.get(first).text


# --- YASGUI in a browser ---------------------------------------------------------------------------------------------


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    """A page of the browser, which must come from this server alone and without errors."""
    made = browser.new_page(viewport={"width": 1200, "height": 900})
    made.set_default_timeout(120_000)
    asked, errors = [], []
    made.on("request", lambda request: asked.append(request.url))
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield made
    made.close()
    assert errors == []
    assert asked
    assert [address for address in asked if not address.startswith((url, "data:", "blob:"))] == []


def test_yasgui_runs_the_examples(page: Any, url: str, tmp_path: Path) -> None:
    page.goto(f"{url}/sparql")
    page.wait_for_selector(".yasqe .CodeMirror-line")
    assert page.locator("#example option").count() > 30
    page.click(".yasqe_queryButton")
    page.wait_for_selector(".yasr table tbody tr")
    rows = page.locator(".yasr table tbody tr").all_inner_texts()
    assert [re.sub(r"^\d+\s*|\s*\"0\.9\".*", "", row.strip()) for row in rows] == WANTED
    page.select_option("#example", "kinds")
    page.click(".yasqe_queryButton")
    page.wait_for_selector(".yasr td >> text=Thing")
    assert page.locator(".yasr table tbody tr").count() == 3
    assert page.locator(".yasqe .parseErrorIcon").count() == 0
    page.screenshot(path=str(tmp_path / "yasgui.png"))


def test_the_page_runs_an_example(page: Any, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("#example option", state="attached")
    page.click("label[for=sparql]")
    page.select_option("#example", "wants")
    page.click("#ask button")
    page.wait_for_selector("#rows tbody tr")
    assert [row.split("\t")[0] for row in page.locator("#rows tbody tr").all_inner_texts()] == WANTED
