import json
import tempfile
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import RunError
from kg.run import Journal, Run, read_journal, read_parquet, write_atomically, write_parquet


def test_a_stage_is_done_when_the_manifest_says_so(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", "r-1", {})
    run.part("a.txt").write_text("x")
    assert not run.is_done("a", "k1")
    run.finish("a", "k1", ["a.txt"], 1, 0.0)
    again = Run.open(tmp_path / "r")
    assert again.is_done("a", "k1")
    assert not again.is_done("a", "k2")
    assert again.require("a").read_text() == "x"


def test_a_stage_whose_file_is_gone_is_not_done(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", "r-1", {})
    run.part("a.txt").write_text("x")
    run.finish("a", "k", ["a.txt"], 1, 0.0)
    (tmp_path / "r" / "a.txt").unlink()
    assert not run.is_done("a", "k")
    with pytest.raises(RunError, match="missing although the manifest lists it"):
        run.require("a")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_id": "x"}', "null"])
def test_a_damaged_manifest_is_an_error_that_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RunError, match="damaged"):
        Run.open(tmp_path)


def test_a_folder_without_manifest_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no run"):
        Run.open(tmp_path)


def test_two_builds_of_one_run_exclude_each_other(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "r", {})
    with run.lock(), pytest.raises(RunError, match="being written by another process"), Run.open(tmp_path).lock():
        pass
    with run.lock():
        pass


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=30)), st.binary(max_size=40).filter(lambda b: 10 not in b))
def test_a_journal_keeps_whole_lines_and_drops_half_ones(texts: dict[str, str], half: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        path.write_bytes(b"".join(json.dumps({"k": k, "t": t}).encode() + b"\n" for k, t in texts.items()) + half)
        with closing(Journal(path, "k")) as journal:
            assert len(journal) == len(texts)
            journal.append("a new key", '{"k": "a new key", "t": "last"}')
            assert {k: journal[k]["t"] for k in (*texts, "a new key")} == {**texts, "a new key": "last"}
            assert "no such key" not in journal
        assert [row["t"] for row in read_journal(path)] == [*texts.values(), "last"]


def test_of_two_lines_with_one_key_the_first_counts(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text('{"k": "a", "t": 1}\n{"k": "a", "t": 2}\n')
    with closing(Journal(path, "k")) as journal:
        assert (len(journal), journal["a"]["t"]) == (1, 1)


def test_write_atomically_replaces_the_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "f"
    write_atomically(file, "long old text")
    write_atomically(file, "new")
    assert file.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_parquet_rows_come_back_over_several_row_groups(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("n", pa.int64(), nullable=False)])
    assert write_parquet(tmp_path / "p", schema, ({"n": i} for i in range(45_000))) == 45_000
    assert [row["n"] for row in read_parquet(tmp_path / "p")] == list(range(45_000))
