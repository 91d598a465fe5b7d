"""The RDF store: what is in it, what may be asked of it, and what happens when things go wrong."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.errors import InputError, QueryTimeoutError, StoreError, UnknownNameError
from kg.graph import FILES, GraphBuilder, GraphFiles
from kg.ontology import Ontology, Relation, load_ontology
from kg.protocols import SparqlRequest
from kg.records import Triple
from kg.run import Run
from loaders.rdf import RdfStore
from loaders.sparql_pool import WorkerPool
from loaders.sparql_text import bind, services
from loaders.vocabulary import COMPLETE, DIGEST, Vocabulary

ROOT = Path(__file__).parents[2]
CAKE = "PersonX bakes a cake"
ROWS = [
    (Triple(CAKE, "xWant", "to eat it"), 0.9),
    (Triple(CAKE, "xWant", "to share it"), None),
    (Triple(CAKE, "xWant", "to burn it", negated=True), 0.25),
    (Triple(CAKE, "xReact", "happy"), 0.5),
    (Triple(CAKE, "oReact", "none"), None),
    (Triple("oven", "AtLocation", "kitchen"), None),
]
NASTY = [
    'say "hi"', "it's", "back\\slash", "two\nlines\r\n", "tab\t", "😀👩‍👩‍👧", "שלום עולם", "\u202eabc", "a" * 10_000,
    "\x01\x1f\x7f", "' OR 1=1 //", "}} DELETE WHERE { ?s ?p ?o }", '" . } INSERT DATA { <a:a> <b:b> "',
    "\\u0022 . } #", "$head ?head <a:b>",
    "SERVICE <http://localhost/> { }", "# comment", '"""', "MATCH (n) DETACH DELETE n", "\u0000x", "\ufffe\U0010ffff",
]
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n2 ?o . ?p ?q ?r }"


def built(path: Path, rows: list[tuple[Triple, float | None]], run_id: str = "demo-1") -> GraphFiles:
    """A run with the graph of these triples."""
    builder = GraphBuilder(load_ontology())
    for i, (triple, score) in enumerate(rows):
        builder.add(triple, f"g{i}", "rule", i, i + 1, score)
    run = Run.create(path, run_id, {})
    counts = builder.write(run)
    run.finish("graph", "k", FILES, counts["edges"], 0.0, counts=counts)
    return GraphFiles(run)


def answer(store: RdfStore, text: str, timeout: float = 30, limit: int = 1000) -> str:
    """A whole document: JSON for rows, N-Triples for triples."""
    forms = ["application/sparql-results+json", "application/n-triples"]
    document = store.document(SparqlRequest(text, forms), timeout, limit)
    try:
        return b"".join(document.chunks()).decode()
    finally:
        document.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RdfStore]:
    """A store that tests only read."""
    folder = tmp_path_factory.mktemp("rdf")
    store = RdfStore(folder / "rdf", load_ontology())
    rows = ROWS + [(Triple(f"PersonX says {text}!", "xReact", f"feels {text}!"), None) for text in NASTY]
    assert store.write(built(folder / "run", rows), "demo-1") == {"nodes": 7 + 2 * len(NASTY), "edges": 5 + len(NASTY)}
    yield store
    store.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[RdfStore]:
    store = RdfStore(tmp_path / "rdf", load_ontology())
    yield store
    store.close()


def test_counts_are_those_of_the_files(store: RdfStore) -> None:
    assert store.counts() == {"nodes": 7 + 2 * len(NASTY), "edges": 5 + len(NASTY)}


def test_triples_by_any_field(store: RdfStore) -> None:
    assert set(store.triples(head=CAKE)) == set(ROWS[:4])
    assert set(store.triples(CAKE, "xWant")) == set(ROWS[:3])
    assert list(store.triples(relation="NotxWant")) == [ROWS[2]]
    assert list(store.triples(tail="happy")) == [ROWS[3]]
    assert list(store.triples("oven", "AtLocation", "kitchen")) == [ROWS[5]]
    assert list(store.triples(head="nobody")) == []
    assert len(list(store.triples(limit=3))) == 3
    with pytest.raises(UnknownNameError, match="did you mean xWant"):
        list(store.triples(relation="xWnt"))


@pytest.mark.parametrize("text", NASTY)
def test_nasty_texts_come_back_as_data_and_as_parameters(store: RdfStore, text: str) -> None:
    triple = Triple(f"PersonX says {text}!", "xReact", f"feels {text}!")
    assert [t for t, _ in store.triples(head=triple.head)] == [triple]
    assert [t for t, _ in store.triples(tail=triple.tail)] == [triple]
    rows = store.query("SELECT ?x ($x AS ?y) { ?n skos:prefLabel ?x FILTER(?x = $x) }", {"x": triple.head}).rows
    assert rows == [[triple.head, triple.head]]
    found = json.loads(answer(store, "SELECT ?t { ?n skos:prefLabel ?t }"))["results"]["bindings"]
    assert triple.head in {row["t"]["value"] for row in found}


def test_a_parameter_may_stand_in_limit_and_offset(store: RdfStore) -> None:
    text = "SELECT ?x { VALUES ?x { 1 2 3 4 } } ORDER BY ?x LIMIT $most OFFSET $first"
    assert store.query(text, {"most": 2, "first": 1}).rows == [[2], [3]]
    for wrong in ("2", -1, 1.5):
        with pytest.raises(StoreError):
            store.query(text, {"most": wrong, "first": 1})


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"])) | st.integers() | st.booleans() | st.floats(allow_nan=False))
def test_any_parameter_comes_back(store: RdfStore, value: str | int | float | bool) -> None:
    rows = store.query("SELECT ?x (?x AS ?y) { FILTER(BOUND(?z) || true) }", {"x": value}).rows
    assert rows == [[value, value]]
    assert type(rows[0][0]) is type(value)


def test_a_parameter_is_a_constant_wherever_it_stands(store: RdfStore) -> None:
    for query in (
        "SELECT ?t { ?h skos:prefLabel $x ; kg:xReact/skos:prefLabel ?t }",
        "SELECT ?t { ?h skos:prefLabel ?l ; kg:xReact/skos:prefLabel ?t FILTER(?l = ?x) }",
        "SELECT ?t { { SELECT ?h { ?h skos:prefLabel ?x } } ?h kg:xReact/skos:prefLabel ?t }",
        "SELECT ?t (COUNT(*) AS ?n) { ?h skos:prefLabel ?x ; kg:xReact/skos:prefLabel ?t } GROUP BY ?t ?x ORDER BY ?x",
        "SELECT ?t # what is $x?\n { ?h skos:prefLabel $x ; kg:xReact/skos:prefLabel ?t FILTER('$x' != \"?x\") }",
    ):
        assert [row[0] for row in store.query(query, {"x": CAKE}).rows] == ["happy"], query
    assert store.query("ASK { ?h skos:prefLabel $x }", {"x": CAKE}).rows == [[True]]
    made = store.query("CONSTRUCT { ?h rdfs:label $x } WHERE { ?h skos:prefLabel $x }", {"x": CAKE})
    assert made.rows[0][1:] == ["http://www.w3.org/2000/01/rdf-schema#label", CAKE]
    iri = "https://w3id.org/distilkg/ns#xReact"
    assert store.query("SELECT ?l { BIND(IRI($r) AS ?r) ?r rdfs:label ?l }", {"r": iri}).rows == [["xReact"]]


@pytest.mark.parametrize(("value", "message"), [
    (None, "NoneType"), ([1], "list"), ("\ud800", "surrogate"), ({"a": 1}, "dict"),
])
def test_a_value_without_a_term_is_refused(store: RdfStore, value: object, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        store.query("SELECT $x {}", {"x": value})


def test_a_parameter_that_the_query_lacks_is_refused(store: RdfStore) -> None:
    with pytest.raises(StoreError, match=r"does not use the parameter \$hed"):
        store.query("SELECT ?x { ?x skos:prefLabel ?head } # $hed", {"hed": CAKE})


def test_values_are_plain_python(store: RdfStore) -> None:
    rows = store.query("""SELECT * { VALUES (?a ?b ?c ?d ?e ?f ?g ?h ?i) {
        (1 2.5 3e0 true "t" "x"@en <a:b> "abc"^^xsd:integer UNDEF) } BIND("INF"^^xsd:double AS ?j) }""")
    by_name = dict(zip(rows.columns, rows.rows[0], strict=True))
    assert by_name == {
        "a": 1, "b": 2.5, "c": 3.0, "d": True, "e": "t", "f": "x", "g": "a:b", "h": "abc", "i": None, "j": math.inf,
    }
    assert store.query("SELECT ?x { BIND(<<( <a:a> <b:b> 1 )>> AS ?x) }").rows[0][0].startswith("<<(")


def test_scores_hang_on_the_statement(store: RdfStore) -> None:
    query = """SELECT ?t ?s ?n { ?h skos:prefLabel $h . ?h kg:xWant ?o {| kg:score ?s ; kg:sources ?n |} .
        ?o skos:prefLabel ?t }"""
    assert store.query(query, {"h": CAKE}).rows == [["to eat it", 0.9, 1]]


def test_a_denied_triple_is_not_asserted(store: RdfStore) -> None:
    assert store.query("ASK { ?h kg:xWant ?t . ?t skos:prefLabel 'to burn it' }").rows == [[False]]
    denied = """ASK { ?e a owl:NegativePropertyAssertion ; owl:assertionProperty kg:xWant ; kg:score 0.25e0 ;
        owl:targetIndividual/skos:prefLabel 'to burn it' }"""
    assert store.query(denied).rows == [[True]]


def test_nothing_applies_is_a_property(store: RdfStore) -> None:
    assert store.query("SELECT ?t { ?h kg:nothingFor kg:oReact ; skos:prefLabel ?t }").rows == [[CAKE]]


def test_the_ontology_is_in_the_store(store: RdfStore) -> None:
    rows = store.query("SELECT ?d ?a ?b { kg:xAttr skos:definition ?d ; rdfs:domain ?a ; rdfs:range ?b }").rows
    assert rows == [["so PersonX is seen as", *(f"https://w3id.org/distilkg/ns#{k}" for k in ("Event", "State"))]]
    assert len(store.query("SELECT ?r { ?r a owl:ObjectProperty }").rows) == len(load_ontology().asserted)


def test_limit_cuts_and_says_so(store: RdfStore) -> None:
    for query in ("SELECT * { VALUES ?x { 1 2 3 } }", "CONSTRUCT { <a:s> <a:p> ?x } { VALUES ?x { 1 2 3 } }"):
        assert [(len(r.rows), r.truncated) for r in (store.query(query, limit=n) for n in (0, 2, 3, 4))] == [
            (0, True), (2, True), (3, False), (3, False),
        ]
        with pytest.raises(StoreError, match="more than 2 rows"):
            answer(store, query, limit=2)
        assert answer(store, query, limit=3)


def test_documents_follow_the_standard(store: RdfStore) -> None:
    query = """SELECT * { VALUES (?a ?b ?c ?d) { (<a:b> 'x'@en 1 UNDEF) } BIND(BNODE() AS ?e)
        BIND(<<( <a:a> <b:b> 'c' )>> AS ?f) }"""
    parsed = ox.parse_query_results(answer(store, query), ox.QueryResultsFormat.JSON)
    assert isinstance(parsed, ox.QuerySolutions)
    found = next(parsed)
    names = ["a", "b", "c", "d", "e", "f"]
    assert isinstance(found["e"], ox.BlankNode)
    assert [found[n] for n in names if n != "e"] == [
        ox.NamedNode("a:b"), ox.Literal("x", language="en"), ox.Literal(1), None,
        ox.Triple(ox.NamedNode("a:a"), ox.NamedNode("b:b"), ox.Literal("c")),
    ]
    assert json.loads(answer(store, "ASK {}")) == {"head": {}, "boolean": True}
    graph = answer(store, "CONSTRUCT { ?h kg:xWant ?t } WHERE { ?h kg:xWant ?t }")
    assert len(list(ox.parse(graph, ox.RdfFormat.N_TRIPLES))) == 2


@pytest.mark.parametrize("text", [
    "", "nonsense", "SELECT ?x {", "\ud800", "SELECT ?x { ?x nope:a ?y }", "\0", "SELECT * {}" * 2,
    "INSERT DATA { <a:a> <b:b> <c:c> }", "DELETE WHERE { ?s ?p ?o }", "DROP ALL", "CLEAR DEFAULT",
    "LOAD <file:///etc/passwd>", "CREATE GRAPH <a:b>", "SELECT * {} ; DROP ALL", "ASK {} INSERT DATA { <a:a> <b:b> 1 }",
])
def test_what_is_no_query_is_refused_and_changes_nothing(store: RdfStore, text: str) -> None:
    before = store.counts()
    with pytest.raises(StoreError) as error:
        store.query(text)
    assert len(str(error.value)) < 400
    assert store.counts() == before


def test_an_unknown_prefix_is_named_as_such(store: RdfStore) -> None:
    for pattern in ("?x rel:xWant ?y", "?x a <<( ?h rel:xWant ?t )>>", "?x <relative> ?y"):
        with pytest.raises(StoreError, match=r"error at 1:\d+: an unknown prefix"):
            store.query(f"SELECT ?x {{ {pattern} }}")


def test_an_unknown_function_is_named(store: RdfStore) -> None:
    for query in ("SELECT * { ?s ?p ?o FILTER(<http://x.org/f>(?s)) }", "SELECT (kg:nope(1) AS ?x) {}"):
        for ask in (store.query, partial(answer, store)):
            started = time.monotonic()
            with pytest.raises(StoreError, match=r"^SPARQL: there is no function <http[^>]*(f|nope)>$"):
                ask(query)
            assert time.monotonic() - started < 0.9  # the store is not blamed, and not read again and again


SERVICE = [
    "SELECT * { SERVICE <http://127.0.0.1:PORT/> { ?s ?p ?o } }",
    "SELECT * { service silent <http://127.0.0.1:PORT/> { ?s ?p ?o } }",
    "SELECT * { SERVICE#\n<http://127.0.0.1:PORT/> { ?s ?p ?o } }",
    "SELECT * { VALUES ?u { <http://127.0.0.1:PORT/> } SERVICE ?u { ?s ?p ?o } }",
    "PREFIX h: <http://127.0.0.1:PORT/> SELECT * { SERVICE h: { ?s ?p ?o } }",
    "PREFIX 😀: <http://127.0.0.1:PORT/> SELECT * { SERVICE 😀:x { ?s ?p ?o } }",
    "SELECT * { ?x kg:xWant 1SERVICE <http://127.0.0.1:PORT/> { ?s ?p ?o } }",
    "SELECT * { FILTER(1<2&&'>'='>')SERVICE<http://127.0.0.1:PORT/>{ ?s ?p ?o } FILTER('' = '') }",
    "BASE <http://127.0.0.1:PORT/> SELECT * { SERVICE <> { ?s ?p ?o } }",
    "BASE <http://127.0.0.1:PORT/> SELECT * { SERVICE <=x> { ?s ?p ?o } }",
    "SELECT * { \\u0053ERVICE <http://127.0.0.1:PORT/> { ?s ?p ?o } }",
    "SELECT * { S\\U00000045RVICE <http://127.0.0.1:PORT/> { ?s ?p ?o } }",
    "ASK { { SELECT * { OPTIONAL { SERVICE SILENT <http://127.0.0.1:PORT/> { ?s ?p ?o } } } } }",
    "SELECT * { FILTER EXISTS { SERVICE <http://127.0.0.1:PORT/> { ?s ?p ?o } } }",
]


@pytest.mark.parametrize("text", SERVICE)
def test_no_query_reaches_the_network(store: RdfStore, text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        with pytest.raises(StoreError, match="SERVICE"):
            store.query(text.replace("PORT", str(server.getsockname()[1])))
        with pytest.raises(BlockingIOError):
            server.accept()


ALLOWED = "http://allowed.example/sparql"


@pytest.mark.parametrize("text", [
    *(text.replace("127.0.0.1:PORT/", "other.example/sparql") for text in SERVICE),
    f"SELECT * {{ SERVICE <{ALLOWED}> {{}} SERVICE <http://other.example/> {{}} }}",
    f"SELECT * {{ SERVICE # <{ALLOWED}>\n <http://other.example/> {{}} }}",
    f"PREFIX SILENT: <http://other.example/> SELECT * {{ SERVICE SILENT:x {{}} # <{ALLOWED}>\n }}",
    f"SELECT * {{ SERVICE <{ALLOWED}\\u002Fx> {{}} }}", f"SELECT * {{ SERVICE <{ALLOWED}?x> {{}} }}",
])
def test_only_the_allowed_endpoint_may_be_asked(text: str) -> None:
    with pytest.raises(StoreError, match=f"SERVICE is only allowed with <{ALLOWED}>"):
        services(text, [ALLOWED])


@pytest.mark.parametrize("text", [
    f"SELECT * {{ SERVICE <{ALLOWED}> {{}} }}",
    f"SELECT * {{ service#\nsilent<{ALLOWED}>{{}} SERVICE <{ALLOWED}> {{}} }}",
])
def test_the_allowed_endpoint_may_be_asked(text: str) -> None:
    assert services(text, [ALLOWED, "http://second.example/"])


@pytest.mark.parametrize("text", [
    "SELECT ?service { ?service <a:b> ?x }", "SELECT ?x { $service ?p ?x }", "SELECT * { ?x <a:service> <b:c> }",
    "SELECT * { ?x skos:prefLabel 'room service is good' }", "SELECT * { ?x skos:prefLabel 'service < 3' }",
])
def test_the_word_service_is_harmless(store: RdfStore, text: str) -> None:
    assert not services(text)
    store.query(text)


def test_lexing_leaves_the_rest_alone() -> None:
    text = "SELECT ?a { ?a <x:$b> '$b' . ?a x:\\$b \"\"\"\"$b\"\"\" # $b\n FILTER(?a<3 && ?c > $b) }"
    assert bind(text, {"b": 1}) == text.replace("> $b)", '> "1"^^<http://www.w3.org/2001/XMLSchema#integer> )')


def test_a_time_out_stops_the_work_and_the_store_goes_on(store: RdfStore) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimeoutError, match=r"stopped after 0\.3 s"):
        store.query(SLOW, timeout=0.3)
    assert time.monotonic() - started < 3
    with pytest.raises(QueryTimeoutError):
        answer(store, SLOW, timeout=0.3)
    assert store.query("ASK {}").rows == [[True]]
    assert not [p for p in store._workers._running if p.poll() is not None]


@pytest.mark.parametrize("timeout", [0, -1, math.nan])
def test_a_time_out_must_be_positive(store: RdfStore, timeout: float) -> None:
    with pytest.raises(StoreError, match="more than 0"):
        store.query("ASK {}", timeout=timeout)
    assert store.query("ASK {}", timeout=math.inf).rows == [[True]]


def test_a_query_that_breaks_the_engine_breaks_no_more(store: RdfStore) -> None:
    deep = "SELECT * " + "{" * 200_000 + "}" * 200_000
    with pytest.raises(StoreError):
        store.query(deep)
    assert store.query("ASK {}").rows == [[True]]


def test_many_threads_at_once(store: RdfStore) -> None:
    def ask(i: int) -> list[list[object]]:
        if i % 10 == 0:
            with pytest.raises(QueryTimeoutError):
                store.query(SLOW, timeout=0.2)
        return store.query("SELECT ($i AS ?n) {}", {"i": i}).rows

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == [[[i]] for i in range(40)]


def test_an_interrupted_query_does_not_answer_the_next(store: RdfStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = WorkerPool(store.path, 1)
    request = {"text": "SELECT (1 AS ?n) {}", "limit": 9}
    with monkeypatch.context() as patch:
        patch.setattr("loaders.sparql_pool.json.loads", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            pool.begin(request, 9)
    assert pool.begin({**request, "text": "SELECT (2 AS ?n) {}"}, 9).head["rows"] == [[2]]
    pool.close()


def _interrupt(text: object) -> None:
    raise KeyboardInterrupt


MANY = "?a ?b ?c . ?d ?e ?f . ?g ?h ?i ."  # as rows, of which even a small store has more than a document holds back


def long_document(store: RdfStore, text: str) -> Any:
    document = store.document(SparqlRequest(text, ["text/csv"]), 30, 10**9, 10**12)
    assert document.length is None
    return document


def test_who_leaves_in_the_midst_of_a_document_costs_no_process(fresh: RdfStore, tmp_path: Path) -> None:
    fresh.write(built(tmp_path / "run", ROWS), "demo-1")
    fresh.warm()
    running = set(fresh._workers._running)
    for _ in range(3):
        document = long_document(fresh, f"SELECT * {{ {MANY} }}")
        next(document.chunks())
        document.close()
        assert fresh.query("ASK {}").rows == [[True]]
    assert fresh._workers._running == running


def test_a_process_that_does_not_stop_is_ended(store: RdfStore, monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = """
import sys, time
sys.stdin.readline()
sys.stdout.buffer.write(b'{"media_type": "text/csv", "length": null}\\n' + (5).to_bytes(4) + b"begun")
sys.stdout.flush()
time.sleep(60)
"""
    pool = WorkerPool(store.path, 1)
    with monkeypatch.context() as patch, subprocess.Popen(
        [sys.executable, "-c", stubborn], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        patch.setattr(pool, "_start", lambda: process)
        reply = pool.begin({"text": "SELECT ?x {}", "limit": 9}, 30)
        assert next(reply.chunks()) == b"begun"
        reply.close()
        assert process.returncode == -signal.SIGKILL
    assert pool.begin({"text": "SELECT (2 AS ?n) {}", "limit": 9}, 9).head["rows"] == [[2]]
    pool.close()


def test_processes_without_work_are_ended(fresh: RdfStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loaders.sparql_pool.LINGER", 0.1)
    fresh.write(built(tmp_path / "run", ROWS), "demo-1")
    document = long_document(fresh, f"SELECT * {{ {MANY} }}")
    fresh.query("ASK {}")
    document.close()
    assert len(fresh._workers._running) == 2
    end = time.monotonic() + 20
    while len(fresh._workers._running) > 1 and time.monotonic() < end:
        time.sleep(0.2)
        fresh.query("ASK {}")
    assert len(fresh._workers._running) == 1


def test_a_large_request_is_not_started_by_who_may_not_wait(store: RdfStore) -> None:
    def started(text: str, *graphs: str) -> bool:
        pending = store.begin(SparqlRequest(text, ["text/csv"], named_graphs=graphs), 30, 9, 1000)
        if pending is not None:
            pending.receive()
            pending.close()
        return pending is not None

    assert started("ASK {} # " + "😀" * 4000)
    assert not started("ASK {} # " + "😀" * 4096)
    assert not started("ASK {}", *(f"a:{i}" for i in range(1000)))


def test_waiting_for_a_free_process_counts(fresh: RdfStore, tmp_path: Path) -> None:
    fresh.write(built(tmp_path / "run", ROWS), "demo-1")
    one = RdfStore(fresh.path, load_ontology(), workers=1)
    errors: list[str] = []

    def ask_slowly() -> None:
        try:
            one.query(SLOW, timeout=3)
        except StoreError as error:
            errors.append(str(error))

    slow = threading.Thread(target=ask_slowly)
    slow.start()
    time.sleep(0.5)
    with pytest.raises(QueryTimeoutError, match="no query process was free"):
        one.query("ASK {}", timeout=0.2)
    one.close()  # ends the query at work too
    slow.join(timeout=1)
    assert errors == ["the store was closed while the query ran"]
    with pytest.raises(StoreError, match="closed"):
        one.query("ASK {}")
    one.close()


def test_a_store_that_is_not_there_says_how_to_make_it(fresh: RdfStore) -> None:
    for ask in (fresh.query, partial(answer, fresh)):
        with pytest.raises(StoreError, match="kg load"):
            ask("ASK {}")
    assert fresh.counts() == {"nodes": 0, "edges": 0}
    assert list(fresh.triples()) == []


def test_a_folder_that_is_no_store_is_an_error(fresh: RdfStore, tmp_path: Path) -> None:
    fresh.path.mkdir()
    (fresh.path / "CURRENT").write_text("nonsense")
    with pytest.raises(StoreError, match="cannot be read"):
        fresh.query("ASK {}")
    with pytest.raises(StoreError, match="cannot be opened"):
        fresh.write(built(tmp_path / "run", ROWS), "demo-1")


def test_writing_again_changes_nothing_and_readers_see_new_runs(fresh: RdfStore, tmp_path: Path) -> None:
    graph = built(tmp_path / "run", ROWS)
    for _ in range(2):
        assert fresh.write(graph, "demo-1") == fresh.counts() == {"nodes": 7, "edges": 5}
    size = fresh.query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }").rows
    other = RdfStore(fresh.path, load_ontology())
    assert other.counts() == fresh.counts()
    more = built(tmp_path / "more", [*ROWS, (Triple(CAKE, "xNeed", "to buy flour"), None)], "demo-2")
    fresh.write(more, "demo-2")
    assert fresh.counts() == other.counts() == {"nodes": 8, "edges": 6}
    assert fresh.query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }").rows > size
    other.close()


def test_a_rebuilt_run_replaces_what_it_said(fresh: RdfStore, tmp_path: Path) -> None:
    other = built(tmp_path / "b", [ROWS[0], ROWS[4]], "demo-2")
    fresh.write(other, "demo-2")
    alone = _without_runs(fresh)
    fresh.write(built(tmp_path / "a", ROWS), "demo-1")
    fresh.write(built(tmp_path / "a2", [ROWS[3]]), "demo-1")
    assert fresh.counts() == {"nodes": 3, "edges": 2}
    assert {t for t, _ in fresh.triples()} == {ROWS[0][0], ROWS[3][0]}
    fresh.write(built(tmp_path / "a3", [ROWS[0], ROWS[4]]), "demo-1")
    assert _without_runs(fresh) == alone


def test_each_run_is_a_named_graph_and_the_default_graph_is_their_union(fresh: RdfStore, tmp_path: Path) -> None:
    fresh.write(built(tmp_path / "a", ROWS, "demo-1"), "demo-1")
    rows = [(ROWS[0][0], 0.1), ROWS[3], (Triple(CAKE, "xNeed", "to buy flour"), None)]
    fresh.write(built(tmp_path / "b", rows, "demo-2"), "demo-2")
    wants = "SELECT ?t { GRAPH run:%s { ?h kg:xWant/skos:prefLabel ?t } } ORDER BY ?t"
    assert fresh.query(wants % "demo-1").rows == [["to eat it"], ["to share it"]]
    assert fresh.query(wants % "demo-2").rows == [["to eat it"]]
    store = ox.Store.read_only(str(fresh.path))
    default = [q.triple for q in store.quads_for_pattern(None, None, None, ox.DefaultGraph())]
    assert len(default) == len(set(default))
    loads = [t for t in default if t.predicate in (DIGEST, COMPLETE)]
    assert len(loads) == 4
    assert set(default) - set(loads) == {q.triple for q in store if q.graph_name != ox.DefaultGraph()}
    for run in ("demo-1", "demo-2"):
        assert fresh.query("SELECT ?n { $r ^rdfs:label/void:triples ?n }", {"r": run}).rows == fresh.query(
            f"SELECT (COUNT(*) AS ?n) {{ GRAPH run:{run} {{ ?s ?p ?o }} }}"
        ).rows
    scores = dict(fresh.triples())  # both runs score "to eat it": the better one counts, and only once
    assert scores == {**dict(rows), **dict([ROWS[0], *ROWS[1:4], ROWS[5]])}
    assert len(list(fresh.triples())) == len(scores)


def test_rdf_of_others_is_not_touched(fresh: RdfStore, tmp_path: Path) -> None:
    quad = ox.Quad(ox.NamedNode("a:a"), ox.NamedNode("a:b"), ox.Literal("c"))
    ox.Store(fresh.path).add(quad)
    with pytest.raises(StoreError, match="another program or an older version"):
        fresh.write(built(tmp_path / "run", ROWS), "demo-1")
    assert list(ox.Store.read_only(str(fresh.path))) == [quad]


def _without_runs(store: RdfStore) -> list[list[object]]:
    other = "FILTER(!REGEX(CONCAT(STR(?s), ' ', STR(?o)), 'demo-[0-9]|recipe/'))"
    return store.query(f"SELECT * {{ ?s ?p ?o {other} }} ORDER BY ?s ?p ?o").rows


def test_a_second_writer_is_told_to_wait(fresh: RdfStore, tmp_path: Path) -> None:
    graph = built(tmp_path / "run", ROWS)
    holder = ox.Store(fresh.path)
    with pytest.raises(StoreError, match="written by another process"):
        fresh.write(graph, "demo-1")
    del holder
    fresh.write(graph, "demo-1")
    assert fresh.counts() == {"nodes": 7, "edges": 5}


WRITER = """
import sys
from pathlib import Path
from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.run import Run
from loaders.rdf import RdfStore
print("ready", flush=True)
RdfStore(Path(sys.argv[2]), load_ontology()).write(GraphFiles(Run.open(Path(sys.argv[1]))), "demo-1")
"""


def test_killed_while_writing_then_written_again(fresh: RdfStore, tmp_path: Path) -> None:
    rows = [(Triple(f"PersonX does {i // 3}", "xWant", f"goal {i}", i % 7 == 0), i / 12_000) for i in range(12_000)]
    graph = built(tmp_path / "run", rows)
    command = [sys.executable, "-c", WRITER, str(tmp_path / "run"), str(fresh.path)]
    cut_off = 0
    for wait in (0.1, 0.2, 0.4):
        writer = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        cut_off += writer.returncode == -signal.SIGKILL
    assert cut_off
    assert fresh.write(graph, "demo-1") == fresh.counts() == {"nodes": 16_000, "edges": 12_000}
    clean = RdfStore(tmp_path / "clean", load_ontology())
    clean.write(graph, "demo-1")
    assert set(ox.Store.read_only(str(fresh.path))) == set(ox.Store.read_only(str(clean.path)))
    clean.close()


def test_questions_are_answered_while_another_process_writes(fresh: RdfStore, tmp_path: Path) -> None:
    fresh.write(built(tmp_path / "first", ROWS, "demo-0"), "demo-0")
    rows = [(Triple(f"PersonX does {i // 3}", "xWant", f"goal {i}"), None) for i in range(10_000)]
    graph = built(tmp_path / "run", rows)
    command = [sys.executable, "-c", WRITER, str(tmp_path / "run"), str(fresh.path)]
    writer = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    asked = 0
    while writer.poll() is None:
        assert len(list(fresh.triples(head=CAKE))) == 4
        asked += 1
    assert writer.returncode == 0
    assert asked > 10
    assert fresh.counts() == {"nodes": 7 + graph.counts()["nodes"], "edges": 5 + 10_000}


def test_a_relation_may_not_take_our_own_names() -> None:
    with pytest.raises(InputError, match="score"):
        Vocabulary(Ontology("mine", [Relation("score", "scores", "What?")]))


def test_no_process_outlives_its_query(fresh: RdfStore, tmp_path: Path) -> None:
    """The timer holds when the process that asked is gone."""
    fresh.write(built(tmp_path / "run", ROWS), "demo-1")
    code = f"""
from pathlib import Path
from kg.ontology import load_ontology
from loaders.rdf import RdfStore
import threading, time
store = RdfStore(Path({str(fresh.path)!r}), load_ontology())
store.query("ASK {{}}")
print(*(p.pid for p in store._workers._running), flush=True)
store.query({SLOW!r}, timeout=2)
"""
    asker = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    assert asker.stdout is not None
    worker = int(asker.stdout.readline())
    time.sleep(0.5)
    asker.kill()
    asker.communicate()
    end = time.monotonic() + 4
    while time.monotonic() < end and _alive(worker):
        time.sleep(0.05)
    assert not _alive(worker)


def _alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_warm_store_has_a_process_that_waits(fresh: RdfStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no RDF store"):
        fresh.warm()
    fresh.write(built(tmp_path / "run", ROWS), "demo-1")
    fresh.warm()
    [waiting] = fresh._workers._running
    fresh.query("ASK {}")
    assert fresh._workers._running == {waiting}
