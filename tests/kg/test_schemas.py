"""The declared schemas, and files that were written before a column came."""

import pyarrow as pa
import pytest

from kg.records import Candidate, Triple
from kg.schemas import CANDIDATES, FILES, NODES, candidate_from, candidate_row, complete
from tests.graphs import LATER


def test_a_candidate_comes_back_from_its_row() -> None:
    for more in ((), ("likely", "GPE", "")):
        candidate = Candidate(Triple("a", "xWant", "b", True), "g", "r", 1, 2, *more)  # type: ignore[arg-type]
        assert list(candidate_row(candidate)) == CANDIDATES.names
        assert candidate_from(candidate_row(candidate)) == candidate


@pytest.mark.parametrize("file", FILES)
def test_columns_that_came_later_stand_last_and_may_be_null(file: str) -> None:
    later = [field for field in FILES[file] if field.name in LATER]
    assert all(field.nullable for field in later)
    assert FILES[file].names[-len(later) :] == [field.name for field in later] or not later


@pytest.mark.parametrize("kind", [pa.Table, pa.RecordBatch])
def test_what_a_file_lacks_is_null(kind: type[pa.Table] | type[pa.RecordBatch]) -> None:
    old = pa.schema([field for field in NODES if field.name not in LATER])
    rows = kind.from_pylist([{"id": "i", "kind": "Thing", "text": "t", "nothing": []}], schema=old)
    assert complete(rows, "nodes.parquet").schema == NODES
    assert complete(rows, "nodes.parquet").to_pylist() == [*(row | {"entity": None} for row in rows.to_pylist())]
    assert complete(rows, "nodes.parquet", ["id"]) is rows
    assert complete(rows, "other.parquet") is rows
