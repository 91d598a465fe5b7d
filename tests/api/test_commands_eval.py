"""kg eval."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import kg

CATS = {"head": "cat", "relation": "CapableOf", "tail": "climb trees", "negated": False}


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.jsonl"
    rows = [{"id": 1, "source": "gkp", "text": "Cats can climb trees.", "triples": [CATS], "optional": []}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_texts_of_the_gold_file_are_read(gold: Path) -> None:
    result = CliRunner().invoke(kg, ["eval", "extraction", str(gold), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.output)
    assert told["all"]["f1"] == told["sources"]["prose"]["f1"] == told["relations"]["CapableOf"]["recall"] == 1
    assert [(r["found"], r["false"]) for r in told["rules"].values()] == [(1, 0)]


def test_a_file_is_scored_as_a_table(gold: Path, tmp_path: Path) -> None:
    predicted = tmp_path / "p.jsonl"
    predicted.write_text(json.dumps({"id": 1, "triples": [{**CATS, "rule": "x@1"}, {**CATS, "tail": "sing"}]}) + "\n")
    result = CliRunner().invoke(kg, ["eval", "extraction", str(gold), "--predicted", str(predicted)])
    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines()]
    assert ["all", "1", "1", "1", "0", "0.500", "1.000", "0.667"] in lines
    assert ["x@1", "1", "0", "0", "1.000"] in lines
    assert ["(no", "rule)", "0", "0", "1", "0.000"] in lines


def test_the_group_needs_to_be_told_what() -> None:
    result = CliRunner().invoke(kg, ["eval", "extractoin", "x"])
    assert result.exit_code == 2
    assert "extraction" in result.output
