"""Asynchronous work behind a plain iterator."""

import asyncio
import gc
import threading

import pytest

from extraction.outlet import Outlet, stream


async def count(outlet: Outlet[int]) -> None:
    for i in range(5):
        await outlet.put(i)


def running() -> bool:
    return any(t.name == "outlet" for t in threading.enumerate())


def test_items_in_order_and_nothing_left_running() -> None:
    assert list(stream(count)) == [0, 1, 2, 3, 4]
    assert not running()


def test_works_where_a_loop_runs_already() -> None:
    async def outer() -> list[int]:
        return list(stream(count))

    assert asyncio.run(outer()) == [0, 1, 2, 3, 4]


def test_errors_come_after_the_items() -> None:
    async def main(outlet: Outlet[int]) -> None:
        await outlet.put(1)
        raise ValueError("broken")

    items = stream(main)
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)
    assert not running()


def test_a_worker_waits_until_its_item_is_taken() -> None:
    made: list[int] = []

    async def main(outlet: Outlet[int]) -> None:
        for i in range(5):
            made.append(i)
            await outlet.put(i)

    items = stream(main)
    next(items)
    next(items)
    assert len(made) <= 2
    items.close()  # type: ignore[attr-defined]
    assert not running()


def test_a_dropped_iterator_cancels_the_work() -> None:
    cancelled = threading.Event()

    async def main(outlet: Outlet[int]) -> None:
        try:
            await outlet.put(1)
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    items = stream(main)
    next(items)
    del items
    gc.collect()
    assert cancelled.wait(5)
    assert not running()


def test_an_iterator_that_is_never_asked_starts_nothing() -> None:
    stream(count)
    assert not running()
