"""Copies of the embedded engine: what they hold, when they are made anew, and that nothing of them is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kg.errors import QueryTimeoutError, StoreError
from kg.ontology import load_ontology
from kg.records import Triple
from loaders.bolt import BoltStore, connect
from loaders.embedded import EmbeddedEngine
from tests.graphs import ROWS, contents, many, write_graph
from tests.loaders.test_embedded import owner, wait_for

ENDLESS = "RETURN reduce(a = 0, x IN range(1, 100000) | a + reduce(b = 0, y IN range(1, 100000) | b + y))"
ROOT = Path(__file__).parents[2]


def public(folder: Path) -> BoltStore:
    return connect(load_ontology(), folder, public=True)


def copies(folder: Path) -> list[Path]:
    return list(folder.glob("copy-*"))


def test_a_copy_is_made_of_a_resting_and_of_a_running_engine(tmp_path: Path) -> None:
    folder, graph = tmp_path / "cypher", write_graph(tmp_path / "run", ROWS)
    store = connect(load_ontology(), folder)
    store.write(graph, "demo-1")
    of_running = public(folder)
    assert set(of_running.triples()) == contents(graph)
    assert owner(copies(folder)[0]) != owner(folder)
    engine = EmbeddedEngine(folder)
    engine.kill()
    of_resting = public(folder)
    assert not engine.is_running()
    assert set(of_resting.triples()) == contents(graph)
    for each in (of_running, of_resting, store):
        each.close()
    assert copies(folder) == []


def test_a_copy_is_made_anew_after_a_load(tmp_path: Path) -> None:
    folder, graph = tmp_path / "cypher", write_graph(tmp_path / "run", ROWS)
    served, store = public(folder), connect(load_ontology(), folder)
    assert list(served.triples()) == []
    store.write(graph, "demo-1")
    assert set(served.triples()) == contents(graph)
    more: list[tuple[Triple, float | None]] = [(Triple("PersonX sings", "xNeed", "a song"), None)]
    store.write(write_graph(tmp_path / "more", more, "more-1"), "more-1")
    assert served.counts()["edges"] == graph.counts()["edges"] + 1
    store.unload("more-1")
    assert set(served.triples()) == contents(graph)
    EmbeddedEngine(folder).kill()
    store.close()
    served.close()


def test_what_kills_a_copy_leaves_the_graph_alone(tmp_path: Path) -> None:
    folder, graph = tmp_path / "cypher", write_graph(tmp_path / "run", many(50))
    store = connect(load_ontology(), folder)
    store.write(graph, "many-1")
    served, engine = public(folder), owner(folder)
    copy = owner(copies(folder)[0])
    with pytest.raises(QueryTimeoutError):
        served.query(ENDLESS, timeout=0.3)
    assert served.counts() == store.counts()
    assert owner(copies(folder)[0]) != copy
    assert owner(folder) == engine
    with pytest.raises(StoreError):
        served.query("CREATE (:Event {id: 'x'})")
    served.close()
    EmbeddedEngine(folder).kill()
    store.close()


def test_a_copy_whose_user_was_killed_is_removed_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "cypher"
    code = (
        "import sys; from pathlib import Path; from kg.ontology import load_ontology\n"
        "from loaders.bolt import connect\n"
        "store = connect(load_ontology(), Path(sys.argv[1]), public=True); print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"ready\n"
        [left] = copies(folder)
        user.kill()
    engine = owner(left)
    os.kill(engine, signal.SIGKILL)
    wait_for(lambda: EmbeddedEngine(left).is_unowned())
    served = public(folder)
    assert left not in copies(folder)
    served.close()
    assert copies(folder) == []
