"""Triples for link prediction, parted by triple: every entity is in the part that is learned from."""

import random
from collections.abc import Sequence
from pathlib import Path

from kg.errors import InputError
from kg.graph import GraphFiles
from kg.ontology import NOTHING, Ontology
from kg.records import Triple
from kg.run import Run
from kg.splits import read_training_triples

PARTS = ("train", "valid", "test")
Label = tuple[str, bool]  # a relation, and whether it is denied


def read_parts(source: Path, ontology: Ontology, seed: int = 0) -> dict[str, list[Triple]]:
    """{"train", "valid", "test"}: files of these names (.txt or .tsv) in a folder, or a run or TSV file in three parts.

    Of a run or file a tenth each is held out, by chance, none of whose entities and relations is missing in `train`.
    That nothing applies (the tail `none`) is no link. Raises InputError, RunError.
    """
    if (found := _part_files(source)) is not None:
        return {name: _links(read_training_triples(file, ontology)) for name, file in found.items()}
    triples = list(GraphFiles(Run.open(source)).triples()) if source.is_dir() else (
        _links(read_training_triples(source, ontology)))
    if not triples:
        raise InputError(f"{source} has no triples: there is nothing to learn")
    random.Random(seed).shuffle(triples)
    parts: dict[str, list[Triple]] = {name: [] for name in PARTS}
    seen: set[str | Label] = set()
    held = len(triples) // 10
    for t in triples:
        names: set[str | Label] = {t.head, t.tail, (t.relation, t.negated)}
        new = names - seen
        name = "train" if new else next((n for n in ("valid", "test") if len(parts[n]) < held), "train")
        seen |= new
        parts[name].append(t)
    return parts


def _part_files(source: Path) -> dict[str, Path] | None:
    """The files of the parts in a folder; None when it has no such file. Raises InputError when one is missing."""
    found = {n: f for n in PARTS for f in (source / f"{n}.txt", source / f"{n}.tsv") if f.is_file()}
    if found and set(found) != set(PARTS):
        missing = ", ".join(n for n in PARTS if n not in found)
        raise InputError(f"{source} lacks the part {missing}: give a folder with train.txt, valid.txt and test.txt")
    return found or None


def _links(triples: Sequence[Triple]) -> list[Triple]:
    return [t for t in triples if t.tail.strip().lower() != NOTHING]
