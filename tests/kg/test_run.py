import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import RunError
from kg.run import Run, open_journal, read_journal, read_parquet, write_atomically, write_parquet


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


@given(st.lists(st.text(max_size=30), max_size=5), st.binary(max_size=40).filter(lambda b: b"\n" not in b))
def test_a_journal_keeps_whole_lines_and_drops_half_ones(texts: list[str], half: bytes) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"journal-{os.getpid()}"
    whole = b"".join(json.dumps({"t": t}).encode() + b"\n" for t in texts)
    path.write_bytes(whole + half)
    try:
        with open_journal(path) as handle:
            handle.write(b'{"t": "last"}\n')
        assert [row["t"] for row in read_journal(path)] == [*texts, "last"]
    finally:
        path.unlink()


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
