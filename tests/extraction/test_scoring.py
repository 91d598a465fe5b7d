"""Scoring triples against a gold file."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.batch import extract_file
from extraction.scoring import Scores, Tally, agreement, match, score, score_files
from kg.errors import InputError

GOLD = Path(__file__).parents[2].parent / "shared" / "data" / "extraction_gold"
needs_gold = pytest.mark.skipif(not GOLD.is_dir(), reason=f"needs the marked texts in {GOLD}")


def triple(head: str, relation: str, tail: str, negated: bool = False, rule: str = "r@1") -> dict[str, Any]:
    return {"head": head, "relation": relation, "tail": tail, "negated": negated, "rule": rule}


def row(identity: str, source: str, triples: list[Any], optional: list[Any] | None = None) -> dict[str, Any]:
    return {"id": identity, "source": source, "text": "Cats climb.", "triples": triples, "optional": optional or []}


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


@pytest.mark.parametrize(("one", "other", "expected"), [
    ("the cats", "cat", 1.0),
    ("PersonX's cake", "cakes", 1.0),
    ("baking cakes", "bake a cake", 1.0),
    ("eat it", "drink it", 0.0),
    ("the", "a", 1.0),
    ("the", "cat", 0.0),
    ("red red car", "red car", 4 / 5),
])
def test_agreement_is_that_of_content_words(one: str, other: str, expected: float) -> None:
    assert agreement(one, other) == pytest.approx(expected)


@given(st.text(alphabet="ab the'", max_size=12), st.text(alphabet="ab the'", max_size=12))
def test_agreement_is_symmetric_and_whole_for_equals(one: str, other: str) -> None:
    assert agreement(one, other) == agreement(other, one)
    assert 0 <= agreement(one, other) <= agreement(one, one) == 1


def test_relation_and_denial_must_be_equal() -> None:
    gold = [triple("cat", "CapableOf", "climb trees")]
    assert match(gold, [triple("cats", "CapableOf", "climb a tree")]) == ({0}, {0})
    assert match(gold, [triple("cat", "HasProperty", "climb trees")]) == (set(), set())
    assert match(gold, [triple("cat", "CapableOf", "climb trees", negated=True)]) == (set(), set())


def test_each_triple_is_matched_once_the_best_first() -> None:
    gold = [triple("cat", "CapableOf", "climb high trees"), triple("cat", "CapableOf", "climb trees")]
    found, used = match(gold, [triple("cat", "CapableOf", "climb trees"), triple("cat", "CapableOf", "climb trees")])
    assert (found, used) == ({0, 1}, {0, 1})
    assert match(gold, [triple("cat", "CapableOf", "climb trees")]) == ({1}, {0})


def test_groups_rules_and_optional_triples() -> None:
    right, wrong = triple("cat", "CapableOf", "climb"), triple("cat", "HasProperty", "blue", rule="is@1")
    extra = triple("cat", "HasProperty", "small", rule="is@1")
    scores = score(
        [row("1", "gkp", [right], [extra]), row("2", "lists", [right, triple("dog", "CapableOf", "bark")])],
        [[right, wrong, extra], [right]],
    )
    assert scores.everything == Tally(gold=3, found=2, false=1, optional=1)
    assert scores.everything.precision == pytest.approx(2 / 3)
    assert scores.everything.recall == scores.everything.f1 == pytest.approx(2 / 3)
    assert scores.sources == {"gkp": Tally(1, 1, 1, 1), "prose": Tally(1, 1, 1, 1), "lists": Tally(2, 1, 0, 0)}
    assert scores.relations == {"CapableOf": Tally(3, 2, 0, 0), "HasProperty": Tally(0, 0, 1, 1)}
    assert scores.rules == {"r@1": Tally(0, 2, 0, 0), "is@1": Tally(0, 0, 1, 1)}
    assert [name for name, _ in scores.ranked("sources")] == ["prose", "lists", "gkp"]
    assert scores.as_dict()["rules"]["is@1"] == {"found": 0, "false": 1, "optional": 1, "precision": 0.0}


def test_nothing_scores_nothing() -> None:
    assert (Tally().precision, Tally().recall, Tally().f1) == (0, 0, 0)
    assert score([], []) == Scores()


def test_a_text_without_predictions_counts_as_unread(tmp_path: Path) -> None:
    gold = write(tmp_path / "g", [row("1", "a", [triple("x", "xWant", "y")]), row("2", "a", [])])
    predicted = write(tmp_path / "p", [{"id": "2", "triples": [triple("z", "xWant", "q")]}])
    assert score_files(gold, predicted).everything == Tally(gold=1, found=0, false=1)


@pytest.mark.parametrize(("line", "message"), [
    ("[]", "line 1: not an object"),
    ('{"triples": []}', 'line 1: not an object with an "id"'),
    ('{"id": [1], "triples": []}', "id"),
    ('{"id": 1}', '"triples" must be a list'),
    ('{"id": 1, "triples": [3]}', '"triples" must be a list'),
    ('{"id": 1, "triples": [{"head": "a", "relation": "b"}]}', '"triples" must be a list'),
    ('{"id": 1, "triples": [], "optional": null}', '"optional" must be a list'),
    ('{"id": 1, "triples": [], "source": 3}', '"source" must be a string'),
    ('{"id": 1, "triples": []}', 'text 1: "text" is missing'),
    ("{", "not JSON"),
    ("", "no rows"),
])
def test_a_bad_gold_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(line)
    with pytest.raises(InputError, match=message):
        score_files(path)


def official() -> ModuleType:
    spec = importlib.util.spec_from_file_location("official_score", GOLD / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.data
@needs_gold
@pytest.mark.parametrize("name", ["dev.jsonl", "dev_prose.jsonl"])
def test_the_numbers_are_those_of_the_official_script(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predicted = tmp_path / "predicted.jsonl"
    extract_file(GOLD / name, predicted)
    official().main(GOLD / name, predicted)
    printed = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    scores = score_files(GOLD / name, predicted)
    ours = {"ALL": scores.everything, **scores.sources, **scores.relations}
    assert {n: line(t) for n, t in ours.items() if t.gold or t.false} == printed
    assert score_files(GOLD / name) == scores


def line(t: Tally) -> list[str]:
    counts = ["gold", str(t.gold), "found", str(t.found), "false", str(t.false)]
    return [*counts, "P", f"{t.precision:.3f}", "R", f"{t.recall:.3f}", "F1", f"{t.f1:.3f}"]
