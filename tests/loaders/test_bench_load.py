"""The bench of loads."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import kg
from kg.errors import StoreError
from loaders import bench_load
from tests.graphs import ROWS, many, write_graph
from tests.servers import Neo4jServer, empty


@pytest.fixture(autouse=True)
def _one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_load, "PASSES", 1)


def test_both_ways_load_the_same(tmp_path: Path) -> None:
    run = write_graph(tmp_path / "run", [*ROWS, *many(300)]).path
    result = CliRunner().invoke(kg, ["bench", "load", "--run", str(run), "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert (figures["edges"], figures["passes"]) == (306, 1)
    for part in (figures["rdf"], figures["cypher"]):
        assert part["ratio"] == pytest.approx(part["raw_seconds"] / part["seconds"])
    assert figures["cypher"]["server"] == "embedded engine"


@pytest.mark.neo4j
def test_a_server_of_the_user_is_left_empty_and_is_never_emptied(neo4j_server: Neo4jServer, tmp_path: Path) -> None:
    empty(neo4j_server.address)
    run = write_graph(tmp_path / "run", ROWS).path
    assert bench_load.bench_load(run, neo4j_server.uri)["cypher"]["ratio"] > 0
    with bench_load._session(bench_load.RemoteServer(neo4j_server.uri)) as session:
        assert session.run("MATCH (n) RETURN count(n)").single() == (0,)
        assert session.run("SHOW CONSTRAINTS").values() == []
        session.run("CREATE (:Mine)").consume()
        with pytest.raises(StoreError, match="is not empty"):
            bench_load.bench_load(run, neo4j_server.uri)
        assert session.run("MATCH (n:Mine) RETURN count(n)").single() == (1,)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"bolt://127\.0\.0\.1:1 cannot be reached"):
        bench_load.bench_load(write_graph(tmp_path / "run", ROWS).path, "bolt://127.0.0.1:1")


def test_other_counts_are_no_figures() -> None:
    bench_load._same("nodes", 3, 3)
    with pytest.raises(StoreError, match="2 nodes were loaded in place of 3"):
        bench_load._same("nodes", 2, 3)


def test_our_graph_is_as_large_as_said(tmp_path: Path) -> None:
    assert bench_load.made_graph(tmp_path / "run", 1_000).counts()["edges"] == 1_000
