"""The embedded Cypher engine: one child process a folder, reached over Bolt by every process that wants to.

The child starts on demand and stops with its last user. Locks of the operating system tell who owns and who uses it,
so that a killed process of either kind leaves nothing behind: see `loaders.embedded_child` for the files.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kg.errors import StoreError
from loaders.embedded_child import DATABASE, LOCK, QUERY_LIMIT, READER, SECRETS, USERS, WRITER, WRITTEN

START_TIME = 60.0  # seconds that an engine may take to start; 2 to 4 are usual


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Bolt server is. `auth` and `read_auth` are (user, password), or None for a server without passwords."""

    uri: str
    database: str | None
    auth: tuple[str, str] | None
    read_auth: tuple[str, str] | None


class EmbeddedEngine:
    """The engine of one folder.

    It lives at least as long as this object is open, unless a query has to be ended by force; `address` starts it
    again then. Nothing that was acknowledged is lost.
    """

    ours = True
    query_limit = float(QUERY_LIMIT)
    grace = 2.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"the embedded engine in {folder}"
        self.help = f"try again; {self._log} says what happened to it"
        self._users: IO[str] | None = None

    def address(self) -> Address:
        """Where the engine answers; starts it when it does not run. Raises StoreError when it cannot start."""
        try:
            self._use()
            port = (self._running() or self._start())["port"]
            passwords = json.loads((self.folder / SECRETS).read_text())
        except OSError as error:
            raise StoreError(f"{self.name} cannot use its folder: {error}") from None
        writer, reader = ((user, passwords[user]) for user in (WRITER, READER))
        return Address(f"bolt://127.0.0.1:{port}", DATABASE, writer, reader)

    def kill(self) -> None:
        """Ends the engine at once, for everybody who uses it; the next call of `address` starts a new one.

        Raises StoreError for one that does not end.
        """
        if owner := self._owner():
            with suppress(ProcessLookupError):
                os.kill(owner["pid"], signal.SIGKILL)
            deadline = time.monotonic() + START_TIME
            while self._owner() == owner:
                if time.monotonic() > deadline:
                    raise StoreError(f"{self.name} does not end: see {self._log}")
                time.sleep(0.01)

    def is_running(self) -> bool:
        """Whether the engine answers."""
        return self._running() is not None

    def is_stale(self) -> bool:
        return False

    def written(self) -> None:
        """Says to those who have copies of the graph that a load or a withdrawal is complete."""
        (self.folder / WRITTEN).touch()

    def close(self) -> None:
        """Stops using the engine; it ends soon after when nobody else uses it."""
        if self._users is not None:
            self._users.close()
            self._users = None

    def _use(self) -> None:
        """Says that this object uses the engine, as long as it is open."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._users is None:
            self._users = open(self.folder / USERS, "a")  # noqa: SIM115  (held until close)
            fcntl.flock(self._users, fcntl.LOCK_SH)  # waits for an engine that is just stopping

    def _owner(self) -> dict[str, int] | None:
        """{"port", "pid"} of the engine that owns the folder, or None when there is none, or none that is ready."""
        try:
            with open(self.folder / LOCK) as lock:
                found: dict[str, int] | None = None if is_free(lock) else json.loads(lock.read())
                return found
        except (FileNotFoundError, ValueError):
            return None  # no engine yet; or it is starting and the text is not whole

    def _running(self) -> dict[str, int] | None:
        """{"port", "pid"} of the engine that runs and answers, or None."""
        found = self._owner()
        try:
            if found:
                socket.create_connection(("127.0.0.1", found["port"]), timeout=5).close()
        except OSError:
            return None  # it is ending, or the text is what the last one left
        return found

    def _start(self) -> dict[str, int]:
        """Starts a child, or waits for one that another process is starting."""
        deadline = time.monotonic() + START_TIME
        child: subprocess.Popen[bytes] | None = None
        while time.monotonic() < deadline:
            if found := self._running():
                return found
            if child is None or child.poll() == 0:  # 0: another process owns the folder, or has just ended
                child = self._spawn() if self.is_unowned() else child
            elif child.poll():
                raise StoreError(f"{self.name} does not start: {self._last_words()} (see {self._log})")
            time.sleep(0.05)
        raise StoreError(f"{self.name} did not answer within {START_TIME:.0f} s: see {self._log}")

    def is_unowned(self) -> bool:
        """Whether no engine, ready or not, has the folder."""
        with open(self.folder / LOCK, "a") as lock:
            return is_free(lock)

    def _spawn(self) -> subprocess.Popen[bytes]:
        """A child in a session of its own, so that Ctrl-C at the terminal does not reach it."""
        with open(self._log, "wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "loaders.embedded_child", str(self.folder.resolve())],
                cwd=Path(__file__).parents[1], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        threading.Thread(target=child.wait, daemon=True).start()  # collects it whenever it ends
        return child

    @property
    def _log(self) -> Path:
        return self.folder / "engine.log"

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.startswith("FAILED")), "its process ended")


def is_free(lock: IO[str], how: int = fcntl.LOCK_SH) -> bool:
    """Whether the lock can be had, shared or else as `how` says; holds it for an instant to see."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_UN)
        return True
    except BlockingIOError:
        return False
