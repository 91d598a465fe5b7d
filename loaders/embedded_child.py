"""The process that holds the embedded Cypher engine: `python -m loaders.embedded_child FOLDER`.

It owns the folder while it lives, tells its port and process id in the lock file, and stops by itself when no process
uses it any more. Every setting answers a measured fault: without `queryMaxConcurrent=-1` runaway queries use up all
slots for good, a sleeping function cannot be stopped, and settings in the server's own configuration are ignored. The
serial collector keeps to the memory that it has; Java's own choice took 130 MB more after ten minutes of small queries.
"""

import base64
import fcntl
import hashlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

LOCK = "engine.lock"  # held by the one engine of a folder; its text is {"port", "pid"} once it answers
USERS = "users.lock"  # held, shared, by every process that uses the engine
SECRETS = "secrets.json"  # {user: password}, readable by its owner alone
WRITTEN = "written"  # touched when a load is complete
WANTED = "backup.wanted"  # made by who wants a copy of the graph: the engine answers with backup.zip
DATABASE = "kg"
DATA = Path("engine") / "databases" / DATABASE  # files of the graph, in the folder
WRITER, READER = "root", "reader"
QUERY_LIMIT = 600  # seconds after which the engine itself stops a query, whatever became of who asked
LINGER = 5.0  # seconds that the engine outlives its last user
GRACE = 10  # seconds for closing files in order; what was acknowledged is on disk anyway

_JVM = "-Xmx512m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Darcadedb.queryMaxConcurrent=-1"
_SETTINGS = {
    "command.timeout": QUERY_LIMIT * 1000,
    "txWalFlush": 2,  # fsync at every commit
    "queryMaxRangeSize": 100_000,
    "opencypher.loadCsv.allowFileUrls": "false",
    "opencypher.loadCsv.allowRemoteUrls": "false",
}
_ALL = ["createRecord", "readRecord", "updateRecord", "deleteRecord"]
_ADMIN = ["updateSecurity", "updateSchema", "updateDatabaseSettings"]


def main(folder: Path) -> None:
    """Owns `folder` and runs its engine until nobody uses it; returns at once when another process owns it."""
    os.umask(0o077)
    with open(folder / LOCK, "a+") as lock:
        if not _own(lock):
            return
        lock.truncate(0)
        home = folder / "engine"
        (home / "config").mkdir(parents=True, exist_ok=True)
        os.chdir(home)  # the engine writes its log beside its data
        _write_users(home / "config", _passwords(folder / SECRETS))
        server, database, port = _start(home)
        json.dump({"port": port, "pid": os.getpid()}, lock)
        lock.flush()
        with open(folder / USERS, "a") as users:
            _wait_until_unused(users, lambda: _back_up(database, folder))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(GRACE)  # a query that cannot be stopped would hold the process for ever
            server.stop()


def _own(lock: IO[str]) -> bool:
    """Takes the folder's lock. Others hold it for an instant when they look whether an engine runs."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            time.sleep(0.02)
    return False


def _passwords(path: Path) -> dict[str, str]:
    """The passwords of the folder, made once."""
    try:
        known: dict[str, str] = json.loads(path.read_text())
        if {WRITER, READER} <= known.keys():
            return known
    except (OSError, ValueError):
        pass  # none yet, or a damaged file: make new ones
    made = {user: secrets.token_urlsafe(24) for user in (WRITER, READER)}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(made))
    os.replace(part, path)
    return made


def _write_users(config: Path, passwords: dict[str, str]) -> None:
    """Writes who may do what. The reader's group lets it read records and nothing else."""
    users = [
        {"name": WRITER, "databases": {"*": ["admin"]}, "password": _hashed(passwords[WRITER])},
        {"name": READER, "databases": {DATABASE: ["reader"]}, "password": _hashed(passwords[READER])},
    ]
    groups = {"admin": _group(_ADMIN, _ALL), "reader": _group([], ["readRecord"]), "*": _group([], [])}
    (config / "server-users.jsonl").write_text("".join(json.dumps(user) + "\n" for user in users))
    (config / "server-groups.json").write_text(json.dumps({"databases": {"*": {"groups": groups}}, "version": 1}))


def _group(access: list[str], records: list[str]) -> dict[str, Any]:
    # A result limit here would cut answers off without a word.
    return {"access": access, "types": {"*": {"access": records}}, "resultSetLimit": -1, "readTimeout": -1}


def _hashed(password: str) -> str:
    """The password as the engine stores it; the salt is its base64 text."""
    salt = base64.b64encode(secrets.token_bytes(32))
    key = base64.b64encode(hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 65536))
    return f"PBKDF2WithHmacSHA256$65536${salt.decode()}${key.decode()}"


def _start(home: Path) -> tuple[Any, Any, int]:
    """(server, database, Bolt port): starts the engine on ports of the system's choice, on loopback alone."""
    os.environ["ARCADEDB_JVM_ARGS"] = _JVM
    os.environ["ARCADEDB_JVM_ERROR_FILE"] = str(home / "crash-%p.log")
    import arcadedb_embedded
    import jpype

    server = arcadedb_embedded.create_server(str(home), config={
        "host": "127.0.0.1", "http_port": 0, "bolt_port": 0,
        "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
    })
    server.start()
    database = server.create_database(DATABASE)  # opens the one that is there
    for key, value in _SETTINGS.items():
        database.command("sql", f"ALTER DATABASE `arcadedb.{key}` {value}")
    for registry in ("FunctionRegistry", "CypherFunctionRegistry"):
        jpype.JClass(f"com.arcadedb.function.{registry}").unregister("util.sleep")
    plugins = server._java_server.getPlugins()
    return server, database, next(int(p.getPort()) for p in plugins if "Bolt" in str(p.getName()))


def _back_up(database: Any, folder: Path) -> None:
    """Writes the graph as it stands between two transactions to a zip file, when somebody wants it."""
    wanted = folder / WANTED
    if not wanted.exists():
        return
    wanted.unlink()
    try:
        database.command("sql", "BACKUP DATABASE file://backup.zip")
        os.replace(folder / "engine" / "backups" / DATABASE / "backup.zip", wanted.with_suffix(".zip"))
    except Exception as error:  # a full disk, say, is no reason to end the engine for all
        print(f"no backup: {error}", file=sys.stderr, flush=True)


def _wait_until_unused(users: IO[str], work: Callable[[], None]) -> None:
    """Does `work` over and over until nobody has held the users' lock for a while, or the folder is gone; keeps the
    lock then.

    Whoever comes now waits for the lock, which the end of this process frees, and then starts a new engine.
    """
    last = time.monotonic()
    while os.fstat(users.fileno()).st_nlink:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.monotonic() - last > LINGER:
                return
            fcntl.flock(users, fcntl.LOCK_UN)
        except OSError:
            last = time.monotonic()
        work()
        time.sleep(0.25)


if __name__ == "__main__":
    status = 1
    try:
        main(Path(sys.argv[1]))
        status = 0
    except Exception as error:
        print(f"FAILED: {error}", file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(status)  # an orderly exit of a process with a Java machine in it may crash
