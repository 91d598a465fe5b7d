"""Options of `kg train`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import kg
from kg.errors import RecipeError
from tests.tiny_models import one_thread, write_model


@pytest.fixture
def triples(tmp_path: Path) -> Path:
    rows = [f"PersonX bakes {n} cakes\txWant\tto eat the cake\n" for n in range(12)]
    (tmp_path / "triples.tsv").write_text("".join(rows))
    return tmp_path / "triples.tsv"


def test_options_are_set(triples: Path, tmp_path: Path) -> None:
    base = write_model("gemma", tmp_path / "base")
    given = ["lora_rank=2", "layers=[1]", "epochs=1", "dtype=float32", "learning_rate=1e-3"]
    with one_thread():
        result = CliRunner().invoke(kg, [
            "train", str(triples), "--student", str(base), "--out", str(tmp_path / "s"),
            *(part for text in given for part in ("--set", text)), "--json",
        ])
    assert result.exit_code == 0, result.output
    options = json.loads((tmp_path / "s" / "student.json").read_text())["options"]
    assert (options["lora_rank"], options["layers"], options["epochs"]) == (2, [1], 1)
    assert (options["dtype"], options["learning_rate"]) == ("float32", 1e-3)


def test_an_option_that_is_none_says_the_nearest(triples: Path, tmp_path: Path) -> None:
    command = ["train", str(triples), "--out", str(tmp_path / "s"), "--set", "lora_rnk=2"]
    result = CliRunner().invoke(kg, command)
    assert isinstance(result.exception, RecipeError)
    assert "lora_rank" in str(result.exception)


def test_tails_are_drawn_by_a_language_model_alone(triples: Path, tmp_path: Path) -> None:
    base = write_model("gemma", tmp_path / "base")
    with one_thread():
        learn = [part for text in ("epochs=20", "learning_rate=1e-2", "dtype=float32") for part in ("--set", text)]
        for name, more in (("s", ["--student", str(base), *learn]), ("floor", ["--student", "frequency"])):
            made = CliRunner().invoke(kg, ["train", str(triples), "--out", str(tmp_path / name), *more])
            assert made.exit_code == 0, made.output
        query = ["--head", "PersonX bakes a cake", "--relation", "xWant", "-k", "4", "--top-p", "1", "--json"]
        said = [
            json.loads(CliRunner().invoke(kg, ["complete", str(tmp_path / "s"), *query, "--seed", seed]).stdout)
            for seed in ("1", "1")
        ]
        refused = CliRunner().invoke(kg, ["complete", str(tmp_path / "floor"), *query])
        kept = CliRunner().invoke(kg, ["complete", str(tmp_path / "s"), *query[:4], "--must-not", "eat", "--json"])
        both = CliRunner().invoke(kg, ["complete", str(tmp_path / "s"), *query, "--must", "eat"])
    assert said[0] == said[1]
    assert said[0]["completions"]
    assert all(0 <= c["score"] <= 1 for c in said[0]["completions"])
    assert "has no language model" in str(refused.exception)
    assert kept.exit_code == 0, kept.output
    assert not any("eat" in c["tail"].split() for c in json.loads(kept.stdout)["completions"])
    assert both.exit_code == 2
