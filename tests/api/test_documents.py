"""Answers that the event loop waits for: in time, whole, and without harm to the next ones."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient

from api.assemble import OpenRun
from api.documents import _received
from api.documents import ask as ask_store
from api.limits import Limits, Work
from api.problems import ProblemError
from api.server import create_app
from kg.ontology import load_ontology
from kg.protocols import SparqlRequest
from loaders.rdf import RdfStore
from tests.loaders.test_rdf import ROWS, SLOW, built

DEEP = "SELECT * WHERE " + "{" * 30_000 + "}" * 30_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("rdf")
    store = RdfStore(made / "rdf", load_ontology())
    store.write(built(made / "run", ROWS), "demo-1")
    store.close()
    return made / "rdf"


@pytest.fixture
def store(folder: Path) -> Iterator[RdfStore]:
    """A store with one process, so that all have to wait for it."""
    store = RdfStore(folder, load_ontology(), workers=1)
    yield store
    store.close()


@pytest.fixture
def client(opened: OpenRun, store: RdfStore) -> Iterator[TestClient]:
    limits = Limits(query_seconds=2, queries_at_once=3, body_bytes=1 << 20)
    with TestClient(create_app(replace(opened, sparql=store), limits)) as made:
        yield made


def ask(client: TestClient, query: str) -> Any:
    return client.post("/sparql", data={"query": query}, headers={"Accept": "text/csv"})


def test_a_late_answer_is_stopped_and_the_next_one_comes(client: TestClient) -> None:
    begun = time.monotonic()
    late = ask(client, SLOW)
    assert (late.status_code, late.json()["title"]) == (504, "Time is up")
    assert time.monotonic() - begun < 4
    assert ask(client, "SELECT (1 AS ?n) {}").text == "n\r\n1\r\n"


def test_a_query_that_ends_its_process_is_refused_and_the_next_one_answered(client: TestClient) -> None:
    assert ask(client, DEEP).status_code == 400
    assert ask(client, "SELECT (2 AS ?n) {}").text == "n\r\n2\r\n"


def test_more_at_once_than_there_are_processes_are_answered_in_turn(client: TestClient) -> None:
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda i: ask(client, f"SELECT ({i} AS ?n) {{}}"), range(40)))
    assert [answer.text for answer in answers] == [f"n\r\n{i}\r\n" for i in range(40)]


@pytest.mark.parametrize("size", [1_000, 65_000, 66_000, 500_000, 1_040_000, 3_000_000])
def test_answers_of_any_size_are_whole(client: TestClient, size: int) -> None:
    answer = ask(client, f'SELECT ?n {{ BIND("{"x" * 1000}" AS ?t) {_times(size // 1000)} BIND(?t AS ?n) }}')
    assert answer.text == "n\r\n" + f"{'x' * 1000}\r\n" * (size // 1000)
    assert ("content-length" in answer.headers) == (size < 1_048_000)


def _times(count: int) -> str:
    """A pattern with so many solutions."""
    return "VALUES ?i { " + " ".join(map(str, range(count))) + " }"


def test_what_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    read, write = os.pipe()
    ended: list[int] = []

    class Silent:
        def fileno(self) -> int:
            return read

        def close(self) -> None:
            ended.append(read)

    begun = time.monotonic()
    with pytest.raises(ProblemError, match="no answer within"):
        anyio.run(_received, Silent(), 0.1)
    assert 0.5 < time.monotonic() - begun < 5
    assert ended == [read]
    os.close(read)
    os.close(write)


def test_a_query_that_waited_for_its_turn_gets_what_is_left() -> None:
    work, given = Work(Limits(queries_at_once=1)), []

    async def take(hold: float) -> None:
        async with work.turn(10) as left:
            given.append(left)
            await anyio.sleep(hold)

    async def both() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(take, 1.0)
            await anyio.sleep(0.1)
            group.start_soon(take, 0.0)

    anyio.run(both)
    assert 9.9 < given[0] <= 10
    assert 5 < given[1] <= 9.2


def test_a_query_that_waited_for_a_thread_gets_what_is_left() -> None:
    given: list[float] = []

    class Busy:
        length, media_type = 0, "text/csv"

        def begin(self, *_: Any) -> None:
            """No process is free."""

        def document(self, request: Any, seconds: float, *_: Any) -> Any:
            given.append(seconds)
            return self

        def chunks(self) -> list[bytes]:
            return []

    async def when_free(part: str, call: Any, seconds: float) -> Any:
        given.append(seconds)
        await anyio.sleep(1)
        return call()

    limits = Limits(query_seconds=10)
    state: Any = SimpleNamespace(sparql=Busy, limits=limits, work=Work(limits), ask=when_free)
    anyio.run(ask_store, state, SparqlRequest("ASK {}", ["text/csv"], "http://localhost/sparql"))
    assert 9.5 < given[0] <= 10
    assert given[1] <= given[0] - 1
