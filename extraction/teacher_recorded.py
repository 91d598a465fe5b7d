"""Answers that were recorded before: a teacher, and the source of its own prompts, over a JSONL or CSV file."""

import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, cast

from kg.errors import InputError, TeacherError, UnknownNameError
from kg.ontology import Ontology
from kg.pipeline import Head
from kg.recipe import Section
from kg.records import Answer, Generation, Prompt, digest

ANSWER_COLUMNS = ("raw_answer", "answer", "text", "generation", "completion", "response")
_LONGEST_LINE = 256 * 1024 * 1024  # bytes; a longer one is no row but a file of another kind
_FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
_BOM = b"\xef\xbb\xbf"

Line = tuple[int, str]
Row = tuple[int, dict[str, Any]]


class Columns(Section):
    """The file's names for our fields, empty for the usual ones. Only the answer must be in the file."""

    prompt: str = ""
    head: str = ""
    relation: str = ""
    answer: str = ""


class Recorded(NamedTuple):
    """A prompt and the answer that the file holds for it, with the reason why it is not used, if any."""

    prompt: Prompt
    answer: str
    reason: str


class RecordedTeacher:
    """Answers prompts from a file of recorded answers; `source` lists the prompts that it answers.

    Rows that repeat a prompt (with head and relation) and its answer are one; the same prompt with another answer is
    its next `sample`. Each pass reads the file anew and holds no text: memory grows by about 250 bytes for each
    distinct prompt and answer.
    """

    class Options(Section):
        """`file` is JSONL, CSV or TSV in UTF-8, perhaps compressed by gzip.

        `format` auto goes by the file's name, or else by its first character. Rows whose relation the ontology lacks
        are left out, and counted with the dropped heads, or are an error.
        """

        file: str
        format: Literal["auto", "jsonl", "csv", "tsv"] = "auto"
        columns: Columns = Columns()
        unknown_relations: Literal["skip", "error"] = "skip"

    batch_size: int | None = None

    def __init__(self, options: Options, ontology: Ontology) -> None:
        """Reads the file once for its digest, and its first row. Raises InputError."""
        self._path = Path(options.file)
        self.ontology = ontology
        self.options = options
        self._format: str = options.format
        sha = self._sha256()
        self.name = f"recorded:{self._path.name}"
        self.version = digest("recorded 1", sha, options.format, *options.columns.model_dump().values())
        if self._format == "auto":
            self._format = self._guess_format()
        first = next(self._rows(), None)
        if first is None:
            raise InputError(f"{self._path} has no rows: give a file with at least one answer")
        self._columns = self._choose(options.columns, list(first[1]))

    def generate(self, prompts: Sequence[Prompt]) -> Generator[Generation]:
        """The recorded answers, in the order of the file. Raises InputError; TeacherError for prompts without one."""
        wanted = {p.id for p in prompts}
        for prompt, answer, _ in self.recorded():
            if not wanted:
                return
            if prompt.id in wanted:
                wanted.discard(prompt.id)
                yield Generation(prompt.id, self.name, answer)
        if wanted:
            text = next(p.text for p in prompts if p.id in wanted)
            raise TeacherError(
                f"{self._path} has no answer for {len(wanted)} of {len(prompts)} prompts, such as {text[:80]!r}: "
                "build without prompts of your own, or add the answers to the file"
            )

    def source(self) -> "RecordedSource":
        """The prompts that the file answers."""
        return RecordedSource(self)

    def recorded(self) -> Iterator[Recorded]:
        """The distinct prompts and answers in the order of the file, streaming. Raises InputError with the line."""
        samples: dict[bytes, int] = {}
        seen: set[bytes] = set()
        reasons: dict[str, str] = {"": ""}
        for number, row in self._rows():
            text, head, relation, answer = (self._text(field, row, number) for field in Columns.model_fields)
            if relation not in reasons:
                reasons[relation] = self._reason(relation, number)
            pair = bytes.fromhex(digest(text, head, relation, answer))
            if pair in seen:
                continue
            seen.add(pair)
            question = bytes.fromhex(digest(text, head, relation))
            sample = samples.get(question, 0)
            samples[question] = sample + 1
            yield Recorded(Prompt(head, relation, "recorded", text, sample=sample), answer, reasons[relation])

    def _text(self, field: str, row: dict[str, Any], number: int) -> str:
        column = self._columns[field]
        value = row.get(column)
        if isinstance(value, str):
            return value
        if value is None and field != "answer":
            return ""
        what = "is missing" if value is None else f"is no text: {str(value)[:40]}"
        raise InputError(f"{self._path}, line {number}: the {field} (column {column!r}) {what}")

    def _reason(self, relation: str, number: int) -> str:
        """Why rows of `relation` are left out; empty for one of the ontology."""
        try:
            self.ontology.resolve(relation)
        except UnknownNameError as error:
            if self.options.unknown_relations == "error":
                raise InputError(f"{self._path}, line {number}: {error} (ontology {self.ontology.name})") from None
            return f"relation {relation!r} is not in the ontology {self.ontology.name}"
        return ""

    def _choose(self, given: Columns, names: list[str]) -> dict[str, str]:
        """Our fields with the columns that hold them, by the recipe or else by the usual names."""
        there = f"its columns are {', '.join(names[:50])}"
        chosen: dict[str, str] = given.model_dump()
        for field, column in chosen.items():
            if column and column not in names:
                raise InputError(f"{self._path} has no column {column!r} (teacher.columns.{field}): {there}")
            chosen[field] = column or field
        if not given.answer:
            usual = [name for name in ANSWER_COLUMNS if name in names]
            if not usual:
                raise InputError(f"{self._path}: name the column of answers in teacher.columns.answer: {there}")
            chosen["answer"] = usual[0]
        return chosen

    def _rows(self) -> Iterator[Row]:
        with self._open() as handle:
            lines = self._lines(handle)
            yield from self._json_rows(lines) if self._format == "jsonl" else self._csv_rows(lines)

    def _json_rows(self, lines: Iterator[Line]) -> Iterator[Row]:
        for number, line in lines:
            if not line.strip():
                continue
            try:
                row = json.loads(line, strict=False)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{self._path}, line {number}: no whole JSON object: {str(error)[:80]}") from None
            if not isinstance(row, dict):
                raise InputError(f"{self._path}, line {number}: a JSON object is needed on each line")
            yield number, row

    def _csv_rows(self, lines: Iterator[Line]) -> Iterator[Row]:
        csv.field_size_limit(_LONGEST_LINE)
        delimiter = "\t" if self._format == "tsv" else ","
        reader = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
            if len(set(header)) < len(header):
                raise InputError(f"{self._path}: two columns have the same name in its first line")
            for row in reader:
                if row and len(row) != len(header):
                    where = f"{self._path}, line {reader.line_num}"
                    raise InputError(f"{where}: {len(row)} fields where the first line has {len(header)}")
                if row:
                    yield reader.line_num, dict(zip(header, row, strict=True))
        except csv.Error as error:
            raise InputError(f"{self._path}, line {reader.line_num}: {error}") from None

    def _lines(self, handle: IO[bytes]) -> Iterator[Line]:
        """The numbered lines with their ends. Raises InputError for one that is not UTF-8 or far too long."""
        number = 0
        while raw := handle.readline(_LONGEST_LINE):
            number += 1
            if len(raw) == _LONGEST_LINE:
                raise InputError(f"{self._path}, line {number}: longer than {_LONGEST_LINE >> 20} MB")
            try:
                yield number, raw.removeprefix(_BOM if number == 1 else b"").decode("utf-8")
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{self._path}, line {number}: not UTF-8 at its byte {error.start + 1}: save the file as UTF-8"
                ) from None

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        """The bytes of the file, uncompressed. What the system says against it becomes an InputError."""
        try:
            with open(self._path, "rb") as handle:
                packed = handle.read(2) == b"\x1f\x8b"
                handle.seek(0)
                if not packed:
                    yield handle
                    return
                with gzip.open(handle) as unpacked:
                    yield cast(IO[bytes], unpacked)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{self._path}: damaged or cut-off gzip ({error})") from None
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {str(self._path)!r}: {error}") from None

    def _guess_format(self) -> str:
        name = self._path.name.lower().removesuffix(".gz")
        found = next((f for suffix, f in _FORMATS.items() if name.endswith(suffix)), None)
        if found is None:
            with self._open() as handle:
                found = "jsonl" if handle.read(4096).removeprefix(_BOM).lstrip().startswith(b"{") else "csv"
        return found

    def _sha256(self) -> str:
        try:
            with open(self._path, "rb") as handle:
                return hashlib.file_digest(handle, "sha256").hexdigest()
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {str(self._path)!r}: {error} (teacher.file)") from None


class RecordedSource:
    """The prompts of a file of recorded answers, in its order."""

    def __init__(self, teacher: RecordedTeacher) -> None:
        self._teacher = teacher
        self.version = digest(
            teacher.version, teacher.options.unknown_relations, *(f"{r.name} {r.negates}" for r in teacher.ontology)
        )

    def head_prompts(self) -> list[Prompt]:
        """None: the heads are in the file."""
        return []

    def heads(self, answers: Iterable[Answer]) -> Iterator[Head]:  # noqa: ARG002
        """The distinct heads of the file in its order, and that of each row that is left out, with the reason.

        Raises InputError when no row is left.
        """
        used: set[str] = set()
        reason = ""
        for recorded in self._teacher.recorded():
            head, reason = recorded.prompt.head, recorded.reason or reason
            if recorded.reason or head not in used:
                yield Head(head, recorded.reason)
            if not recorded.reason:
                used.add(head)
        if not used:
            known = ", ".join(r.name for r in self._teacher.ontology)
            raise InputError(f"{self._teacher.options.file} has no row to use: {reason}, which has {known}")

    def prompts(self, heads: Iterable[str]) -> Iterator[Prompt]:  # noqa: ARG002
        """The prompts of all rows that are used, in the order of the file."""
        return (recorded.prompt for recorded in self._teacher.recorded() if not recorded.reason)
