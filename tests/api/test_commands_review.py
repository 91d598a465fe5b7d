"""kg review, kg labels, and what kg status says of them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.cli import kg
from kg.errors import InputError
from kg.graph import GraphFiles
from kg.records import Triple
from kg.reviews import FILE, Act, ReviewLog
from kg.run import Run
from tests.graphs import ROWS, write_graph

# by tail: what ann and bob say
SAID = {"to eat it": (1, 2), "to share it": (1, 3), "to burn it": (4, 3), "happy": (2, 5), "kitchen": (5, 5)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run whose triples two reviewers have labelled."""
    graph = write_graph(tmp_path / "run", ROWS)
    log = ReviewLog(graph.path / FILE)
    for edge in graph.edges():
        triple = Triple(edge["head_text"], edge["relation"], edge["tail_text"], edge["negated"])
        for who, label in zip(("ann", "bob"), SAID[triple.tail], strict=True):
            if triple.head != "PersonX sings":
                log.append(Act(f"{who}{edge['id']}", who, "label", edge["id"], triple, label, offensive=label == 4))
    return graph.path


def invoke(*arguments: object) -> Any:
    done = CliRunner().invoke(kg, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_labels_are_rows_of_head_relation_tail_and_majority(folder: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"labels.{ending}"
    assert invoke("labels", folder, "--out", out) == {"rows": 3, "valid": 2, "undecided": 2, "out": str(out)}
    if ending == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        with open(out, newline="") as handle:
            read = csv.DictReader(handle, delimiter="," if ending == "csv" else "\t")
            rows = [{**row, "label": int(row["label"]), "reviews": json.loads(row["reviews"]),
                     "offensive": row["offensive"] == "true"} for row in read]
    by_tail = {(row["relation"], row["tail"]): (row["label"], row["reviews"], row["offensive"]) for row in rows}
    assert by_tail == {
        ("xWant", "to eat it"): (1, [1, 2], False), ("NotxWant", "to burn it"): (0, [4, 3], True),
        ("xReact", "happy"): (1, [2, 5], False),
    }


def test_labels_need_a_known_ending(folder: Path) -> None:
    with pytest.raises(InputError, match=r"\.csv, \.tsv or \.jsonl"):
        invoke("labels", folder, "--out", folder / "labels.xlsx")


def test_status_shows_who_labelled_and_how_far_they_agree(folder: Path, tmp_path: Path) -> None:
    found = invoke("status", folder)["reviews"]
    assert found["labels"] == {"ann": 5, "bob": 5}
    assert [found[key] for key in ("triples", "valid", "invalid", "undecided")] == [5, 2, 1, 2]
    assert found["agreement"]["twice"] == 3
    shown = CliRunner().invoke(kg, ["status", str(folder)]).stdout
    assert "Cohen's kappa, ann and bob" in shown
    assert "5 triples labelled, 2 valid, 1 not valid, 2 undecided" in shown
    write_graph(tmp_path / "other", ROWS)
    assert "reviews" not in invoke("status", tmp_path / "other")


def test_a_review_in_the_terminal_goes_into_the_run(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "run", ROWS).path
    command = ["review", str(path), "--terminal", "--reviewer", "ann", "--budget", "3"]
    done = CliRunner().invoke(kg, command, input="12u3s4", catch_exceptions=False)
    assert done.exit_code == 0
    assert "Nothing is left" in done.stdout
    acts = [a for _, given in ReviewLog(path / FILE).labels() for a in given.values()]
    assert [a.label for a in acts] == [1, 3, 4]
    assert {a.triple_id for a in acts} < {e["id"] for e in GraphFiles(Run.open(path)).edges()}
