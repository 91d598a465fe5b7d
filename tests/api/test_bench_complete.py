"""The bench of completions, on a tiny student."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from api import bench_complete
from api.cli import kg
from kg.ontology import load_ontology
from kg.records import Triple
from kg.student import LanguageModelStudent
from tests.tiny_models import one_thread, write_model


@pytest.mark.parametrize("architecture", ["gemma", "bart"])
def test_both_ways_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str) -> None:
    monkeypatch.setattr(bench_complete, "SECONDS", 0.5)
    train = [Triple(f"PersonX bakes {n} cakes", relation, tail) for n in range(6)
             for relation, tail in (("xWant", "to eat the cake"), ("xReact", "happy"))]
    test = [Triple("PersonX sings", "xReact", "happy"), Triple("PersonX goes", "xWant", "to eat the cake")]
    options = LanguageModelStudent.Options(
        model=str(write_model(architecture, tmp_path / "base")), epochs=20, learning_rate=1e-2, dtype="float32",
        device="cpu", base_tokens=40,
    )
    with one_thread():
        LanguageModelStudent.train({"train": train, "dev": [], "test": test}, tmp_path / "s", options, load_ontology())
        result = CliRunner().invoke(kg, ["bench", "complete", "--student", str(tmp_path / "s"), "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["queries"] == 4
    assert [figures[k]["same"] for k in ("k 1", "k 5")] == [1.0, 1.0]
    assert figures["server"]["clients"] == 8
    assert figures["server"]["p50 ms"] <= figures["server"]["p99 ms"]


def test_it_wants_a_student(tmp_path: Path) -> None:
    result = CliRunner().invoke(kg, ["bench", "complete"])
    assert result.exit_code != 0
    assert "--student DIR" in str(result.exception)
