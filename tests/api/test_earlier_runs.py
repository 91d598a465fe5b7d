"""A run that an earlier version wrote, without the columns that came later, in every command that reads runs."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import kg
from api.explain import explain
from api.triples import Edges, rows_where
from kg.graph import FILES, GraphFiles
from kg.joining import join
from kg.ontology import load_ontology
from kg.run import Run
from loaders.exports import FORMATS
from tests.graphs import LATER, aged


@pytest.fixture
def old(run: Run, tmp_path: Path) -> Run:
    shutil.copytree(run.path, tmp_path / "old")
    return aged(Run.open(tmp_path / "old"))


def told(*arguments: str) -> str:
    result = CliRunner().invoke(kg, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_missing_columns_are_null_however_they_are_read(old: Run, run: Run) -> None:
    graph = GraphFiles(old)
    for name in ("nodes", "edges", "provenance"):
        rows = list(graph.rows(name))
        assert rows == list(GraphFiles(run).rows(name))
        assert rows == [row for batch in graph.batches(name) for row in batch.to_pylist()]
        assert rows == list(rows_where(old.path / f"{name}.parquet", {}))
        assert {row[column] for row in rows for column in row if column in LATER} == {None}
    assert [e["modalities"] for e in graph.rows("edges", ["id", "modalities"])] == [None] * graph.counts()["edges"]


def test_a_large_file_is_read_in_groups(old: Run, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.triples._held", lambda *_: None)
    for file in FILES:
        assert list(rows_where(old.path / file, {})) == list(rows_where(run.path / file, {}))


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "rdfxml"])  # which has no escape character
def test_every_format_has_it_as_it_was(old: Run, run: Run, tmp_path: Path, format: str) -> None:
    written = []
    for one in (run, old):
        out = tmp_path / f"out-{one.path.name}"
        told("export", str(one.path), "--format", format, "--out", str(out))
        files = [out] if out.is_file() else sorted(out.iterdir())
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_commands_read_it(old: Run, run: Run, tmp_path: Path) -> None:
    folder, triple = str(old.path), Edges(old).find()[0]
    assert explain(old, triple.id) == explain(run, triple.id)
    assert triple.id in told("explain", folder, triple.id)
    assert json.loads(told("load", folder, "--json"))["cypher"]["nodes"] == GraphFiles(old).counts()["nodes"]
    assert "0 faults" in told("validate", folder)
    for question in ("relations", "kinds"):
        for language in ("cypher", "sparql"):
            assert told("query", folder, "--question", question, "--in", language)
    assert triple.triple.tail in told("complete", folder, "--head", triple.triple.head, "-k", "20")
    for command in ("status", "report"):
        assert told(command, folder)
    assert told("rules", folder, "--out", str(tmp_path / "rules.json"))
    assert told("labels", folder, "--out", str(tmp_path / "labels.csv"))
    assert told("unload", folder, "--only", "rdf")


def test_it_is_joined_with_others(old: Run, run: Run, tmp_path: Path) -> None:
    whole = Run.create(tmp_path / "whole", "whole", {"name": "whole"})
    assert join(whole, [old, run], load_ontology())["edges"] == GraphFiles(run).counts()["edges"]
