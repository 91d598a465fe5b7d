"""A few worker processes that answer SPARQL queries, each killable, started when they are first needed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kg.errors import AnswerFormError, QueryTimeoutError, StoreError
from loaders.sparql_worker import FAILED, FRAME
from loaders.vocabulary import PREFIXES

_ROOT = Path(__file__).parents[1]
_LONGEST = 86_400.0  # seconds; a timer cannot be set to infinity
LINGER = 60.0  # seconds without work after which a process is ended, when another one has done some
STOPPING = 0.25  # seconds that a process has to stop in the midst of a document before it is ended

Worker = subprocess.Popen[bytes]


class WorkerPool:
    """At most `size` processes of `loaders/sparql_worker.py` over the store in `path`. Safe between threads."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._closed = False
        self._lock = threading.Lock()
        self._running: set[Worker] = set()
        # Places for processes, each with the time when it became free; the last one is taken first.
        self._idle: list[tuple[float, Worker | None]] = [(0.0, None)] * size
        self._freed = threading.Condition()

    def begin(self, request: dict[str, Any], timeout: float) -> "Reply":
        """The beginning of the reply to a request, waiting for a free process included in `timeout` seconds.

        Raises what `Reply` raises.
        """
        timeout = _checked(timeout)
        deadline = time.monotonic() + timeout
        with self._freed:
            if not self._freed.wait_for(lambda: self._idle, timeout):
                raise QueryTimeoutError(f"no query process was free within {timeout:g} s: try again later")
            worker = self._idle.pop()[1]
        reply = self._ask(worker, request, max(deadline - time.monotonic(), 0.001), timeout)
        reply.receive()
        return reply

    def ask(self, request: dict[str, Any], timeout: float) -> "Reply | None":
        """The reply to a request, which is still to be received; None where no process is free.

        Raises StoreError.
        """
        timeout = _checked(timeout)
        with self._freed:
            if not self._idle:
                return None
            worker = self._idle.pop()[1]
        return self._ask(worker, request, timeout, timeout)

    def release(self, worker: Worker | None) -> None:
        """Takes a process back that answered all that it was asked, or that is buried."""
        now = time.monotonic()
        with self._freed:
            unused = [w for since, w in self._idle if w is not None and now - since > LINGER]
            self._idle = [(since, None if w in unused else w) for since, w in self._idle]
            self._idle.append((now, worker))
            self._freed.notify()
        for other in unused:
            threading.Thread(target=self._end, args=(other,), daemon=True).start()

    def close(self) -> None:
        """Ends all processes, those at work too; a second call does nothing."""
        with self._lock:
            self._closed = True
            running, self._running = self._running, set()
        for worker in running:
            worker.kill()
            worker.wait()
            _close_pipes(worker)

    def bury(self, worker: Worker, timeout: float) -> StoreError:
        """Clears up after a process that ended or is no longer wanted, and says why it did not answer."""
        status = self._end(worker)
        if self._closed:
            return StoreError("the store was closed while the query ran")
        if status == -signal.SIGALRM:
            return QueryTimeoutError(
                f"the query was stopped after {timeout:g} s: make it more selective, add a LIMIT, or allow more time"
            )
        return StoreError(
            f"the query brought its process down (exit status {status}): it may need too much memory or be nested "
            "too deeply"
        )

    def _end(self, worker: Worker) -> int:
        """Ends a process and returns its exit status."""
        worker.kill()
        status = worker.wait()
        with self._lock:
            self._running.discard(worker)
        _close_pipes(worker)
        return status

    def _ask(self, worker: Worker | None, request: dict[str, Any], left: float, timeout: float) -> "Reply":
        """Hands a request to the process in this place, which has `left` of `timeout` seconds."""
        try:
            worker = worker if worker and worker.poll() is None else self._start()
        except BaseException:
            self.release(None)
            raise
        return Reply(self, worker, {**request, "deadline": time.monotonic() + left}, timeout)

    def _start(self) -> Worker:
        # -P: the folder that the user is in is not searched for modules. No text goes through a shell.
        command = [sys.executable, "-P", "-m", "loaders.sparql_worker", str(self._path), json.dumps(PREFIXES)]
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed")
            worker = subprocess.Popen(
                command, bufsize=FRAME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )
            self._running.add(worker)
        return worker


class Reply:
    """What a process says to one request: `head`, and for a document its bytes.

    Reading it may raise QueryTimeoutError and StoreError. Must be closed; one that was not read to its end may cost its
    process.
    """

    def __init__(self, pool: WorkerPool, worker: Worker, request: dict[str, Any], timeout: float) -> None:
        self._pool, self._worker, self._timeout = pool, worker, timeout
        self._ended = self._done = False
        self.media_type = ""
        self.length: int | None = None
        with self._or_end():
            self._write(json.dumps(request).encode() + b"\n")

    def __del__(self) -> None:
        self.close()

    def fileno(self) -> int:
        """A descriptor that can be read as soon as `receive` need not wait."""
        assert self._worker.stdout is not None
        return self._worker.stdout.fileno()

    def receive(self) -> None:
        """Reads the head: the whole of a reply that is no document. Raises AnswerFormError too."""
        with self._or_end():
            self.head = self._line()
        self.media_type = str(self.head.get("media_type", ""))
        self.length = self.head.get("length", 0)
        self._done = self.length == 0
        if error := self.head.get("error"):
            self.close()
            raise (AnswerFormError if self.head["kind"] == "form" else StoreError)(f"SPARQL: {error}")

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the document, as they come."""
        while not self._done:
            with self._or_end():
                data = self._next()
            yield data

    def close(self) -> None:
        """Gives the process back, or ends it when it has more to say; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        if not self._done and not self._stop():
            self._pool.bury(self._worker, self._timeout)
        self._pool.release(self._worker)

    def _stop(self) -> bool:
        """Whether the process, in the midst of a document, could be made to end it: then it can answer others."""
        if not self.media_type or self.length is not None:
            return False
        late = threading.Event()

        def end() -> None:
            late.set()
            self._worker.kill()

        timer = threading.Timer(STOPPING, end)
        timer.start()
        try:
            self._write(b"\n")
            while not self._done:
                self._next()
        except EOFError:
            return False
        except StoreError:  # the end that was asked for
            pass
        finally:
            timer.cancel()
            timer.join()
        return not late.is_set()

    @contextmanager
    def _or_end(self) -> Iterator[None]:
        """Ends the process when it breaks off, or when anything hinders the reading: an interrupt too, after which what
        it still says must not answer the next question.
        """
        try:
            yield
        except EOFError:
            error = self._pool.bury(self._worker, self._timeout)
            self.close()
            raise error from None
        except StoreError:
            raise
        except BaseException:
            self.close()
            raise

    def _next(self) -> bytes:
        """The next bytes, none at the end."""
        if self.length is not None:
            data = self._read(self.length)
            self._done = True
            return data
        length = int.from_bytes(self._read(4))
        if length == FAILED:
            error = self._line()["error"]
            self._done = True
            raise StoreError(f"SPARQL: {error}")
        data = self._read(length)
        self._done = length == 0
        return data

    def _write(self, data: bytes) -> None:
        assert self._worker.stdin is not None
        try:
            self._worker.stdin.write(data)
            self._worker.stdin.flush()
        except (OSError, ValueError):  # it ended, or was closed meanwhile
            raise EOFError from None

    def _line(self) -> dict[str, Any]:
        assert self._worker.stdout is not None
        try:
            line = self._worker.stdout.readline()
        except (OSError, ValueError):
            raise EOFError from None
        if not line.endswith(b"\n"):
            raise EOFError
        found: dict[str, Any] = json.loads(line)
        return found

    def _read(self, count: int) -> bytes:
        assert self._worker.stdout is not None
        try:
            data = self._worker.stdout.read(count)
        except (OSError, ValueError):
            raise EOFError from None
        if len(data) < count:
            raise EOFError
        return data


def _checked(timeout: float) -> float:
    if not timeout > 0:
        raise StoreError(f"the time-out must be more than 0 seconds, not {timeout}")
    return min(timeout, _LONGEST)


def _close_pipes(worker: Worker) -> None:
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what was not written yet has no reader any more
                continue
