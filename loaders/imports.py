"""Files of triples into a run: ATOMIC 2019 and 2020, symbolic knowledge distillation, plain TSV, and our own RDF.

Everything is read and checked before anything is written.
"""

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from kg.errors import InputError, UnknownNameError
from kg.graph import FILES, GraphBuilder
from kg.ontology import Ontology
from kg.pipeline import GRAPH_VERSION
from kg.records import Triple, digest
from kg.run import Progress, Run, sha256, silent
from loaders.tsv import decode

LONGEST_LINE = 16 << 20  # bytes
_STEP = 2000  # rows between two reports of progress
_BOM = b"\xef\xbb\xbf"
_HEADER = ("head", "relation", "tail")


class Row(NamedTuple):
    """One triple of a file; `relation` may be a denial. `line` counts from 1."""

    line: int
    head: str
    relation: str
    tail: str
    score: float | None = None


Lines = Iterator[tuple[int, str]]
Reader = Callable[[Lines], Iterator[Row]]


class _BadRowError(Exception):
    """What is wrong with a line; the file is added where it is known."""


def import_files(
    paths: Sequence[Path], format: str, run: Run, ontology: Ontology, progress: Progress = silent
) -> dict[str, int]:
    """Reads files of one format into the graph of `run`.

    Each row is a source of its triple: rule `import:<format>:<file name>` and its line. RDF brings its own sources.
    Returns {"rows", "nodes", "edges", "provenance", "empty"}; `empty` counts rows without a head or a tail, which say
    nothing. Raises InputError that names file and line, and UnknownNameError for the format; then the run is as it was.
    """
    if format not in (known := [*FORMATS, "rdf"]):
        raise UnknownNameError("format", format, known)
    names = _names(paths)
    sources = [{"file": name, "sha256": _sha256(path)} for name, path in zip(names, paths, strict=True)]
    key = digest(
        "import", format, GRAPH_VERSION, run.id, repr(list(ontology)), *(part for s in sources for part in s.values())
    )
    with run.lock():
        if not run.is_done("graph", key):
            started = time.monotonic()
            if format == "rdf":
                from loaders.rdf_import import import_rdf

                counts = import_rdf(paths, run, ontology, progress)
            else:
                rules = [f"import:{format}:{name}" for name in names]
                counts = _import_rows(paths, rules, FORMATS[format], run, ontology, progress)
            run.finish("graph", key, FILES, counts["edges"], started, counts=counts, source=sources)
    return dict((run.stage("graph") or {})["counts"])


def _import_rows(
    paths: Sequence[Path], rules: Sequence[str], reader: Reader, run: Run, ontology: Ontology, progress: Progress
) -> dict[str, int]:
    builder = GraphBuilder(ontology)
    rows = {"rows": 0, "empty": 0}
    for path, rule in zip(paths, rules, strict=True):
        _add_file(builder, path, rule, reader, ontology, rows, progress)
    return {"rows": rows["rows"], **builder.write(run), "empty": rows["empty"]}


def _add_file(
    builder: GraphBuilder, path: Path, rule: str, reader: Reader, ontology: Ontology, count: dict[str, int],
    progress: Progress,
) -> None:
    known: dict[str, tuple[str, bool]] = {}
    read = 0
    try:
        for line, head, name, tail, score in reader(_lines(path)):
            read += 1
            if name not in known:
                known[name] = _resolve(ontology, name, line)
            relation, negated = known[name]
            if head.strip() and tail.strip():
                builder.add(Triple(head, relation, tail, negated), "", rule, line, line, score)
            else:
                count["empty"] += 1
            if read % _STEP == 0:
                progress("import", count["rows"] + read, None)
    except _BadRowError as fault:
        raise InputError(f"{path}, {fault}") from None
    if not read:
        raise InputError(f"{path} holds no triples: it is empty")
    count["rows"] += read
    progress("import", count["rows"], None)


def _resolve(ontology: Ontology, name: str, line: int) -> tuple[str, bool]:
    try:
        relation, negated = ontology.resolve(name)
    except UnknownNameError as error:
        raise _BadRowError(f"line {line}: {error}") from None
    return relation.name, negated


def _read_columns(lines: Lines) -> Iterator[Row]:
    """Three columns, verbatim: the layout of ATOMIC 2019 and 2020."""
    for number, text in lines:
        fields = text.split("\t")
        if len(fields) != 3:
            raise _BadRowError(
                f"line {number}: {len(fields)} columns where head, relation and tail are 3, with a tab between them"
            )
        if number == 1 and tuple(f.strip().lower() for f in fields) == _HEADER:
            continue
        yield Row(number, fields[0], fields[1], fields[2])


def _read_tsv(lines: Lines) -> Iterator[Row]:
    """Three columns as `kg export --format tsv` writes them."""
    for number, head, relation, tail, _ in _read_columns(lines):
        yield Row(number, decode(head), relation, decode(tail))


def _read_skd(lines: Lines) -> Iterator[Row]:
    """JSONL of symbolic knowledge distillation (West et al., NAACL 2022); the score is `p_valid_model`."""
    for number, text in lines:
        try:
            record = json.loads(text)
            head, relation, tail = (record[column] for column in _HEADER)
        except (ValueError, RecursionError) as error:
            raise _BadRowError(f"line {number}: not JSON: {error}") from None
        except (TypeError, KeyError, IndexError):
            raise _BadRowError(f"line {number}: not an object with head, relation and tail") from None
        for column, value in zip(_HEADER, (head, relation, tail), strict=True):
            _check_text(number, column, value)
        yield Row(number, head, relation, tail, _score(number, record.get("p_valid_model")))


def _check_text(number: int, column: str, value: Any) -> None:
    if not isinstance(value, str):
        raise _BadRowError(f"line {number}: {column} is no text but {str(value)[:40]!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _BadRowError(f"line {number}: {column} holds half a surrogate pair, which no store can hold") from None


def _score(number: int, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _BadRowError(f"line {number}: p_valid_model is {str(value)[:40]!r} and not a number from 0 to 1")
    return float(value)


FORMATS: dict[str, Reader] = {
    "atomic2019": _read_columns, "atomic2020": _read_columns, "skd": _read_skd, "tsv": _read_tsv,
}


def _lines(path: Path) -> Lines:
    """The lines that are not empty, with their numbers, without line ends and byte order mark."""
    with open_packed(path) as handle:
        number = 0
        try:
            while raw := handle.readline(LONGEST_LINE):
                number += 1
                if text := _text(raw.removeprefix(_BOM) if number == 1 else raw, number).rstrip("\r\n"):
                    yield number, text
        except (OSError, EOFError, zlib.error) as error:
            raise _BadRowError(f"after line {number}: it cannot be read on: {error}") from None


def _text(raw: bytes, number: int) -> str:
    if b"\0" in raw:
        raise _BadRowError(f"line {number}: a NUL byte: this is no UTF-8 text file")
    if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
        raise _BadRowError(f"line {number}: longer than {LONGEST_LINE >> 20} MiB: this is no file of triples")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _BadRowError(
            f"line {number}: byte {error.start + 1} is not UTF-8 ({error.reason}): convert the file, "
            "for example with `iconv -f latin1 -t utf-8`"
        ) from None


def open_packed(path: Path) -> IO[bytes]:
    """Opens a file, packed by gzip or not."""
    with open(path, "rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else open(path, "rb")


def _names(paths: Sequence[Path]) -> list[str]:
    """What the files are called in the provenance: their names, or their whole paths where two names are equal."""
    if not paths:
        raise InputError("no file to import")
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path}: " + ("a folder: name its files" if path.is_dir() else "no such file"))
    try:
        return sha256(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from None
