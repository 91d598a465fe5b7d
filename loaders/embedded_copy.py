"""A disposable copy of the embedded engine, for the queries of people nobody knows.

Whatever such a query does to the engine that runs it, the copy is thrown away and made again: the graph itself is
never in the same process. A copy that was made before the last complete load is replaced when it is next asked.
"""

import fcntl
import shutil
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from kg.errors import StoreError
from loaders.embedded import START_TIME, Address, EmbeddedEngine, is_free
from loaders.embedded_child import DATA, LOCK, USERS, WANTED, WRITTEN

_PREFIX = "copy-"


class EngineCopy(EmbeddedEngine):
    """An engine of its own over a copy of the graph in the folder `source`. What is written to it is lost."""

    grace = 0.5

    def __init__(self, source: Path) -> None:
        super().__init__(source / f"{_PREFIX}{uuid4().hex[:8]}")
        self.name = f"the embedded engine for {source}"
        self._source = source
        self._copied: int | None = None

    def address(self) -> Address:
        """Where the copy answers; makes and starts it when there is none, or only an old one. Raises StoreError."""
        if self._copied is None or self.is_stale():
            self._throw_away()
            try:
                self._copied = _stamp(self._source)
                self._use()
                _remove_abandoned(self._source, self.folder)
                _copy(self._source, self.folder / DATA)
            except (OSError, zipfile.BadZipFile) as error:
                raise StoreError(f"{self.name} cannot be copied: {error}") from None
        return super().address()

    def is_stale(self) -> bool:
        return self._copied is not None and self._copied != _stamp(self._source)

    def close(self) -> None:
        """Ends the engine and removes the copy."""
        self._throw_away()

    def _throw_away(self) -> None:
        if self.folder.exists():
            self.kill()
            super().close()
            shutil.rmtree(self.folder, ignore_errors=True)


def _stamp(source: Path) -> int:
    """When the last load of the graph was complete, in ns; 0 when none was."""
    try:
        return (source / WRITTEN).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _copy(source: Path, target: Path) -> None:
    """Copies the graph's files while no engine has them open, or else lets the engine that has copy them."""
    engine = EmbeddedEngine(source)
    deadline = time.monotonic() + START_TIME
    with open(source / LOCK, "a") as lock:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if engine.is_running() and _take_backup(source, target, deadline):
                    return
                time.sleep(0.05)
                continue
            if (source / DATA).exists():
                shutil.copytree(source / DATA, target)
            return
    raise StoreError(f"{engine.name} did not let itself be copied within {START_TIME:.0f} s: see {source}/engine.log")


def _take_backup(source: Path, target: Path, deadline: float) -> bool:
    """Asks the running engine for a backup and unpacks it; False when it ended meanwhile, or time is up."""
    wanted, backup = source / WANTED, (source / WANTED).with_suffix(".zip")
    with open(source / f"{WANTED}.lock", "a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        backup.unlink(missing_ok=True)
        wanted.touch()
        with open(source / LOCK) as lock:
            while not backup.exists():
                if is_free(lock) or time.monotonic() > deadline:
                    wanted.unlink(missing_ok=True)
                    return False
                time.sleep(0.02)
        with zipfile.ZipFile(backup) as archive:
            archive.extractall(target)
        backup.unlink()
    return True


def _remove_abandoned(source: Path, own: Path) -> None:
    """Removes copies whose users and engines were killed."""
    for folder in source.glob(f"{_PREFIX}*"):
        with suppress(OSError), open(folder / USERS) as users, open(folder / LOCK, "a") as lock:
            if folder != own and is_free(users, fcntl.LOCK_EX) and is_free(lock):
                shutil.rmtree(folder, ignore_errors=True)
