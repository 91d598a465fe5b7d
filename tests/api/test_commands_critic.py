"""kg train-critic, judge, eval critic."""

import json
from pathlib import Path

from click.testing import CliRunner

from api.cli import kg
from tests.tiny_models import write_encoder

LABELS = "head,relation,tail,label,note\n" + "".join(
    f"PersonX eats {n},{relation},{tail},{int(tail == 'happy')},n{n}\n"
    for n in range(10) for relation in ("xReact", "general React") for tail in ("happy", "keys")
)


def test_train_judge_and_measure(tmp_path: Path) -> None:
    labels, critic, out = tmp_path / "labels.csv", tmp_path / "critic", tmp_path / "judged.jsonl"
    labels.write_text(LABELS)
    encoder = str(write_encoder(tmp_path / "encoder"))
    result = CliRunner().invoke(
        kg, ["train-critic", str(labels), "--out", str(critic), "--encoder", encoder, "--epochs", "1", "--json"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["labels"] == 40

    result = CliRunner().invoke(kg, ["judge", str(labels), "--critic", str(critic), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "40 triples judged" in result.stdout
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["note"] for r in rows] == [f"n{n}" for n in range(10) for _ in range(4)]
    assert all(0 <= r["probability"] <= 1 for r in rows)

    folder = tmp_path / "report"
    result = CliRunner().invoke(kg, ["eval", "critic", str(labels), "--critic", str(critic), "--out", str(folder)])
    assert result.exit_code == 0, result.output
    assert "general React" in result.stdout
    assert json.loads((folder / "report.json").read_text())["labels"] == 40
    assert (folder / "calibration.svg").is_file()


def test_a_run_is_judged(tmp_path: Path) -> None:
    triples = tmp_path / "triples.tsv"
    triples.write_text("PersonX eats\txReact\thappy\nPersonX eats\tNotxReact\tsad\n")
    labels = tmp_path / "labels.csv"
    labels.write_text(LABELS)
    encoder = str(write_encoder(tmp_path / "encoder"))
    for command in (
        ["import", str(triples), "--format", "tsv", "--out", str(tmp_path / "run")],
        ["train-critic", str(labels), "--out", str(tmp_path / "critic"), "--encoder", encoder, "--epochs", "1"],
        ["judge", str(tmp_path / "run"), "--critic", str(tmp_path / "critic"), "--out", str(tmp_path / "judged.jsonl")],
    ):
        result = CliRunner().invoke(kg, command)
        assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in (tmp_path / "judged.jsonl").read_text().splitlines()]
    assert {(r["relation"], r["tail"], r["negated"]) for r in rows} == {
        ("xReact", "happy", False), ("xReact", "sad", True),
    }
    assert all(0 <= r["probability"] <= 1 for r in rows)


def test_a_folder_that_is_no_critic(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(LABELS)
    result = CliRunner().invoke(kg, ["judge", str(labels), "--critic", str(tmp_path), "--out", str(tmp_path / "o")])
    assert result.exit_code == 1
    assert "kg train-critic" in str(result.exception)
