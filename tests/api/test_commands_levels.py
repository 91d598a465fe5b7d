"""kg calibrate, and levels in kg export and kg query."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli import kg
from kg.errors import InputError, RunError, UnknownNameError
from kg.graph import GraphFiles
from kg.run import Run

HEADS = [f"PersonX paints wall {i}" for i in range(30)]


def run_kg(*arguments: str, catch: bool = False) -> Result:
    return CliRunner().invoke(kg, list(arguments), catch_exceptions=catch)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of answers whose unfinished tails people find wrong, calibrated on half of them."""
    folder = tmp_path_factory.mktemp("levels")
    with open(folder / "answers.jsonl", "w") as answers, open(folder / "labels.csv", "w", newline="") as labels:
        rows = csv.writer(labels)
        rows.writerow(["head", "relation", "tail", "label"])
        for i, head in enumerate(HEADS):
            answer = "to rest; to buy the; to rest"
            row = {"head": head, "relation": "xWant", "prompt": f"{head}?", "raw_answer": answer}
            answers.write(json.dumps(row) + "\n")
            if i % 2:
                rows.writerows([[head, "xWant", "rest", 1], [head, "xWant", "to buy the", 0]])
    run_kg("build", "recorded", "--set", f"teacher.file={folder / 'answers.jsonl'}", "--out", str(folder / "run"))
    made = json.loads(run_kg("calibrate", str(folder / "run"), str(folder / "labels.csv"), "--json").stdout)
    assert (made["labels"], made["valid"]) == (45, 30)
    assert made["judges"][0]["judge"] in ("(label model)", "form")
    assert made["judges"][0]["auc"] == 1
    assert {"rec_0.5", "prec_0.9"} <= {level["level"] for level in made["levels"]}
    return folder / "run"


def test_every_triple_gets_its_probability_and_level(calibrated: Path) -> None:
    edges = list(GraphFiles(Run.open(calibrated)).edges())
    assert len(edges) == len(HEADS)
    assert all(e["score"] > 0.8 and e["level"] for e in edges)


def test_a_level_can_be_exported_and_asked(calibrated: Path, tmp_path: Path) -> None:
    out = tmp_path / "high.tsv"
    assert run_kg("export", str(calibrated), "--level", "high", "--format", "tsv", "--out", str(out)).exit_code == 0
    assert len(out.read_text().splitlines()) == len(HEADS)
    asked = ["query", str(calibrated), "--level", "high", "--json", "--sparql",
             "SELECT (COUNT(*) AS ?n) { ?e kg:level ?level }"]
    for _ in range(2):
        assert json.loads(run_kg(*asked).stdout)["rows"] == [[len(HEADS)]]
    assert not (calibrated / "rdf").exists()


def test_errors_say_what_to_do(calibrated: Path, tmp_path: Path) -> None:
    export = ["--format", "tsv", "--out", str(tmp_path / "x.tsv")]
    with pytest.raises(UnknownNameError, match="did you mean high"):
        run_kg("export", str(calibrated), "--level", "hgih", *export)
    with pytest.raises(InputError, match=r"r\.level IN"):
        run_kg("query", str(calibrated), "--level", "high", "--cypher", "RETURN 1", "--bolt", "bolt://127.0.0.1:1")
    run_kg("import", str(_tsv(tmp_path)), "--format", "tsv", "--out", str(tmp_path / "imported"))
    with pytest.raises(RunError, match="kg calibrate"):
        run_kg("export", str(tmp_path / "imported"), "--level", "high", *export)


def test_labels_of_other_triples_are_an_error(calibrated: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("head,relation,tail,label\nPersonX flies,xWant,to land,1\n")
    with pytest.raises(RunError, match="none of the judged triples"):
        run_kg("calibrate", str(calibrated), str(tmp_path / "labels.csv"))


def _tsv(folder: Path) -> Path:
    path = folder / "triples.tsv"
    path.write_text("PersonX cooks\txWant\tto eat\n")
    return path
