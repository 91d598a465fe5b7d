"""Triples to learn from: read from a run or a TSV file, and parted by head.

The part of a head depends on its normal form and the seed alone, so that no head is ever on two sides, whatever else
is in the graph and however it grows.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import Field

from kg.errors import InputError, StudentError
from kg.graph import GraphFiles
from kg.normal import normal_form
from kg.ontology import Ontology
from kg.recipe import Section
from kg.records import Triple, digest
from kg.run import Run

log = logging.getLogger(__name__)
MAX_LINE = 1_000_000  # characters; a longer line is no triple
_ESCAPES = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


class SplitOptions(Section):
    """`held_out` is the share of the heads that a training is watched on, and of those that it is measured on."""

    held_out: float = Field(0.1, gt=0, le=0.4)

    @property
    def fractions(self) -> dict[str, float]:
        """The shares of the parts by name."""
        return {"train": 1 - 2 * self.held_out, "dev": self.held_out, "test": self.held_out}


FRACTIONS = SplitOptions().fractions


def part_of(head: str, fractions: Mapping[str, float], seed: int = 0) -> str:
    """Name of the part that `head` belongs to; heads of one normal form are always together."""
    place = int(digest("split", str(seed), normal_form(head)), 16) / 16**32 * sum(fractions.values())
    for name, share in fractions.items():
        place -= share
        if place < 0:
            return name
    return list(fractions)[-1]


def split_heads(
    triples: Iterable[Triple], fractions: Mapping[str, float] = FRACTIONS, seed: int = 0
) -> dict[str, list[Triple]]:
    """The triples by part, in their order; no two parts share a head by normal form.

    `fractions` are the shares of heads (not of triples); they need not sum to 1. Raises StudentError when one is
    negative or all are 0.
    """
    if any(f < 0 for f in fractions.values()) or sum(fractions.values()) <= 0:
        raise StudentError(f"the shares of the parts must be positive: {dict(fractions)}")
    parts: dict[str, list[Triple]] = {name: [] for name in fractions}
    where: dict[str, str] = {}
    for triple in triples:
        if triple.head not in where:
            where[triple.head] = part_of(triple.head, fractions, seed)
        parts[where[triple.head]].append(triple)
    return parts


def read_training_triples(source: Path, ontology: Ontology) -> list[Triple]:
    """The distinct triples of a run folder or of a TSV file, in order, those with the tail `none` included.

    Raises InputError for a file that is missing, empty or wrong (with the line), RunError for an unfinished run.
    """
    if source.is_dir():
        graph = GraphFiles(Run.open(source))
        found: Iterable[Triple] = (t for part in (graph.triples(), graph.nothings()) for t in part)
    else:
        found = _read_tsv(source, ontology)
    triples = list(dict.fromkeys(found))
    if not triples:
        raise InputError(f"{source} holds no triples: there is nothing to learn")
    return triples


def _read_tsv(path: Path, ontology: Ontology) -> Iterator[Triple]:
    """Rows `head TAB relation TAB tail`; a relation that the ontology lacks is taken as it is, `Not` denies it.

    Rows without a head or a tail, as ATOMIC has them, are left out with a warning.
    """
    empty = 0
    try:
        with open(path, encoding="utf-8-sig", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                line = line.removesuffix("\n").removesuffix("\r")
                if line.strip():
                    triple = _triple(line, ontology, f"{path}, line {number}")
                    empty += triple is None
                    if triple is not None:
                        yield triple
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if empty:
        log.warning("%s: %d rows without a head or a tail are left out", path, empty)


def _triple(line: str, ontology: Ontology, where: str) -> Triple | None:
    fields = line.split("\t")
    if len(fields) != 3 or len(line) > MAX_LINE:
        raise InputError(f"{where}: expected head TAB relation TAB tail, found {len(fields)} columns")
    head, name, tail = (_unescape(f).strip() for f in fields)
    if not name:
        raise InputError(f"{where}: the relation is empty")
    if not head or not tail:
        return None
    relation, negated = resolve_relation(name, ontology)
    return Triple(head, relation, tail, negated)


def resolve_relation(name: str, ontology: Ontology) -> tuple[str, bool]:
    """(relation, negated) for a relation's name in a file, known to the ontology or not."""
    if name in ontology or name.removeprefix("Not") in ontology:
        relation, negated = ontology.resolve(name)
        return relation.name, negated
    denied = re.fullmatch(r"Not(?=[A-Za-z])(.+)", name)
    return (denied[1], True) if denied else (name, False)


def _unescape(field: str) -> str:
    return re.sub(r"\\([\\tnr])", lambda m: _ESCAPES[m[1]], field) if "\\" in field else field
