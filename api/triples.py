"""The edges of a run, looked up in its Parquet file by the normal form of head and tail."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.graph import FILES, node_id
from kg.ontology import KINDS
from kg.records import Triple
from kg.run import Run
from kg.schemas import complete

HELD = 32_000_000  # bytes of a Parquet file, unpacked, up to which it is held in memory
_FIRST, _SLICE = 16, 1024  # rows made into Python objects at a time: few at first, for often no more are wanted


@dataclass(frozen=True, slots=True)
class Edge:
    """A triple of the graph: its id, the ids of its nodes, its score in [0, 1] or None and how many sources it has."""

    id: str
    head_id: str
    tail_id: str
    triple: Triple
    score: float | None
    sources: int


class Edges:
    """Reads the edges of a finished run; memory does not grow with the graph. Raises RunError."""

    def __init__(self, run: Run, levels: Iterable[str] = ()) -> None:
        """`levels`: names of levels, of which an edge must have one; of any level when there are none."""
        run.require("graph")
        self._path = run.path / FILES[1]
        self._sources = run.path / FILES[2]
        self._levels: dict[str, list[Any]] = {"level": list(levels)} if levels else {}

    def find(
        self, head: str | None = None, relation: str | None = None, tail: str | None = None,
        negated: bool | None = None, limit: int = 100, offset: int = 0,
    ) -> list[Edge]:
        """The edges whose given fields fit, in the order of the file, from the `offset`th on.

        Head and tail fit when their normal form is that of the edge's node, whatever its kind.
        """
        wanted = dict(self._levels)
        for column, text in (("head", head), ("tail", tail)):
            if text is not None:
                wanted[column] = [node_id(text, kind) for kind in KINDS]
        for column, value in (("relation", relation), ("negated", negated)):
            if value is not None:
                wanted[column] = [value]
        found = rows_where(self._path, wanted, skip=offset)
        return [_edge(row) for row in islice(found, limit)]

    def leaving(self, heads: Iterable[str]) -> dict[str, list[Edge]]:
        """The edges from each of these nodes (ids), in one pass over the file."""
        found: dict[str, list[Edge]] = {head: [] for head in heads}
        for row in rows_where(self._path, {**self._levels, "head": list(found)}):
            found[row["head"]].append(_edge(row))
        return found

    def triples(self) -> Iterator[Triple]:
        """All triples, in the order of the file."""
        return (_edge(row).triple for row in rows_where(self._path, self._levels))

    def provenance(self, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Where these edges (ids) were read: generation, rule, characters and run, in one pass over the file."""
        found: dict[str, list[dict[str, Any]]] = {id: [] for id in ids}
        for row in rows_where(self._sources, {"triple_id": list(found)}):
            found[row.pop("triple_id")].append(row)
        return found


def rows_where(path: Path, wanted: Mapping[str, list[Any]], skip: int = 0) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file whose columns hold one of the wanted values each, without the first `skip` of them.

    A file of at most `HELD` bytes is read once. Of a larger one only the columns in `wanted` are read where a row group
    has no such rows, and of the rest no more than is asked for.
    """
    held = _held(path, path.stat().st_mtime_ns)
    if held is not None:
        yield from _rows(held, _chosen(held, wanted)[skip:])
        return
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            chosen = _chosen(file.read_row_group(group, columns=list(wanted) or None), wanted)
            if len(chosen) > skip:
                yield from _rows(complete(file.read_row_group(group), path.name), chosen[skip:])
            skip = max(skip - len(chosen), 0)


@lru_cache(maxsize=4)
def _held(path: Path, _changed: int) -> pa.Table | None:
    """The table of a file, if it is small, that was changed at `_changed` (ns)."""
    with pq.ParquetFile(path) as file:
        groups = (file.metadata.row_group(i) for i in range(file.num_row_groups))
        return complete(file.read(), path.name) if sum(g.total_byte_size for g in groups) <= HELD else None


def _rows(table: pa.Table, chosen: pa.Array) -> Iterator[dict[str, Any]]:
    at, size = 0, _FIRST
    while at < len(chosen):
        yield from table.take(chosen[at : at + size]).to_pylist()
        at, size = at + size, min(4 * size, _SLICE)


def _chosen(keys: pa.Table, wanted: Mapping[str, list[Any]]) -> pa.Array:
    """The numbers of the rows that fit."""
    if not wanted:
        return pa.array(np.arange(keys.num_rows))
    tests = (
        pc.is_in(keys[name], value_set=pa.array(values, keys.schema.field(name).type))
        for name, values in wanted.items()
    )
    return pc.indices_nonzero(reduce(pc.and_, tests))


def _edge(row: dict[str, Any]) -> Edge:
    triple = Triple(row["head_text"], row["relation"], row["tail_text"], row["negated"])
    return Edge(row["id"], row["head"], row["tail"], triple, row["score"], row["sources"])
