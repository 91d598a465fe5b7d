"""A run on disk: its manifest and one file a stage.

A stage's files are written to `.part` and renamed, then the manifest says that the stage is done. A stage whose key
is unchanged is read back instead of made again. `generations` is a journal: every answer is on disk as it comes.
"""

import fcntl
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kg.errors import RunError
from kg.records import digest
from kg.schemas import complete

ROW_GROUP = 20_000  # rows held in memory while a Parquet file is written
_PACKAGES = ("distilkg", "pyarrow", "spacy", "torch", "transformers", "rdflib", "pyoxigraph", "neo4j")
Progress = Callable[[str, int, int | None], None]


def silent(stage: str, done: int, total: int | None) -> None:
    """A Progress that shows nothing."""


class Run:
    """The folder of one run. `manifest` is what manifest.json says."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest

    @property
    def id(self) -> str:
        """Name of the run, from what it was made of: the same wherever its folder is."""
        return str(self.manifest["run_id"])

    @property
    def earlier_ids(self) -> list[str]:
        """The ids that the run in this folder had before, oldest first: what it was made of has changed since."""
        return [str(i) for i in self.manifest.get("earlier_ids", [])]

    @classmethod
    def create(cls, path: Path, run_id: str, recipe: Mapping[str, Any], seed: int = 0) -> "Run":
        """Opens the run at `path` for (re)building `recipe`, making the folder if it is missing."""
        path.mkdir(parents=True, exist_ok=True)
        old = _read_manifest(path) if (path / "manifest.json").exists() else {}
        manifest = {
            "format": 1,
            "run_id": run_id,
            "recipe": dict(recipe),
            "recipe_hash": digest(json.dumps(recipe, ensure_ascii=True)),
            "earlier_ids": _earlier_ids(old, run_id),
            "seed": seed,
            "versions": {"python": platform.python_version(), **_versions()},
            "stages": old.get("stages", {}),
        }
        run = cls(path, manifest)
        run._save()
        return run

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Opens an existing run for reading. Raises RunError with what to do."""
        if not (path / "manifest.json").is_file():
            raise RunError(f"{path} is no run: it has no manifest.json (make one with `kg build` or `kg import`)")
        return cls(path, _read_manifest(path))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for writing. Raises RunError when another process builds it."""
        with open(self.path / ".lock", "w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(
                    f"{self.path} is being written by another process: wait for it, or give another --out"
                ) from None
            yield

    def stage(self, name: str) -> dict[str, Any] | None:
        """What the manifest says of a finished stage, or None."""
        found: dict[str, Any] | None = self.manifest["stages"].get(name)
        return found

    def require(self, name: str) -> Path:
        """Path of the main file of a finished stage. Raises RunError when it is not there."""
        stage = self.stage(name)
        if stage is None:
            raise RunError(f"{self.path} has no {name} yet: finish it with `kg build`")
        path = self.path / str(next(iter(stage["sha256"])))
        if not path.is_file():
            raise RunError(f"{path} is missing although the manifest lists it: build the run again")
        return path

    def is_done(self, name: str, key: str) -> bool:
        """Whether the stage was finished with this key and its files are still there."""
        stage = self.stage(name)
        return (
            stage is not None
            and stage["key"] == key
            and all((self.path / file).is_file() for file in stage["sha256"])
        )

    def digest(self, *names: str) -> str:
        """BLAKE2b over the sha256 of all files of the named stages, in order."""
        return digest(*(sha for n in names for sha in self.manifest["stages"][n]["sha256"].values()))

    def finish(self, name: str, key: str, files: list[str], rows: int, started: float, **facts: Any) -> None:
        """Renames the `.part` files and then writes into the manifest that the stage is done.

        The entries of later stages stay: their keys hold the digest of what they were made from.
        """
        sha = {file: sha256(self.part(file)) for file in files}
        for file in files:
            os.replace(self.part(file), self.path / file)
        self.manifest["stages"][name] = {
            "key": key, "sha256": sha, "rows": rows, "seconds": round(time.monotonic() - started, 3), **facts,
        }
        self._save()

    def part(self, file: str) -> Path:
        """Where `file` is written until its stage is done."""
        return self.path / f"{file}.part"

    def _save(self) -> None:
        write_atomically(self.path / "manifest.json", json.dumps(self.manifest, indent=2, ensure_ascii=True) + "\n")


def write_atomically(path: Path, text: str) -> None:
    """Replaces the file in one step; a killed process leaves the old one or the new one."""
    part = path.with_name(path.name + ".part")
    with open(part, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(part, path)


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Writes a JSONL file; returns the number of lines."""
    count = 0
    with open(path, "w", encoding="utf-8", newline="\n") as handle:
        for line in lines:
            handle.write(line + "\n")
            count += 1
    return count


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file, streaming."""
    with open(path, encoding="utf-8", newline="\n") as handle:
        for line in handle:
            yield json.loads(line)


class Journal:
    """A JSONL file that grows by whole lines, each found again by a key; memory grows by about 150 bytes a line.

    A last line that was cut off by a kill is removed when the file is opened. Of two lines with one key the
    first counts.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self._key = key
        self._offsets: dict[str, int] = {}
        self._handle = open(path, "a+b")  # noqa: SIM115  (closed by close)
        self._end = 0
        self._handle.seek(0)
        for line in self._handle:
            if not line.endswith(b"\n"):
                break
            self._offsets.setdefault(json.loads(line)[key], self._end)
            self._end += len(line)
        self._handle.truncate(self._end)

    def __contains__(self, key: str) -> bool:
        return key in self._offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def append(self, key: str, line: str) -> None:
        """Writes a line (JSON without the newline); it is with the system when this returns."""
        raw = line.encode() + b"\n"
        self._handle.write(raw)
        self._handle.flush()
        self._offsets.setdefault(key, self._end)
        self._end += len(raw)

    def __getitem__(self, key: str) -> dict[str, Any]:
        self._handle.seek(self._offsets[key])
        found: dict[str, Any] = json.loads(self._handle.readline())
        return found

    def close(self) -> None:
        self._handle.close()


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a JSONL file that may still be written, or may end in half a line, or may not be there."""
    if not path.exists():
        return
    with open(path, "rb") as handle:
        for line in handle:
            if line.endswith(b"\n"):
                yield json.loads(line)


def write_parquet(path: Path, schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes rows under a declared schema, `ROW_GROUP` at a time; returns how many."""
    count = 0
    iterator = iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while chunk := list(islice(iterator, ROW_GROUP)):
            writer.write_batch(pa.RecordBatch.from_pylist(chunk, schema=schema))
            count += len(chunk)
    return count


def read_parquet(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, streaming by row group; columns that an earlier version did not write are null."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROW_GROUP, columns=columns):
            yield from complete(batch, path.name, columns).to_pylist()


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        manifest["run_id"], manifest["stages"]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}/manifest.json is damaged ({error}): build the run again in a new folder") from None
    return manifest


def _earlier_ids(old: Mapping[str, Any], run_id: str) -> list[str]:
    known = dict.fromkeys([*old.get("earlier_ids", []), *([old["run_id"]] if old else [])])
    return [i for i in known if i != run_id]


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes in hexadecimal."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
