"""What labels buy, on labels of which all is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import extraction.review_gain
from api.cli import kg
from extraction.labels import Labelled
from extraction.review_gain import Gain, review_gain
from kg.errors import InputError
from kg.metrics import Array
from kg.records import Triple

RNG = np.random.default_rng(0)
TAILS = {f"tail {i}": RNG.normal(size=8) for i in range(400)}


def vectors(texts: list[str], progress: object = None) -> Array:
    """Heads say nothing; of a tail's numbers the first tells whether it is plausible."""
    return np.array([TAILS.get(text, np.ones(8)) for text in texts])


@pytest.fixture
def labelled(monkeypatch: pytest.MonkeyPatch) -> list[Labelled]:
    monkeypatch.setattr(extraction.review_gain, "sentence_vectors", vectors)
    return [
        Labelled(Triple(f"PersonX sees bird {i}", "xWant" if i % 2 else "xNeed", tail), bool(vector[0] > 0.1))
        for i, (tail, vector) in enumerate(TAILS.items())
    ]


def test_both_orders_begin_alike_and_the_active_one_gets_ahead(labelled: list[Labelled]) -> None:
    gain = review_gain(labelled, step=20, most=200, seeds=2)
    assert gain.labels == list(range(20, 201, 20))
    for measure, random in gain.curves["random"].items():
        active = gain.curves["active"][measure]
        assert active[0] == random[0]
        assert len(active) == len(random) == len(gain.labels)
        assert all(0 <= value <= 1 for value in [*active, *random])
    assert sum(gain.curves["active"]["kept"]) > sum(gain.curves["random"]["kept"])
    assert gain.needed("kept")[-1] is not None
    assert gain.needed("kept")[-1] < 200


def test_when_all_is_labelled_the_kept_graph_has_every_valid_triple(labelled: list[Labelled]) -> None:
    share = sum(row.plausible for row in labelled) / len(labelled)
    gain = review_gain(labelled, step=10, most=400, keep=0.25, seeds=1)
    assert share > 0.3
    assert gain.curves["random"]["kept"][-1] == gain.curves["active"]["kept"][-1] == 1.0
    assert gain.labels[-1] > gain.pool - 10


def test_needed_is_the_first_time_that_active_is_as_good_as_random_was_by_then() -> None:
    same = [0.5, 0.5, 0.5, 0.5]
    gain = Gain([1, 2, 3, 4], 0.5, 9, {
        "random": {"kept": [0.5, 0.7, 0.6, 0.9], "held_out": same, "auc": same},
        "active": {"kept": [0.4, 0.8, 0.7, 0.8], "held_out": same, "auc": same},
    })
    assert gain.needed("kept") == [2, 2, 2, None]
    assert gain.as_dict()["needed"]["auc"] == [1, 1, 1, 1]


def test_too_few_or_equal_labels_are_refused(labelled: list[Labelled]) -> None:
    with pytest.raises(InputError, match="too few for steps of 80"):
        review_gain(labelled[:150], step=80)
    with pytest.raises(InputError, match="all labels are the same"):
        review_gain([row for row in labelled if row.plausible])


@pytest.mark.usefixtures("labelled")
def test_the_command_writes_table_json_and_pictures(labelled: list[Labelled], tmp_path: Path) -> None:
    rows = [{"head": r.triple.head, "relation": r.triple.relation, "tail": r.triple.tail, "label": int(r.plausible)}
            for r in labelled]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["eval", "review", str(tmp_path / "labels.jsonl"), "--step", "50", "--most", "150", "--seeds", "1"]
    done = CliRunner().invoke(kg, [*command, "--out", str(tmp_path / "report")], catch_exceptions=False)
    assert done.exit_code == 0
    assert "precision of the kept graph (best 50% kept" in done.stdout
    assert json.loads((tmp_path / "report" / "gain.json").read_text())["labels"] == [50, 100, 150]
    assert (tmp_path / "report" / "review_gain.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "report" / "review_gain.svg").stat().st_size > 1000
