"""Hostile texts: some of each kind, and that the script sees what is wrong. `tests.extraction.hostile` reads more."""

from collections import Counter
from typing import Any

import pytest

from extraction.batch import make_extractor
from tests.extraction import hostile


def test_a_hundred_texts_of_all_kinds_are_read() -> None:
    report = hostile.read(100, seed=1, huge_every=0)
    assert report.failures == []
    assert set(report.texts) == {kind.__name__ for kind in hostile.KINDS}
    assert report.triples.total() > 0  # sentences among the noise are read


def test_one_huge_text_of_each_kind_is_made_without_reading_it() -> None:
    made = [hostile.hostile_row(n, huge_every=1) for n in range(len(hostile.KINDS))]
    assert {kind for kind, _ in made} == {kind.__name__ for kind in hostile.KINDS}
    assert min(len(row["text"]) for _, row in made) > hostile.HUGE / 4
    assert max(len(row["text"]) for _, row in made) == hostile.HUGE


def test_a_number_makes_the_same_text_each_time() -> None:
    assert hostile.hostile_row(7, 3) == hostile.hostile_row(7, 3)
    assert hostile.hostile_row(7, 3) != hostile.hostile_row(7, 4)


def test_slow_texts_fail() -> None:
    report = hostile.read(2, cap=0.0)
    assert len(report.failures) == 2
    assert "more than 0 s" in report.failures[0]


@pytest.mark.parametrize("result", [
    None,
    {"id": 1, "triples": [{"head": "x", "tail": "y", "start": 0, "end": 99}]},
    {"id": 1, "triples": [{"head": "x", "tail": " ", "start": 0, "end": 1}]},
])
def test_crashes_and_triples_from_nowhere_fail(monkeypatch: pytest.MonkeyPatch, result: Any) -> None:
    monkeypatch.setattr(hostile, "extract_rows", lambda rows, extractor: iter([result] if result else []))
    assert hostile._fault({"text": "abc"}, make_extractor(), Counter(), "kind") != ""
