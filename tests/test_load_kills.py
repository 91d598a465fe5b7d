"""`kill -9` of loads and servers at three moments; `python -m tests.load_kills` does it at many."""

import random
from pathlib import Path

import pytest

from tests.graphs import ROWS, many, write_graph
from tests.load_kills import ENGINES, Bench, check, fingerprint, open_store


@pytest.mark.parametrize("engine", [pytest.param(e, marks=pytest.mark.neo4j) if e == "neo4j" else e for e in ENGINES])
def test_a_second_load_makes_good_what_a_kill_left(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("neo4j_server") if engine == "neo4j" else None
    graph = write_graph(tmp_path / "run", [*many(5_000), *ROWS])
    said: list[str] = []
    assert check(Bench(engine, graph, tmp_path, server), 3, random.Random(engine), said.append) == 0, said
    assert any("too late" not in line for line in said[1:]), said


def test_a_fingerprint_tells_one_property(tmp_path: Path) -> None:
    found = []
    for number, score in enumerate((0.5, 0.25, 0.5)):
        store = open_store("rdf", tmp_path / f"rdf-{number}", "")
        store.write(write_graph(tmp_path / f"run-{number}", [*ROWS[1:], (ROWS[0][0], score)]), "demo-1")
        found.append(fingerprint(store))
        store.close()
    assert found[0] == found[2]
    assert found[0][0] == found[1][0]
    assert found[0][1] != found[1][1]
