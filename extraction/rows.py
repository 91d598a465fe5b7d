"""Files of texts: rows of JSONL with a prompt, or plain lines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kg.errors import InputError
from kg.records import Answer, Generation, Prompt


def text_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file (see `answer_rows`), or {"id": line number, "text"} for each line of any other file.

    A file is JSONL when its name ends in .jsonl or its first line begins with "{".
    """
    try:
        with open(path, "rb") as handle:
            is_jsonl = path.suffix == ".jsonl" or handle.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if is_jsonl:
        yield from answer_rows(path)
        return
    for number, line in _lines(path):
        if line.strip():
            yield {"id": number, "text": line.rstrip("\r\n")}


def answer_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows {"id", "prompt", "head", "relation", "text"} of a JSONL file, of which all but `text` may be missing.

    Raises InputError with the line of a bad row.
    """
    for number, row in json_lines(path):
        yield check_row(row, f"{path} line {number}")


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """(line number, value) for each line that is not empty. Raises InputError for a line that is no JSON."""
    for number, line in _lines(path):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path} line {number}: not JSON ({error})") from None


def check_row(row: Any, where: str) -> dict[str, Any]:
    """The row, if it is one to extract from. Raises InputError that begins with `where`."""
    if not isinstance(row, dict):
        raise InputError(f'{where}: not an object; each line must be {{"id", "prompt", "head", "text"}}')
    if not isinstance(row.get("text"), str):
        raise InputError(f'{where}: "text" is missing or no string')
    for key in ("prompt", "head", "relation"):
        if not isinstance(row.get(key), str | None):
            raise InputError(f'{where}: "{key}" must be a string or null')
    return row


def answer_of(row: dict[str, Any]) -> Answer:
    """A row as a prompt with its answer."""
    prompt = Prompt(row.get("head") or "", row.get("relation") or "", "", row.get("prompt") or "")
    return Answer(prompt, Generation(prompt.id, "", row["text"]))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with open(path, "rb") as handle:
            for number, raw in enumerate(handle, 1):
                try:
                    yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise InputError(f"{path} line {number}: not UTF-8") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
