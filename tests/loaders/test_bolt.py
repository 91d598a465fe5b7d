"""The property graph over Bolt: its shape, its values, and loads that are disturbed. Both engines, one test each."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from neo4j.exceptions import ServiceUnavailable
from neo4j.graph import Node
from neo4j.spatial import CartesianPoint
from neo4j.time import Duration

from kg.errors import StoreError
from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.protocols import Rows
from kg.records import Triple
from kg.run import Run
from loaders.bolt import BoltStore, connect
from loaders.bolt_link import FETCH
from loaders.bolt_server import RemoteServer
from loaders.bolt_values import BATCH, BATCH_CHARACTERS, PART, ahead, chunks, plain, store_error
from loaders.cypher_text import merge_edges, merge_nodes
from loaders.imports import import_files
from tests.graphs import CAKE, ROWS, contents, many, write_graph
from tests.servers import Neo4jServer, free_port

ROOT = Path(__file__).parents[2]
ATOMIC = ROOT.parent / "shared" / "data" / "atomic2019"
LOADER = """
import sys
from pathlib import Path
from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run
from loaders.bolt import connect
store = connect(load_ontology(), Path(sys.argv[2]), sys.argv[3] or None)
graph = GraphFiles(Run.open(Path(sys.argv[1])))
store.write(graph, "many-1", lambda stage, done, total: print(stage, done, flush=True))
"""


@pytest.fixture(params=["embedded_store", pytest.param("neo4j_store", marks=pytest.mark.neo4j)])
def store(request: pytest.FixtureRequest) -> BoltStore:
    found: BoltStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Neo4jServer]:
    """A Neo4j with a password."""
    server = Neo4jServer(tmp_path / "home", password="correct-password")
    server.start()
    yield server
    server.kill()


def test_nodes_and_edges_have_their_properties(store: BoltStore, tmp_path: Path) -> None:
    store.write(write_graph(tmp_path / "run", ROWS), "demo-1")
    found = store.query(
        "MATCH p = (h:Event {text: $cake})-[r:X_WANT]->(t {text: 'to eat it'}) RETURN h, r, t, p, labels(h) AS labels",
        {"cake": CAKE},
    )
    [[h, r, t, p, labels]] = found.rows
    assert found.columns == ["h", "r", "t", "p", "labels"]
    assert (h["labels"], labels, r["type"], r["start"], r["end"]) == (["Event"], ["Event"], "X_WANT", h["id"], t["id"])
    assert h["properties"].items() >= {"text": CAKE, "nothing": ["oReact"], "run_ids": ["demo-1"]}.items()
    assert r["properties"].items() >= {
        "relation": "xWant", "negated": False, "score": 0.9, "level": "", "sources": 1, "run_ids": ["demo-1"],
    }.items()
    assert p == {"nodes": [h, t], "relationships": [r]}


def test_hedges_and_entities(store: BoltStore, tmp_path: Path) -> None:
    """Of each run, and where several meet of the last one, until it is withdrawn."""
    thing = Triple("oven", "AtLocation", "kitchen")
    rows = {"a-1": [(ROWS[0][0], None), (thing, None), (thing, None)], "b-1": [(thing, None)]}
    for run, said in rows.items():
        store.write(write_graph(tmp_path / run, said, run), run)
    text = "MATCH (h:Thing)-[r]->(t) RETURN h.entity, r.modalities, r.run_modalities, h.run_entities, t.entity"
    assert store.query(text).rows == [["PRODUCT", None, ["likely", ""], ["", "PRODUCT"], "FAC"]]
    store.unload("b-1")
    assert store.query(text).rows == [[None, ["likely"], None, None, "FAC"]]
    assert store.query("MATCH (n:Event) RETURN n.entity").rows == [[None], [None]]


def test_what_applies_to_nothing_is_no_node(store: BoltStore, tmp_path: Path) -> None:
    store.write(write_graph(tmp_path / "run", ROWS), "demo-1")
    assert store.query("MATCH (n {text: 'none'}) RETURN count(n)").rows == [[0]]
    assert store.query("MATCH (n:Event) WHERE 'oReact' IN n.nothing RETURN n.text").rows == [[CAKE]]


def test_two_runs_share_nodes_and_edges(store: BoltStore, tmp_path: Path) -> None:
    store.write(write_graph(tmp_path / "a", ROWS, "a-1"), "a-1")
    store.write(write_graph(tmp_path / "b", [(ROWS[0][0], 0.1), *ROWS[3:5]], "b-1"), "b-1")
    text = "MATCH (:Event)-[r:X_WANT]->({text: 'to eat it'}) RETURN r.run_ids, r.score"
    assert store.query(text).rows == [[["a-1", "b-1"], 0.1]]
    assert store.query("MATCH (n:Event {text: $t}) RETURN n.nothing", {"t": CAKE}).rows == [[["oReact"]]]
    assert store.counts()["edges"] == 6


def everything(store: BoltStore) -> list[Any]:
    nodes = store.query("MATCH (n) RETURN labels(n), properties(n) ORDER BY n.id").rows
    edges = store.query("MATCH (h)-[r]->(t) RETURN h.id, type(r), properties(r), t.id ORDER BY r.id").rows
    return [nodes, edges]


def test_a_withdrawn_run_leaves_no_trace(store: BoltStore, tmp_path: Path) -> None:
    """Whichever of three overlapping runs goes, every property is as if it had never come."""
    nothing = (Triple("PersonX bakes a cake", "xEffect", "none"), None)
    rows = {
        "a-1": ROWS,
        "b-1": [(ROWS[0][0], 0.1), (Triple("PersonX bakes the cake", "xWant", "eat it"), 0.3), nothing, *ROWS[3:]],
        "c b-1": [(ROWS[0][0], None), *ROWS[3:6], nothing, (Triple("PersonX sings", "xReact", "sad"), 0.2)],
    }
    graphs = {run: write_graph(tmp_path / run, said, run) for run, said in rows.items()}

    def load(*runs: str) -> None:
        for run in runs:
            store.write(graphs[run], run)

    load("a-1", "b-1", "c b-1")
    [[score, scores, runs]] = store.query(
        "MATCH (:Event)-[r:X_WANT]->({text: $t}) RETURN r.score, r.run_scores, r.run_ids", {"t": "to eat it"}
    ).rows
    assert (score, scores, runs) == (None, [0.9, 0.3, -1.0], ["a-1", "b-1", "c b-1"])
    for gone in rows:
        store.unload(gone)
        left = everything(store)
        for run in rows:
            store.unload(run)
        assert everything(store) == [[], []]
        load(*(run for run in rows if run != gone))
        assert everything(store) == left
        for run in rows:
            store.unload(run)
        load("a-1", "b-1", "c b-1")
    before = everything(store)
    load("c b-1")
    assert everything(store) == before
    for run in ("c b-1", "b-1"):
        store.unload(run)
    left = everything(store)
    store.unload("a-1")
    load("a-1")
    assert everything(store) == left
    properties = [node[1] for node in left[0]] + [edge[2] for edge in left[1]]
    assert {key for found in properties for key in found if key.startswith("run_")} == {"run_ids"}


@pytest.mark.neo4j
def test_neo4j_finds_nodes_by_words(neo4j_store: BoltStore, tmp_path: Path) -> None:
    neo4j_store.write(write_graph(tmp_path / "run", ROWS), "demo-1")
    neo4j_store.query("CALL db.awaitIndexes(60)")
    text = "CALL db.index.fulltext.queryNodes('kg_text', $words) YIELD node RETURN node.text"
    assert neo4j_store.query(text, {"words": "cake"}).rows == [[CAKE]]


@pytest.mark.neo4j
def test_other_data_in_the_database_is_left_alone(neo4j_store: BoltStore, tmp_path: Path) -> None:
    neo4j_store._link.commit("CREATE (:Person {name: 'Ada'})-[:KNOWS]->(:Person {name: 'Bob'}) RETURN 1")
    graph = write_graph(tmp_path / "run", ROWS)
    neo4j_store.write(graph, "demo-1")
    assert neo4j_store.counts() == {name: graph.counts()[name] for name in ("nodes", "edges")}
    assert set(neo4j_store.triples()) == contents(graph)
    neo4j_store._link.commit("MATCH (n:Thing {text: 'oven'}), (p:Person {name: 'Ada'}) CREATE (p)-[:HAS]->(n)")
    neo4j_store.unload("demo-1")
    assert neo4j_store.query("MATCH (n) RETURN labels(n)[0], n.text ORDER BY labels(n)[0]").rows == [
        ["Person", None], ["Person", None], ["Thing", "oven"],  # what hangs on other data stays
    ]
    assert neo4j_store.query("MATCH (:Person)-[r]->() RETURN count(r)").rows == [[2]]
    neo4j_store.write(graph, "demo-1")
    assert set(neo4j_store.triples()) == contents(graph)


def test_values_are_plain(store: BoltStore) -> None:
    text = (
        "RETURN date('2020-02-03') AS date, datetime('2020-02-03T04:05:06Z') AS time, duration('P1DT2S') AS long, "
        "point({x: 1, y: 2}) AS point, [1, null, {a: [true]}] AS list, $bytes AS bytes, 1.5 AS number"
    )
    [row] = store.query(text, {"bytes": b"\x00\xff"}).rows
    assert row[0] == "2020-02-03"
    assert row[1].startswith("2020-02-03T04:05:06")
    assert row[2:] == ["P1DT2S", {"srid": 7203, "coordinates": [1.0, 2.0]}, [1, None, {"a": [True]}], "00ff", 1.5]
    assert plain((Duration(days=1), CartesianPoint((1, 2)))) == ["P1D", {"srid": 7203, "coordinates": [1.0, 2.0]}]


def test_a_long_answer_is_not_kept(store: BoltStore, tmp_path: Path) -> None:
    store.write(write_graph(tmp_path / "run", many(4_000)), "many-1")
    kept: list[int] = []

    def take(_: Rows) -> None:
        kept.append(sum(isinstance(thing, Node) for thing in gc.get_objects()))

    gc.collect()
    gc.disable()  # what is kept in cycles would hide until the next collection
    try:
        store.stream("MATCH (h)-[r]->(t) RETURN h, r, t", None, 60, 10**6, take)
        after = sum(isinstance(thing, Node) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert len(kept) >= 4_000 // PART
    assert max(kept) < 2 * (FETCH + PART)  # two nodes a row
    assert after == 0


@pytest.mark.parametrize("value", [2**63, "\ud800", {1, 2}, object(), {"a": {1: object()}}])
def test_parameters_that_cannot_be_sent_say_so(embedded_store: BoltStore, value: object) -> None:
    with pytest.raises(StoreError, match="parameter"):
        embedded_store.query("RETURN $x", {"x": value})
    assert embedded_store.query("RETURN $x", {"x": 2**63 - 1}).rows == [[2**63 - 1]]


@pytest.mark.parametrize(("timeout", "limit"), [(0, 1), (-1, 1), (1, -1)])
def test_a_time_out_and_a_limit_must_make_sense(embedded_store: BoltStore, timeout: float, limit: int) -> None:
    with pytest.raises(StoreError, match="time-out"):
        embedded_store.query("RETURN 1", timeout=timeout, limit=limit)


def test_a_closed_store_says_so(embedded_store: BoltStore) -> None:
    embedded_store.close()
    with pytest.raises(StoreError, match="closed"):
        embedded_store.counts()


@pytest.mark.parametrize("uri", ["http://localhost", "localhost", "", "bolt://[", "bolt://localhost:x", "://", "bolt://u:p@h"])
def test_an_address_that_is_none_says_so(uri: str) -> None:
    with pytest.raises(StoreError, match="no address of a Bolt server"):
        BoltStore(RemoteServer(uri), load_ontology())


def test_a_server_that_is_not_there_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KG_BOLT_URI", f"bolt://127.0.0.1:{free_port()}")
    started = time.monotonic()
    with pytest.raises(StoreError, match="start it, or correct its address"):
        connect(load_ontology(), tmp_path / "unused")
    assert time.monotonic() - started < 10
    assert not (tmp_path / "unused").exists()
    with pytest.raises(StoreError, match="start it, or correct its address"):
        connect(load_ontology(), tmp_path / "unused", "bolt://no-such-host.invalid:7687")


@pytest.mark.neo4j
def test_passwords_databases_and_a_server_that_comes_back(
    locked: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for password in ("", "wrong-password"):
        monkeypatch.setenv("KG_BOLT_PASSWORD", password)
        with pytest.raises(StoreError, match="KG_BOLT_PASSWORD"):
            connect(load_ontology(), tmp_path, locked.uri)
    monkeypatch.setenv("KG_BOLT_PASSWORD", locked.password)
    monkeypatch.setenv("KG_BOLT_DATABASE", "nosuch")
    with pytest.raises(StoreError, match="KG_BOLT_DATABASE"):
        connect(load_ontology(), tmp_path, locked.uri)
    monkeypatch.delenv("KG_BOLT_DATABASE")
    store, graph = connect(load_ontology(), tmp_path, locked.uri), write_graph(tmp_path / "run", many(5_000))
    restarts: list[threading.Thread] = []

    def restart(stage: str, done: int, total: int | None) -> None:
        if stage == "edges" and not restarts:
            locked.kill()
            restarts.append(threading.Thread(target=locked.start))
            restarts[0].start()

    store.write(graph, "many-1", restart)
    restarts[0].join()
    assert set(store.triples(limit=100_000)) == contents(graph)
    store.close()


def test_a_load_that_was_killed_is_finished_by_the_next(store: BoltStore, tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "run", many(6_000))
    server = store._link.server
    uri = server.address().uri if isinstance(server, RemoteServer) else ""
    folder = tmp_path / "unused" if isinstance(server, RemoteServer) else server.folder  # type: ignore[attr-defined]
    for moment in ("nodes", "edges"):
        command = [sys.executable, "-c", LOADER, str(graph.path), str(folder), uri]
        loader = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert loader.stdout is not None
        assert any(line.startswith(moment) for line in loader.stdout)
        os.kill(loader.pid, signal.SIGKILL)
        loader.communicate()
    store.write(graph, "many-1")
    assert store.counts() == {name: graph.counts()[name] for name in ("nodes", "edges")}
    assert set(store.triples(limit=100_000)) == contents(graph)


@pytest.mark.data
def test_atomic_is_counted_right(store: BoltStore, tmp_path: Path) -> None:
    if not ATOMIC.is_dir():
        pytest.skip(f"{ATOMIC} is not there: it holds the ATOMIC 2019 triples")
    run = Run.create(tmp_path / "run", "dev-1", {})
    import_files([ATOMIC / "dev.tsv"], "atomic2019", run, load_ontology())
    graph = GraphFiles(run)
    assert store.write(graph, run.id) == {name: graph.counts()[name] for name in ("nodes", "edges")} == store.counts()


def test_what_is_next_is_made_ahead_in_order_and_its_fault_comes_in_turn() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            yield number
        raise ValueError("no more")

    coming = ahead(items())
    assert next(coming) == 0
    while made != [0, 1]:
        time.sleep(0.001)
    assert [next(coming), next(coming)] == [1, 2]
    with pytest.raises(ValueError, match="no more"):
        next(coming)
    assert list(ahead(iter([]))) == []


def test_batches_are_bounded_in_rows_and_text() -> None:
    rows = [{"text": "x"} for _ in range(BATCH + 1)]
    assert [len(chunk) for chunk in chunks(rows)] == [BATCH, 1]
    long = [{"text": "x" * (BATCH_CHARACTERS // 2)} for _ in range(5)]
    assert [len(chunk) for chunk in chunks(long, "text")] == [2, 2, 1]
    assert list(chunks([])) == []


def test_query_text_holds_names_of_the_ontology_alone() -> None:
    relation = load_ontology()["xWant"]
    assert "(h:Event {id: row.head})" in merge_edges(relation)
    assert "[r:`X_WANT` {id: row.id}]" in merge_edges(relation)
    assert "MERGE (n:State {id: row.id})" in merge_nodes("State")


def test_a_lost_server_is_one_line() -> None:
    error = store_error(ServiceUnavailable("one\ntwo"), RemoteServer("bolt://here"))
    assert str(error).startswith("the Bolt server at bolt://here cannot be reached: start it")
    assert "\n" not in str(error)
