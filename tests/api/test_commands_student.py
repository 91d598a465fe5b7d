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
