"""Triples with people's judgements, and files of triples to be judged."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.errors import InputError
from kg.ontology import Ontology
from kg.records import Triple
from kg.splits import part_of, resolve_relation

FIELDS = ("head", "relation", "tail")
LABELS = ("label", "valid")  # columns that may hold the judgement
_TRUE, _FALSE = ("1", "true", "1.0"), ("0", "false", "0.0")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A triple and whether people find it plausible."""

    triple: Triple
    plausible: bool


def fold_of(head: str, folds: int, seed: int = 0) -> int:
    """The fold of a head; heads of one normal form are always together."""
    return int(part_of(head, {str(i): 1 for i in range(folds)}, seed))


def read_labelled(path: Path, ontology: Ontology) -> list[Labelled]:
    """The judged triples of a CSV, TSV or JSONL file, in order; rows without a judgement are left out.

    The judgement is in `label` or `valid`, as 1 or 0, true or false. A relation may be one that the ontology lacks; the
    prefix `Not` denies. Raises InputError.
    """
    found = []
    for where, row in read_rows(path):
        given = [str(row[name]).strip().lower() for name in LABELS if row.get(name) not in (None, "")]
        if not given:
            continue
        if given[0] not in _TRUE + _FALSE:
            raise InputError(f"{where}: the label must be 1 or 0, true or false, not {given[0]!r}")
        found.append(Labelled(triple_of(row, ontology), given[0] in _TRUE))
    if not found:
        raise InputError(f"{path} holds no judged triples: it needs a column `label` or `valid`")
    return found


def triple_of(row: dict[str, Any], ontology: Ontology) -> Triple:
    """The triple of a row that `read_rows` gave."""
    relation, negated = resolve_relation(row["relation"], ontology)
    return Triple(row["head"], relation, row["tail"], negated or row.get("negated") is True)


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, row) of a JSONL file, or of a CSV or TSV file with a header; a TSV file may go without one.

    Every row has the strings `head`, `relation` and `tail`. Raises InputError.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            first = handle.readline()
            handle.seek(0)
            rows = _json_rows(handle, path) if first.lstrip().startswith("{") else _table_rows(handle, first, path)
            for number, row in rows:
                where = f"{path}, line {number}"
                if not all(isinstance(row.get(f), str) for f in FIELDS):
                    raise InputError(f"{where}: a row needs the texts {', '.join(FIELDS)}")
                yield where, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _json_rows(handle: Any, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(handle, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}, line {number}: not JSON ({error})") from None
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number}: expected an object")
            yield number, row


def _table_rows(handle: Any, first: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    tabs = "\t" in first
    names = [name.strip() for name in first.rstrip("\r\n").split("\t" if tabs else ",")]
    header = None if set(FIELDS) <= set(names) else [*FIELDS, "label"]
    if header and not tabs:
        raise InputError(f"{path}: the first line must name the columns {', '.join(FIELDS)}")
    reader = csv.DictReader(
        handle, header, delimiter="\t" if tabs else ",", quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
    )
    for row in reader:
        yield reader.line_num, row
