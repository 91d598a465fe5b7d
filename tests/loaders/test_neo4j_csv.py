"""The files for `neo4j-admin database import full`: the real one takes them at the first try, whatever they hold."""

from pathlib import Path

import neo4j
import pytest

from kg.errors import InputError
from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run
from loaders.bolt import BoltStore, connect
from loaders.exports import export_run
from loaders.neo4j_csv import AFTER, COMMAND
from tests.contracts.test_stores import wild_texts
from tests.graphs import CAKE, NASTY, ROWS, contents, write_graph
from tests.servers import Neo4jServer

QUOTES = [
    '"', '""', "'", '\\"', ";", ",", "a;b,c", "\n", "\r", "\r\n", " ", "\t", "\\", "\\n", '"\n"', ',"', '",', "\u2028",
]
EVERYTHING = [
    "MATCH (n) RETURN labels(n), properties(n) ORDER BY n.id",
    "MATCH (h)-[r]->(t) RETURN h.id, type(r), properties(r), t.id ORDER BY r.id",
]


def export(graph: GraphFiles, out: Path) -> int:
    return export_run(Run.open(graph.path), "neo4j-csv", out, load_ontology())


def nasty_graph(folder: Path) -> GraphFiles:
    """A graph of more than 1,000 nasty texts, and one of each other kind of row."""
    texts = dict.fromkeys([*NASTY, *QUOTES, *wild_texts(1_000)])
    rows: list[tuple[Triple, float | None]] = [
        (Triple(f"{text} as head", "xWant", text), i / 1_000 if i % 3 else None) for i, text in enumerate(texts)
    ]
    return write_graph(folder, [*rows, *ROWS, (Triple(CAKE, "xEffect", "none"), None)], "nasty-1")


@pytest.mark.neo4j
def test_nasty_texts_are_imported_and_read_back_equal(neo4j_store: BoltStore, tmp_path: Path) -> None:
    graph = nasty_graph(tmp_path / "run")
    assert export(graph, tmp_path / "csv") == sum(graph.counts()[name] for name in ("nodes", "edges")) > 2_000
    neo4j_store.write(graph, "nasty-1")
    server = Neo4jServer(tmp_path / "home")
    server.admin(*COMMAND.split()[1:], folder=tmp_path / "csv")
    server.start()
    store = connect(load_ontology(), tmp_path / "unused", server.uri)
    try:
        assert store.counts() == {name: graph.counts()[name] for name in ("nodes", "edges")}
        assert set(store.triples(limit=100_000)) == contents(graph)
        with neo4j.GraphDatabase.driver(server.uri) as driver, driver.session() as session:
            for text in (tmp_path / "csv" / AFTER).read_text().split(";\n")[:-1]:
                session.run(text).consume()
        for text in EVERYTHING:
            assert store.query(text, limit=100_000).rows == neo4j_store.query(text, limit=100_000).rows
        assert store.write(graph, "nasty-1") == {name: graph.counts()[name] for name in ("nodes", "edges")}
        assert store.counts() == {name: graph.counts()[name] for name in ("nodes", "edges")}
    finally:
        store.close()
        server.kill()


def test_the_folder_is_replaced_but_nothing_else_is(tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "run", ROWS)
    export(graph, tmp_path / "csv")
    before = {p.name: p.read_bytes() for p in (tmp_path / "csv").iterdir()}
    export(graph, tmp_path / "csv")
    assert {p.name: p.read_bytes() for p in (tmp_path / "csv").iterdir()} == before
    (tmp_path / "csv" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for out in ("csv", "file", "-"):
        with pytest.raises(InputError):
            export(graph, Path(out) if out == "-" else tmp_path / out)
    assert (tmp_path / "csv" / "mine.txt").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["csv", "file", "run"]


def test_a_run_id_that_lists_cannot_hold_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a;b"):
        export(write_graph(tmp_path / "run", ROWS, "a;b"), tmp_path / "csv")
