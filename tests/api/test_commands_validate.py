"""kg validate, as its users call it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api import commands_validate
from api.cli import kg
from kg.errors import InputError
from tests.graphs import ROWS, write_graph


def call(*arguments: str) -> Result:
    return CliRunner().invoke(kg, list(arguments))


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "out.nt"
    write_graph(tmp_path / "run", ROWS)
    assert call("export", str(tmp_path / "run"), "--format", "ntriples", "--out", str(path)).exit_code == 0
    return path


def test_a_good_run_file_and_store_pass(exported: Path, tmp_path: Path) -> None:
    assert call("load", str(tmp_path / "run"), "--only", "rdf").exit_code == 0
    for target in (tmp_path / "run", exported, tmp_path / "run" / "rdf"):
        result = call("validate", str(target), "--json")
        assert (result.exit_code, json.loads(result.stdout)["faults"]) == (0, [])
        assert call("validate", str(target)).stdout.endswith(" triples, 0 faults\n")


def test_a_broken_file_fails_and_says_where_what_and_what_to_do(exported: Path) -> None:
    exported.write_text(exported.read_text(encoding="utf-8").replace('"0.9"', '"1.9"'), encoding="utf-8")
    result = call("validate", str(exported))
    assert isinstance(result.exception, InputError)
    assert str(result.exception) == f"{exported} has 1 fault"
    focus, said, message = result.stdout.splitlines()[:3]
    assert focus.startswith("edge:")
    assert said.split()[0] == "kg:score"
    assert message.strip() == "a score is one xsd:double from 0 to 1: correct it, or take it away"
    (fault,) = json.loads(call("validate", str(exported), "--json").stdout)["faults"]
    assert fault["focus"].endswith(focus.removeprefix("edge:"))
    assert fault["path"].endswith("ns#score")


def test_of_many_faults_the_first_are_shown(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands_validate, "_SHOWN", 2)
    text = exported.read_text(encoding="utf-8")
    exported.write_text(text.replace("edge/", "edge/x"), encoding="utf-8")
    result = call("validate", str(exported))
    assert "(the first 2 are shown, --json has more)" in str(result.exception)
    assert result.stdout.count("\n\n") == 2
