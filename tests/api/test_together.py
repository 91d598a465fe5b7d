"""Requests that wait at the same time, answered as one."""

import threading
from collections.abc import Sequence
from typing import Any

import anyio
import anyio.to_thread
import pytest

from api.completion import Merged, Query, read_query
from api.limits import Limits, Work
from api.together import MOST, Together
from kg.errors import InputError
from kg.ontology import load_ontology

ONTOLOGY = load_ontology()


class Slow:
    """Sources of which the first question lasts until `go_on`; `asked` has the heads and options of each."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], tuple[Any, ...]]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def complete(self, queries: Sequence[Query], k: int, *options: Any) -> Any:
        heads = [str(q.head) for q in queries]
        self.asked.append((heads, (k, *options)))
        if not self.begun.is_set():
            self.begun.set()
            assert self.go_on.wait(30)
        if "bad" in heads:
            raise InputError("bad")
        return [[Merged(f"of {h}", k / 10, "s", False)] for h in heads], [[f"note of {h}"] for h in heads]


def ask(requests: Sequence[tuple[list[str], int, bool, str | None]]) -> Any:
    """What each request gets, as heads of tails and notes or as an error, and the sources; the first is being answered
    while the others come."""
    sources, got = Slow(), dict[int, Any]()

    async def run() -> None:
        together = Together(sources, Work(Limits()))  # type: ignore[arg-type]

        async def request(n: int, heads: list[str], k: int, new_only: bool, level: str | None) -> None:
            try:
                found, notes = await together.complete(
                    [read_query(ONTOLOGY, h, "xWant") for h in heads], k, new_only, level
                )
                got[n] = [m.tail.removeprefix("of ") for part in found for m in part]
                assert notes == [[f"note of {h}"] for h in got[n]]
            except InputError as error:
                got[n] = error

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(request, 0, *requests[0])
            await anyio.to_thread.run_sync(sources.begun.wait, 30)
            for n, one in enumerate(requests[1:], 1):
                tasks.start_soon(request, n, *one)
                await anyio.sleep(0)
            await anyio.sleep(0.05)
            sources.go_on.set()

    anyio.run(run)
    return [got[n] for n in range(len(requests))], sources.asked


def test_those_who_wait_are_answered_as_one_and_each_gets_its_own() -> None:
    got, asked = ask([(["a"], 5, False, None), (["b"], 5, False, None), (["c", "d"], 5, False, None)])
    assert got == [["a"], ["b"], ["c", "d"]]
    assert [heads for heads, _ in asked] == [["a"], ["b", "c", "d"]]


def test_what_changes_the_answer_is_asked_apart() -> None:
    got, asked = ask([
        (["a"], 5, False, None), (["b"], 5, False, None), (["c"], 3, False, None), (["d"], 5, True, None),
        (["e"], 5, True, None), (["f"], 5, False, "low"), (["g"], 5, False, "low"), (["h"], 5, False, None),
    ])
    assert got == [[h] for h in "abcdefgh"]
    assert [heads for heads, _ in asked] == [["a"], ["b", "h"], ["c"], ["d"], ["e"], ["f"], ["g"]]
    assert asked[2][1] == (3, False, None)
    assert asked[3][1] == (5, True, None)
    assert asked[5][1] == (5, False, "low")


def test_as_one_are_so_many_as_are_answered_soon() -> None:
    half = [f"{n}" for n in range(MOST // 10)]
    got, asked = ask([(["a"], 5, False, None), *[(half, 5, False, None)] * 3, (["too", *half, *half], 5, False, None)])
    assert got == [["a"], half, half, half, ["too", *half, *half]]
    assert [len(heads) for heads, _ in asked] == [1, len(half) * 2, len(half), len(half) * 2 + 1]


def test_an_error_is_for_the_one_who_caused_it() -> None:
    got, asked = ask([(["a"], 5, False, None), (["b"], 5, False, None), (["bad"], 5, False, None)])
    assert got[:2] == [["a"], ["b"]]
    assert isinstance(got[2], InputError)
    assert [heads for heads, _ in asked] == [["a"], ["b", "bad"], ["b"], ["bad"]]


def test_who_was_answered_with_others_may_ask_again_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.together.MOMENT", 30.0)  # it ends as soon as as many have come
    sources = Slow()

    async def run() -> None:
        together = Together(sources, Work(Limits()))  # type: ignore[arg-type]

        async def client(*heads: str) -> None:
            for head in heads:
                await together.complete([read_query(ONTOLOGY, head, "xWant")], 5, False, None)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client, "a")
            await anyio.to_thread.run_sync(sources.begun.wait, 30)
            tasks.start_soon(client, "b", "d")
            tasks.start_soon(client, "c", "e")
            await anyio.sleep(0.05)
            sources.go_on.set()

    anyio.run(run)
    assert [sorted(heads) for heads, _ in sources.asked] == [["a"], ["b", "c"], ["d", "e"]]


def test_who_left_is_not_asked_for() -> None:
    sources = Slow()

    async def run() -> None:
        together = Together(sources, Work(Limits()))  # type: ignore[arg-type]

        async def ask_for(head: str) -> None:
            await together.complete([read_query(ONTOLOGY, head, "xWant")], 5, False, None)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_for, "a")
            await anyio.to_thread.run_sync(sources.begun.wait, 30)
            with anyio.move_on_after(0.01):
                await ask_for("b")
            sources.go_on.set()
            await ask_for("c")

    anyio.run(run)
    assert [heads for heads, _ in sources.asked] == [["a"], ["c"]]
