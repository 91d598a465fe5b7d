"""Asynchronous work behind a plain iterator: an event loop in a thread of its own, one item handed over at a time."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Outlet(Generic[T]):
    """Where asynchronous work leaves its items. Once `stopping` is set, it should begin nothing new."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.items: SimpleQueue[tuple[T, asyncio.Event] | None] = SimpleQueue()

    async def put(self, item: T) -> None:
        """Hands `item` over; returns when the consumer has dealt with it and asks for the next.

        So each worker holds back at most one item, and what a killed process loses is bounded by their number.
        """
        taken = asyncio.Event()
        self.items.put((item, taken))
        await taken.wait()


def stream(main: Callable[[Outlet[T]], Coroutine[Any, Any, None]]) -> Generator[T]:
    """The items that `main` puts into its outlet, as they come; then the error that it raised, if any.

    A consumer that stops early cancels `main`. A first interrupt from the keyboard while waiting lets `main` finish
    what it has begun, and is raised after the last item; a second one is raised at once.
    """
    outlet = Outlet[T]()
    loop = asyncio.new_event_loop()
    task = loop.create_task(main(outlet))
    thread = threading.Thread(target=_run, args=(loop, task, outlet), name="outlet", daemon=True)
    thread.start()
    interrupt: KeyboardInterrupt | None = None
    try:
        while True:
            try:
                entry = outlet.items.get()
            except KeyboardInterrupt as error:
                if interrupt is not None:
                    raise
                interrupt = error
                _call(loop, outlet.stopping.set)
                continue
            if entry is None:
                break
            yield entry[0]
            _call(loop, entry[1].set)
    finally:
        _call(loop, task.cancel)
        if threading.current_thread() is not thread:  # the garbage collector may close a generator anywhere
            thread.join()
    if interrupt is not None:
        raise interrupt
    if not task.cancelled() and (failure := task.exception()):
        raise failure


def _run(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]", outlet: Outlet[T]) -> None:
    asyncio.set_event_loop(loop)
    try:
        with suppress(BaseException):  # `stream` raises it where it is of use
            loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
        outlet.items.put(None)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nothing is left to be told
        loop.call_soon_threadsafe(function)
