"""kg rules, kg eval links, and kg complete with a link model."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import kg


@pytest.fixture
def family(tmp_path: Path) -> Path:
    path = tmp_path / "family.tsv"
    pairs = [f"x{n}\thusband\ty{n}\n" for n in range(20)] + [f"y{n}\twife\tx{n}\n" for n in range(18)]
    path.write_text("".join(pairs) + "x0\thusband\tnone\n")
    return path


def test_rules_are_mined_saved_and_applied(family: Path, tmp_path: Path) -> None:
    out, more = tmp_path / "new" / "rules.json", tmp_path / "more.jsonl"
    result = CliRunner().invoke(kg, ["rules", str(family), "--out", str(out), "--completions", str(more), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["completions"] == 2
    assert told["rules"][1] == {
        "rule": "wife(x, y) <= husband(y, x)", "support": 18, "confidence": 0.9, "pca_confidence": 1,
        "head_coverage": 1,
    }
    assert [r["text"] for r in json.loads(out.read_text())["rules"]] == [r["rule"] for r in told["rules"]]
    row = json.loads(more.read_text().splitlines()[0])
    assert row == {
        "head": "y18", "relation": "wife", "tail": "x18", "negated": False, "score": 0.9,
        "rule": "wife(x, y) <= husband(y, x)",
        "because": [{"head": "x18", "relation": "husband", "tail": "y18", "negated": False}],
    }


def test_the_table_names_the_rules(family: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(kg, ["rules", str(family), "--out", str(tmp_path / "rules.json"), "--support", "19"])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "0 rules"
    result = CliRunner().invoke(kg, ["rules", str(family), "--out", str(tmp_path / "rules.json")])
    assert "husband(x, y) <= wife(y, x)  18       1           1    0.9" in result.stdout.splitlines()


def test_links_are_predicted_and_completed(family: Path, tmp_path: Path) -> None:
    pytest.importorskip("pykeen", reason="PyKEEN is not installed: pip install 'distilkg[links]'")
    folder = str(tmp_path / "links")
    command = ["eval", "links", str(family), "--dimension", "8", "--epochs", "5", "--out", folder, "--json"]
    result = CliRunner().invoke(kg, command)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["model"], told["entities"], told["relations"]) == ("ComplEx", 40, 2)
    assert 0 < told["mrr"] <= 1
    for side, given in (("tail", ["--head", "x1"]), ("head", ["--tail", "y1"])):
        result = CliRunner().invoke(kg, ["complete", folder, *given, "--relation", "husband", "-k", "2", "--json"])
        assert result.exit_code == 0
        assert [set(c) for c in json.loads(result.stdout)["completions"]] == [{side, "score"}] * 2
