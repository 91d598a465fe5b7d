"""The embedded engine: who owns it, who uses it, and what is left when somebody is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import neo4j
import pytest
from neo4j.exceptions import Neo4jError

from kg.errors import QueryTimeoutError, StoreError
from kg.ontology import load_ontology
from loaders.bolt import BoltStore, connect
from loaders.embedded import EmbeddedEngine
from loaders.embedded_child import LINGER, LOCK, SECRETS
from tests.graphs import ROWS, contents, many, write_graph

T = TypeVar("T")
ENDLESS = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b"
ROOT = Path(__file__).parents[2]
USER = """
import sys
from pathlib import Path
from loaders.embedded import EmbeddedEngine
engine = EmbeddedEngine(Path(sys.argv[1]))
print(engine.address().uri, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    made = EmbeddedEngine(tmp_path / "engine")
    yield made
    made.kill()
    made.close()


def another_user(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def owner(folder: Path) -> int:
    return int(json.loads((folder / LOCK).read_text())["pid"])


def lives(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def with_store(engine: EmbeddedEngine, work: Callable[[BoltStore], T]) -> T:
    store = connect(load_ontology(), engine.folder)
    try:
        return work(store)
    finally:
        store.close()


def test_processes_share_one_engine_that_ends_with_the_last_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    users = [another_user(folder) for _ in range(3)]  # all three want to start it
    try:
        addresses = {first_line(user) for user in users}
        assert len(addresses) == 1
        pid = owner(folder)
        users[0].kill()
        users[1].communicate()
        time.sleep(LINGER + 1)
        assert lives(pid)
        users[2].kill()
        wait_for(lambda: not lives(pid))
    finally:
        for user in users:
            user.kill()
            user.communicate()


def test_a_user_who_comes_back_finds_the_same_engine_and_data(engine: EmbeddedEngine, tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "run", ROWS)
    with_store(engine, lambda store: store.write(graph, "demo-1"))
    pid = owner(engine.folder)
    assert set(with_store(engine, lambda store: list(store.triples()))) == contents(graph)
    assert owner(engine.folder) == pid


def test_an_engine_that_was_killed_is_started_again(engine: EmbeddedEngine, tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "run", ROWS)
    store = connect(load_ontology(), engine.folder)
    store.write(graph, "demo-1")
    os.kill(owner(engine.folder), signal.SIGKILL)
    assert set(store.triples()) == contents(graph)
    os.kill(owner(engine.folder), signal.SIGKILL)
    store.write(graph, "demo-1")
    assert set(store.triples()) == contents(graph)
    store.close()


def test_an_engine_killed_during_a_load_loses_nothing(engine: EmbeddedEngine, tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "run", many(6_000))
    store = connect(load_ontology(), engine.folder)
    kills = iter([("nodes", 1), ("edges", 2_000)])
    moment = next(kills)

    def watch(stage: str, done: int, total: int | None) -> None:
        nonlocal moment
        if stage == moment[0] and done >= moment[1]:
            moment = next(kills, ("", 0))
            threading.Timer(0.1, os.kill, (owner(engine.folder), signal.SIGKILL)).start()

    store.write(graph, "many-1", watch)
    assert moment == ("", 0)
    assert set(store.triples(limit=100_000)) == contents(graph)
    assert store.counts() == {name: graph.counts()[name] for name in ("nodes", "edges")}
    store.close()


def test_a_query_that_cannot_be_stopped_ends_with_its_engine(engine: EmbeddedEngine) -> None:
    store = connect(load_ontology(), engine.folder)
    pid = owner(engine.folder)
    endless = "RETURN reduce(a = 0, x IN range(1, 100000) | a + reduce(b = 0, y IN range(1, 100000) | b + y))"
    with pytest.raises(QueryTimeoutError):
        store.query(endless, timeout=0.3)
    assert store.query("RETURN 1").rows == [[1]]
    assert not lives(pid)
    store.close()


def test_many_threads_ask_while_queries_time_out(embedded_store: BoltStore) -> None:
    def ask(number: int) -> object:
        if number % 4 == 0:
            with pytest.raises(QueryTimeoutError):
                embedded_store.query(f"{ENDLESS} RETURN count(*)", timeout=0.3)
            return number
        return embedded_store.query("RETURN $n", {"n": number}).rows[0][0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(24))) == list(range(24))


def test_a_cut_off_answer_is_not_computed_to_its_end(embedded_store: BoltStore) -> None:
    started = time.monotonic()
    found = embedded_store.query(f"{ENDLESS} RETURN a, b", limit=2)
    assert (found.rows, found.truncated) == ([[1, 1], [1, 2]], True)
    assert time.monotonic() - started < 10


def test_the_reader_may_only_read(embedded_engine: EmbeddedEngine, embedded_store: BoltStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("secret\n")
    hostile = [
        f"LOAD CSV FROM 'file://{secret}' AS line RETURN line",
        "LOAD CSV FROM 'http://127.0.0.1:1/x' AS line RETURN line",
        "CREATE (:Event {id: 'x'})", "CREATE (:Other)", "ALTER USER root SET PASSWORD 'a-long-password'",
        "CREATE USER eve SET PASSWORD 'a-long-password'", "RETURN util.sleep(100000)", "DROP DATABASE kg",
    ]
    for text in hostile:
        with pytest.raises(StoreError):
            embedded_store.query(text)
    address = embedded_engine.address()
    with (
        neo4j.GraphDatabase.driver(address.uri, auth=address.read_auth) as driver,
        driver.session(database=address.database, default_access_mode=neo4j.WRITE_ACCESS) as session,
        pytest.raises(Neo4jError),
    ):
        session.run("CREATE (:Event {id: 'x'})").consume()
    assert embedded_store.counts() == {"nodes": 0, "edges": 0}


def test_passwords_are_the_owners_alone(embedded_engine: EmbeddedEngine) -> None:
    assert (embedded_engine.folder / SECRETS).stat().st_mode & 0o777 == 0o600
    assert (embedded_engine.folder / "engine").stat().st_mode & 0o777 == 0o700
    address = embedded_engine.address()
    with neo4j.GraphDatabase.driver(address.uri, auth=("root", "wrong")) as driver, pytest.raises(Neo4jError):
        driver.session(database=address.database).run("RETURN 1").consume()


def test_it_listens_on_loopback_alone(embedded_engine: EmbeddedEngine) -> None:
    embedded_engine.address()
    inodes = {
        os.readlink(link)[8:-1]
        for link in Path(f"/proc/{owner(embedded_engine.folder)}/fd").iterdir()
        if os.path.lexists(link) and os.readlink(link).startswith("socket:")
    }
    tables = [Path(f"/proc/net/{file}").read_text().split("\n")[1:-1] for file in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    listening = {row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}
    assert listening <= {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
    assert listening


def test_a_damaged_folder_is_repaired_or_told(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path / "engine")
    engine.folder.mkdir()
    (engine.folder / LOCK).write_text('{"port": 1, "pid": 1}')
    (engine.folder / SECRETS).write_text("{")
    assert engine.address().database == "kg"
    engine.kill()
    engine.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="folder"):
        EmbeddedEngine(tmp_path / "file").address()
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "engine").write_text("a file where a folder must be")
    with pytest.raises(StoreError, match="does not start"):
        EmbeddedEngine(blocked).address()
