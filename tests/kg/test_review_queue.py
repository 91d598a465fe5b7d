"""What people are asked first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import nan
from pathlib import Path

import numpy as np
import pytest

from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.pipeline import Parts, build
from kg.records import Claim, Decision, Triple, Verdict
from kg.review_queue import cut_off, leanings, queue
from kg.run import Run
from tests.api.conftest import Extractor, Source, Teacher
from tests.graphs import write_graph

ONTOLOGY = load_ontology()


@dataclass(frozen=True)
class Critic:
    """Judges by the tail: a decision and a score."""

    name: str
    says: dict[str, tuple[Decision, float | None]]
    rest: tuple[Decision, float | None] = ("keep", None)
    version: str = field(default="1")

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        for claim in claims:
            yield Verdict(claim.candidate.id, self.name, *self.says.get(claim.candidate.triple.tail, self.rest))


def judged(folder: Path, *critics: Critic) -> Run:
    run = Run.create(folder / "run", "run-1", {})
    build(run, Parts(ONTOLOGY, Source(), Teacher(), Extractor(), critics))
    return run


def test_leaning_is_the_share_of_scores_between_a_score_and_the_cut_off() -> None:
    scores = np.array([0.1, 0.2, 0.5, 0.6, 0.7, 0.9, nan])
    dropped = np.array([True, True, False, False, False, False, False])
    cut = cut_off(scores, dropped)
    assert cut == pytest.approx(0.35)
    assert leanings(scores, cut) == pytest.approx([-0.75, -0.25, 0.125, 0.375, 0.625, 0.875, 0])


@pytest.mark.parametrize(("dropped", "cut"), [([False, False], 0.2), ([True, True], 0.8)])
def test_where_all_is_kept_or_dropped_the_cut_off_is_at_the_end(dropped: list[bool], cut: float) -> None:
    assert cut_off(np.array([0.8, 0.2]), np.array(dropped)) == pytest.approx(cut)


def test_the_unsure_and_the_disputed_come_before_the_sure(tmp_path: Path) -> None:
    first = Critic("first", {
        "to eat it": ("keep", 0.95), "to share the cake": ("abstain", None), "to burn it": ("drop", 0.05),
        "eat it": ("keep", 0.9), "bad": ("drop", 0.1),
    }, ("keep", 0.8))
    rule = Critic("rule", {"to burn it": ("drop", None)})
    second = Critic("second", {"bad": ("drop", 0.05)}, ("keep", 0.9))
    by_tail = {item.triple.tail: item for item in queue(judged(tmp_path, first, rule), ONTOLOGY)}
    assert by_tail["to share the cake"].doubt == 1.0
    assert by_tail["to burn it"].doubt < 0.2
    assert not by_tail["to burn it"].kept
    assert by_tail["to share the cake"].kept
    by_tail = {item.triple.tail: item for item in queue(judged(tmp_path / "2", first, second), ONTOLOGY)}
    assert by_tail["to burn it"].doubt > by_tail["bad"].doubt + 0.2


def test_a_triple_is_asked_once_and_has_the_id_of_its_edge(tmp_path: Path) -> None:
    run = judged(tmp_path, Critic("form", {"bad": ("drop", None)}))
    items = queue(run, ONTOLOGY)
    edges = {e["id"]: e for e in GraphFiles(run).edges()}
    assert len(items) == len({item.id for item in items})
    assert {item.id for item in items if item.kept} == set(edges)
    assert {item.triple.tail for item in items if not item.kept} == {"bad"}
    assert all(item.source is not None for item in items)
    assert [i.id for i in queue(run, ONTOLOGY, 2)] == [i.id for i in items[:2]]


def test_the_order_does_not_depend_on_the_order_of_the_files(tmp_path: Path) -> None:
    items = queue(judged(tmp_path, Critic("form", {})), ONTOLOGY)
    assert [i.id for i in items] == sorted(i.id for i in items)


def test_an_imported_run_is_asked_by_its_scores(tmp_path: Path) -> None:
    rows = [(Triple("PersonX sings", "xReact", tail), s) for tail, s in (("happy", 0.9), ("sad", 0.55), ("mad", 0.1))]
    write_graph(tmp_path, [*rows, (Triple("PersonX sings", "xReact", "shy"), None)])
    items = queue(Run.open(tmp_path), ONTOLOGY)
    assert [item.triple.tail for item in items] == ["shy", "sad", "mad", "happy"]
    assert items[0].source is None
