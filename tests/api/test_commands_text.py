"""kg coverage, and kg bench with texts of the user."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import kg


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("Cats can climb trees.\nThe bell \x1b[31m rang.\nThe bell rang.\nThe dog barked.\n")
    return path


def test_coverage_as_text(texts: Path) -> None:
    result = CliRunner().invoke(kg, ["coverage", str(texts)])
    assert result.exit_code == 0
    assert "4 texts, 1 of them without prose\n3 sentences, 1 gave something (33.3%)\n" in result.output
    assert "2      nsubj VERB(past)  ring, bark  The bell rang." in result.output
    assert "\x1b" not in result.output


def test_coverage_as_json(texts: Path) -> None:
    result = CliRunner().invoke(kg, ["coverage", str(texts), "--top", "0", "--json"])
    told = json.loads(result.stdout)
    assert (told["sentences"], told["productive"], told["silent"]) == (3, 1, [])


def test_bench_takes_texts_only_where_it_reads_them(texts: Path) -> None:
    result = CliRunner().invoke(kg, ["bench", "teacher", "--file", str(texts)])
    assert result.exit_code == 2
    assert "--file is for extraction" in result.output
    result = CliRunner().invoke(kg, ["bench", "extraction", "--file", str(texts), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.output)["texts"] == 4
