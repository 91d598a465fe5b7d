"""A few worker processes that answer SPARQL queries, each killable, started when they are first needed."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

from kg.errors import QueryTimeoutError, StoreError

_SCRIPT = Path(__file__).with_name("sparql_worker.py")
_LONGEST = 86_400.0  # seconds; a timer cannot be set to infinity


class WorkerPool:
    """At most `size` processes of `loaders/sparql_worker.py` over the store in `path`. Safe between threads."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._closed = False
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._idle: LifoQueue[subprocess.Popen[bytes] | None] = LifoQueue()
        for _ in range(size):
            self._idle.put(None)  # a place for a process that is not started yet

    def ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        """The reply to a request, waiting for a free process included in `timeout` seconds.

        Raises QueryTimeoutError, and StoreError when the query brings its process down.
        """
        if not timeout > 0:
            raise StoreError(f"the time-out must be more than 0 seconds, not {timeout}")
        timeout = min(timeout, _LONGEST)
        deadline = time.monotonic() + timeout
        try:
            worker = self._idle.get(timeout=timeout)
        except Empty:
            raise QueryTimeoutError(f"no query process was free within {timeout:g} s: try again later") from None
        try:
            worker = worker if worker and worker.poll() is None else self._start()
            left = max(deadline - time.monotonic(), 0.001)
            return self._exchange(worker, {**request, "timeout": left}, timeout)
        except BaseException:  # an interrupt too: what the process would still say must not answer the next question
            if worker is not None:
                self._bury(worker, timeout)
            raise
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """Ends all processes, those at work too; a second call does nothing."""
        with self._lock:
            self._closed = True
            running, self._running = self._running, set()
        for worker in running:
            worker.kill()
            worker.wait()
            _close_pipes(worker)

    def _exchange(
        self, worker: subprocess.Popen[bytes], request: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        assert worker.stdin is not None
        assert worker.stdout is not None
        line = b""
        try:
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        except (OSError, ValueError):  # it ended, or was closed meanwhile
            pass
        if line.endswith(b"\n"):
            reply: dict[str, Any] = json.loads(line)
            return reply
        raise self._bury(worker, timeout)

    def _bury(self, worker: subprocess.Popen[bytes], timeout: float) -> StoreError:
        """Clears up after a process that ended, and says why it did."""
        worker.kill()
        status = worker.wait()
        with self._lock:
            self._running.discard(worker)
            closed = self._closed
        _close_pipes(worker)
        if closed:
            return StoreError("the store was closed while the query ran")
        if status == -signal.SIGALRM:
            return QueryTimeoutError(
                f"the query was stopped after {timeout:g} s: make it more selective, add a LIMIT, or allow more time"
            )
        return StoreError(
            f"the query brought its process down (exit status {status}): it may need too much memory or be nested "
            "too deeply"
        )

    def _start(self) -> subprocess.Popen[bytes]:
        # -P: the folder of the script is not searched for modules. The text of the store never goes through a shell.
        command = [sys.executable, "-P", str(_SCRIPT), str(self._path)]
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed")
            worker = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            self._running.add(worker)
        return worker


def _close_pipes(worker: subprocess.Popen[bytes]) -> None:
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what was not written yet has no reader any more
                continue
