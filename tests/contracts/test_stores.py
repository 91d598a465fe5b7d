"""One suite over every store."""

import random
from pathlib import Path
from typing import Any

import pytest

from api.assemble import STORES, load
from kg.errors import QueryTimeoutError, StoreError, UnknownNameError
from kg.graph import GraphFiles
from kg.protocols import GraphStore
from kg.records import Triple
from tests.graphs import CAKE, NASTY, ROWS, contents, many, write_graph

# Fixture, and the name in the table of stores.
CASES = {"embedded_store": "cypher", "neo4j_store": "cypher", "rdf_store": "rdf"}
QUERIES: dict[str, dict[str, Any]] = {
    "cypher": {
        "echo": "RETURN $x AS x",
        "count": "MATCH (:Event)-[r:X_WANT]->() RETURN count(r) AS n",
        "slow": "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN count(*)",
        "many": "UNWIND range(1, 50) AS x RETURN x",
        "wrong": ["MATCH (n RETURN n", "", "RETURN $missing", "\x00"],
        "writes": [
            "CREATE (:Event {id: 'x', text: 'x'})", "MATCH (n) DETACH DELETE n", "MATCH (n:Event) SET n.text = 'x'",
            "CREATE INDEX other FOR (n:Event) ON (n.text)", "DROP CONSTRAINT kg_event_id",
            "CREATE USER eve SET PASSWORD 'a-long-password'", "MATCH (n) CALL { WITH n DELETE n } IN TRANSACTIONS",
            "/* */ MERGE (n:Event {id: 'x'}) RETURN n", "MATCH (n) FOREACH (x IN [1] | SET n.text = 'x')",
        ],
    },
    "sparql": {
        "echo": "SELECT ?x { BIND($x AS ?x) }",
        "count": "SELECT (COUNT(*) AS ?n) { ?e rdf:reifies <<( ?h kg:xWant ?t )>> }",
        "slow": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n2 ?o . ?p ?q ?r }",
        "many": "SELECT ?s ?p ?o { ?s ?p ?o }",
        "wrong": ["SELECT ?x {", "", "\x00"],
        "writes": [
            "INSERT DATA { <a:a> <a:b> <a:c> }", "DELETE WHERE { ?s ?p ?o }", "CLEAR ALL", "DROP DEFAULT",
            "LOAD <http://localhost/x>", "DELETE { ?s ?p ?o } INSERT { ?s ?p 1 } WHERE { ?s ?p ?o }",
        ],
    },
}


@pytest.fixture(params=[pytest.param(c, marks=pytest.mark.neo4j) if "neo4j" in c else c for c in CASES])
def store(request: pytest.FixtureRequest) -> GraphStore:
    found: GraphStore = request.getfixturevalue(request.param)
    assert isinstance(found, load(STORES[CASES[request.param]]))
    return found


@pytest.fixture
def graph(tmp_path: Path) -> GraphFiles:
    return write_graph(tmp_path / "run", ROWS)


def held(store: GraphStore) -> set[tuple[Triple, float | None]]:
    found = list(store.triples(limit=100_000))
    assert len(found) == len(set(found))
    return set(found)


def wild_texts(count: int) -> list[str]:
    """Random texts from all of Unicode, of a fixed seed."""
    dice = random.Random(7)
    ranges = [(1, 0x2FFF), (1, 0xD7FF), (0xE000, 0x10FFFF), (32, 126)]
    return ["".join(chr(dice.randint(*dice.choice(ranges))) for _ in range(dice.randint(1, 30))) for _ in range(count)]


def numbers(graph: GraphFiles) -> dict[str, int]:
    return {name: graph.counts()[name] for name in ("nodes", "edges")}


def test_every_store_has_a_case() -> None:
    assert set(CASES.values()) == set(STORES)


def test_an_empty_store_holds_nothing(store: GraphStore) -> None:
    assert store.counts() == {"nodes": 0, "edges": 0}
    assert held(store) == set()


def test_a_graph_is_held_as_it_was_written(store: GraphStore, graph: GraphFiles) -> None:
    assert store.write(graph, "demo-1") == numbers(graph)
    assert store.counts() == numbers(graph)
    assert held(store) == contents(graph)


def test_a_second_load_changes_nothing(store: GraphStore, graph: GraphFiles) -> None:
    store.write(graph, "demo-1")
    before = held(store)
    assert store.write(graph, "demo-1") == numbers(graph)
    assert (store.counts(), held(store)) == (numbers(graph), before)


def test_an_empty_graph_is_written(store: GraphStore, tmp_path: Path) -> None:
    assert store.write(write_graph(tmp_path / "empty", []), "empty-1") == {"nodes": 0, "edges": 0}
    assert store.counts() == {"nodes": 0, "edges": 0}


def test_texts_come_back_as_they_went_in(store: GraphStore, tmp_path: Path) -> None:
    rows: list[tuple[Triple, float | None]] = [
        (Triple(f"{text} as head", "xWant", text), None) for text in [*NASTY, *wild_texts(200)]
    ]
    graph = write_graph(tmp_path / "run", rows)
    store.write(graph, "nasty-1")
    assert store.counts() == numbers(graph)
    assert held(store) == contents(graph)
    for text in NASTY:
        assert list(store.triples(tail=text)) == list(store.triples(head=f"{text} as head", relation="xWant")), text
        assert store.query(QUERIES[store.language]["echo"], {"x": text}).rows == [[text]]


def test_triples_match_what_is_given(store: GraphStore, graph: GraphFiles) -> None:
    store.write(graph, "demo-1")
    everything = contents(graph)
    for head, relation, tail in [
        (CAKE, None, None), (None, "xWant", None), (None, None, "happy"), (CAKE, "xReact", None),
        (None, "xReact", "happy"), (CAKE, None, "happy"), (CAKE, "xWant", "to burn it"), ("oven", None, None),
        ("nobody", None, None), (None, "xAttr", None), ("happy", None, None), ("", None, None),
    ]:
        expected = {
            (t, s) for t, s in everything
            if head in (None, t.head) and relation in (None, t.relation) and tail in (None, t.tail)
        }
        assert set(store.triples(head, relation, tail)) == expected, (head, relation, tail)


def test_triples_are_limited_and_names_checked(store: GraphStore, graph: GraphFiles) -> None:
    store.write(graph, "demo-1")
    assert len(list(store.triples(limit=2))) == 2
    assert len(list(store.triples(tail="happy", limit=1))) == 1
    with pytest.raises(UnknownNameError, match="xWant"):
        list(store.triples(relation="xWnat"))


def test_a_rebuilt_run_replaces_what_it_said(store: GraphStore, tmp_path: Path) -> None:
    other = write_graph(tmp_path / "other", ROWS[-3:], "other-1")
    store.write(write_graph(tmp_path / "run", ROWS), "demo-1")
    store.write(other, "other-1")
    fewer = write_graph(tmp_path / "run", ROWS[:2])
    store.write(fewer, "demo-1")
    assert held(store) == contents(fewer) | contents(other)
    assert store.counts() == {"nodes": 7 - 1, "edges": 4}


def test_a_run_that_is_withdrawn_leaves_the_others(store: GraphStore, tmp_path: Path) -> None:
    one = write_graph(tmp_path / "one", ROWS, "one-1")
    two = write_graph(tmp_path / "two", [*ROWS[-3:], (Triple(CAKE, "xNeed", "to buy flour"), 0.5)], "two-1")
    store.write(one, "one-1")
    store.write(two, "two-1")
    store.unload("two-1")
    assert (store.counts(), held(store)) == (numbers(one), contents(one))
    store.unload("two-1")
    store.unload("nobody")
    assert (store.counts(), held(store)) == (numbers(one), contents(one))
    store.unload("one-1")
    assert (store.counts(), held(store)) == ({"nodes": 0, "edges": 0}, set())
    store.write(one, "one-1")
    assert (store.counts(), held(store)) == (numbers(one), contents(one))


def test_a_query_counts(store: GraphStore, graph: GraphFiles) -> None:
    store.write(graph, "demo-1")
    found = store.query(QUERIES[store.language]["count"])
    expected = 3 if store.language == "cypher" else 2  # in RDF a denial is no statement
    assert (found.columns, found.rows, found.truncated) == (["n"], [[expected]], False)


def test_queries_cannot_write(store: GraphStore, graph: GraphFiles) -> None:
    store.write(graph, "demo-1")
    for text in QUERIES[store.language]["writes"]:
        with pytest.raises(StoreError):
            store.query(text)
    assert (store.counts(), held(store)) == (numbers(graph), contents(graph))


def test_a_wrong_query_says_so(store: GraphStore) -> None:
    for text in [*QUERIES[store.language]["wrong"], "\ud800"]:
        with pytest.raises(StoreError) as caught:
            store.query(text)
        assert not isinstance(caught.value, QueryTimeoutError)
        assert "q:" not in str(caught.value)


def test_rows_are_capped(store: GraphStore, tmp_path: Path) -> None:
    store.write(write_graph(tmp_path / "run", many(50)), "many-1")
    text = QUERIES[store.language]["many"]
    assert (len(store.query(text, limit=3).rows), store.query(text, limit=3).truncated) == (3, True)
    whole = store.query(text)
    assert len(whole.rows) >= 50
    assert not whole.truncated
    assert not store.query(text, limit=len(whole.rows)).truncated


def test_a_slow_query_is_stopped_and_the_store_answers_on(store: GraphStore, tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "run", many(200))
    store.write(graph, "many-1")
    with pytest.raises(QueryTimeoutError, match=r"0\.3"):
        store.query(QUERIES[store.language]["slow"], timeout=0.3)
    assert store.counts() == numbers(graph)


def test_closing_twice_is_once(store: GraphStore) -> None:
    store.close()
    store.close()
