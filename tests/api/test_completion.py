"""Merging what the graph knows with what a student says."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.completion import (
    GRAPH,
    GraphSource,
    Merged,
    Query,
    StudentSource,
    complete,
    complete_any,
    edge_id,
    merge,
    read_query,
)
from api.neighbours import NEIGHBOURS, NeighbourIndex, NeighbourSource
from api.sources import Sources
from api.triples import Edges
from kg.errors import InputError, TeacherError, UnknownNameError
from kg.levels import Levels
from kg.normal import normal_form
from kg.ontology import load_ontology
from kg.records import Completion, Triple
from kg.run import Run
from tests.api.conftest import HEAD, Student

ONTOLOGY = load_ontology()


def known(tail: str, score: float = 1.0) -> Completion:
    return Completion(Triple(HEAD, "xWant", tail), score, GRAPH, known=True)


def proposal(tail: str, score: float) -> Completion:
    return Completion(Triple(HEAD, "xWant", tail), score, "tiny")


def test_a_tail_of_both_is_one_entry_with_both_sources() -> None:
    (found,) = merge(ONTOLOGY, [known("to eat it", 0.4), proposal("eats it", 0.7)])
    assert (found.tail, found.known, found.score, found.source) == ("to eat it", True, 0.7, "tiny")
    assert found.sources == {GRAPH: 0.4, "tiny": 0.7}
    assert found.id == edge_id(ONTOLOGY, known("to eat it").triple)


def test_a_students_repetition_keeps_its_best() -> None:
    (found,) = merge(ONTOLOGY, [proposal("to sell it", 0.6), proposal("sells the it", 0.5)])
    assert (found.tail, found.score, found.known) == ("to sell it", 0.6, False)


def test_of_equal_scores_the_known_one_comes_first() -> None:
    found = merge(ONTOLOGY, [known("b", 0.5), proposal("a", 0.5)])
    assert [m.tail for m in found] == ["b", "a"]


texts = st.sampled_from(["to eat it", "eats it", "Eat  it.", "to sell it", "sleep", "", "a", "the", "🎂", "none"])
scores = st.floats(0, 1)


@given(st.dictionaries(texts, scores), st.lists(st.tuples(texts, scores)))
def test_a_merged_list_is_ranked_complete_and_without_duplicates(
    held: dict[str, float], proposed: list[tuple[str, float]]
) -> None:
    edges = {normal_form(t): known(t, s) for t, s in held.items()}
    found = merge(ONTOLOGY, [*edges.values(), *(proposal(t, s) for t, s in proposed)])
    keys = [normal_form(m.tail) for m in found]
    assert len(keys) == len(set(keys))
    assert set(keys) == {normal_form(t) for t in [*held, *(t for t, _ in proposed)]}
    assert [m.score for m in found] == sorted((m.score for m in found), reverse=True)
    for m in found:
        assert m.score == m.sources[m.source] == max(m.sources.values())
        assert m.known == (GRAPH in m.sources) == bool(m.id)


def ask(run: Run, *queries: Query, k: int = 10, student: bool = False, **more: Any) -> list[list[Merged]]:
    others = [StudentSource(Student(), ONTOLOGY)] if student else []
    return complete(queries, k, GraphSource(Edges(run)), others, ONTOLOGY, **more)[0]


def test_the_run_is_asked_by_normal_form(run: Run) -> None:
    (found,) = ask(run, read_query(ONTOLOGY, "PersonX  baked the Cake", "xWant"))
    assert {m.tail for m in found} >= {"eat it", "to share the cake"}
    assert all(m.known and m.source == GRAPH for m in found)
    assert {m.id for m in found} <= {e.id for e in Edges(run).find()}
    assert all(p["run_id"] == run.id and p["end"] > p["start"] for m in found for p in m.provenance)
    assert [len(m.provenance) for m in found if m.tail == "eat it"] == [2]


def test_an_edge_without_a_score_counts_as_certain(imported: Run) -> None:
    ((found,),) = ask(imported, read_query(ONTOLOGY, HEAD, "xWant"))
    assert (found.score, found.source) == (1.0, GRAPH)


def test_a_denied_relation_gives_the_denied_triples_only(run: Run) -> None:
    (found,) = ask(run, read_query(ONTOLOGY, HEAD, "NotxWant"))
    assert [(m.tail, m.relation) for m in found] == [("to burn it", "NotxWant")]


def test_k_caps_the_merged_list_and_new_only_leaves_known_ones_out(run: Run) -> None:
    query = read_query(ONTOLOGY, HEAD, "xWant")
    (two,) = ask(run, query, k=2, student=True)
    assert len(two) == 2
    (new,) = ask(run, query, k=2, student=True, new_only=True)
    assert [(m.tail, m.known) for m in new] == [("to sell it", False), ("x", False)]


def test_a_relation_that_the_student_never_learned_is_answered_by_the_graph(run: Run) -> None:
    queries = [read_query(ONTOLOGY, HEAD, name) for name in ("oReact", "xWant", "oReact")]
    found, notes = complete(queries, 5, GraphSource(Edges(run)), [StudentSource(Student(), ONTOLOGY)], ONTOLOGY)
    said = ["the student never learned oReact: there the graph answers alone"]
    assert notes == [said, [], said]
    assert [len(f) for f in found] == [0, 5, 0]


def test_a_student_is_not_asked_what_it_cannot_answer(run: Run) -> None:
    queries = [read_query(ONTOLOGY, HEAD, None, "eat it"), read_query(ONTOLOGY, None, "xWant", "eat it")]
    assert {m.source for found in ask(run, *queries, student=True) for m in found} == {GRAPH}


def test_a_head_alone_is_completed_by_any_relation_that_student_and_ontology_have() -> None:
    class Many(Student):
        def complete(self, queries: Any, k: int = 5) -> Any:
            scores = {"my own": 0.9, "xWant": 0.5, "NotxWant": 0.6, "xReact": 0.4}
            return [
                [Completion(Triple(h, r.removeprefix("Not"), f"{n}", r.startswith("Not")), scores[r] - n / 20, "many")
                 for n in range(k)] for h, r in queries
            ]

    queries = [
        read_query(ONTOLOGY, HEAD, None), read_query(ONTOLOGY, HEAD, None, None, ["xReact", "xWant", "xNeed"]),
        read_query(ONTOLOGY, "x", "xReact"),
    ]
    student = Many(relations=("my own", "xWant", "NotxWant", "xReact"))
    found = StudentSource(student, ONTOLOGY).complete(queries, 4)
    assert [[(list(c.triple)[1], c.triple.tail) for c in part] for part in found.found] == [
        [("NotxWant", "0"), ("NotxWant", "1"), ("xWant", "0"), ("NotxWant", "2")],
        [("xWant", "0"), ("xWant", "1"), ("xWant", "2"), ("xReact", "0")],
        [("xReact", f"{n}") for n in range(4)],
    ]
    assert found.notes == {}


def test_the_best_of_all_relations_come_first() -> None:
    def complete_all(pairs: Any, k: int) -> Any:
        return [[Completion(Triple(h, r, "t"), float(r), "s")] for h, r in pairs]

    found = complete_any(complete_all, [("a", ["0.1", "0.3", "0.2"]), ("b", []), ("c", ["0.5"])], 2)
    assert [[(c.triple.head, c.score) for c in part] for part in found] == [[("a", 0.3), ("a", 0.2)], [], [("c", 0.5)]]


def test_nothing_is_an_answer_for_one_relation_alone() -> None:
    def complete_all(pairs: Any, k: int) -> Any:
        return [[Completion(Triple(h, r, t), 0.5, "s") for t in ("None", "to rest")] for h, r in pairs]

    found = complete_any(complete_all, [("a", ["xWant", "xNeed"]), ("b", ["xWant"])], 3)
    assert [[c.triple.tail for c in part] for part in found] == [["to rest", "to rest"], ["None", "to rest"]]


def test_a_student_of_any_field_is_asked_for_what_is_open(run: Run) -> None:
    class Any3(Student):
        gives_heads = True

        def complete_heads(self, queries: Any, k: int = 5) -> Any:
            return [[Completion(Triple("PersonX roasts a goose", r, t), 0.4, "any")] * min(k, 1) for r, t in queries]

        def complete_relations(self, pairs: Any, k: int = 5) -> Any:
            found = [("xWant", 0.6), ("xReact", 0.3), ("xAttr", 0.1)]
            return [[Completion(Triple(h, r, t), p, "any") for r, p in found][:k] for h, t in pairs]

    queries = [
        read_query(ONTOLOGY, None, "xWant", "to feast"), read_query(ONTOLOGY, HEAD, None, "to feast"),
        read_query(ONTOLOGY, HEAD, None, "to feast", ["xReact"]), read_query(ONTOLOGY, None, None, "to feast"),
    ]
    found = StudentSource(Any3(relations=("xWant", "xReact")), ONTOLOGY).complete(queries, 2).found
    assert [[list(c.triple) for c in part] for part in found] == [
        [["PersonX roasts a goose", "xWant", "to feast"]],
        [[HEAD, "xWant", "to feast"], [HEAD, "xReact", "to feast"]],
        [[HEAD, "xReact", "to feast"]],
        [],
    ]


def test_no_query_is_no_answer(run: Run) -> None:
    assert ask(run, student=True) == []


def test_an_unknown_relation_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean xWant"):
        read_query(ONTOLOGY, HEAD, "xWnat")


@pytest.mark.parametrize("fields", [(None, "xWant", None), (None, None, None), ("a", "xWant", "b")])
def test_a_query_that_gives_too_little_or_all(fields: tuple[str | None, str | None, str | None]) -> None:
    with pytest.raises(InputError, match="leaves something open"):
        read_query(ONTOLOGY, *fields)


@pytest.fixture(scope="module")
def index(run: Run) -> NeighbourIndex:
    return NeighbourIndex(Edges(run), ONTOLOGY)


def test_near_neighbours_propose_what_they_have(index: NeighbourIndex) -> None:
    source = NeighbourSource(lambda: index)
    new = "PersonX bakes muffins"
    queries = [
        read_query(ONTOLOGY, new, "xWant"), read_query(ONTOLOGY, HEAD, "xWant"),
        read_query(ONTOLOGY, new, None, "eats it"), read_query(ONTOLOGY, "x", "oReact"),
        read_query(ONTOLOGY, None, "xWant", "eat it"), read_query(ONTOLOGY, new, None, None, ["xReact"]),
    ]
    found = source.complete(queries, 10).found
    assert "eat it" in {c.triple.tail for c in found[0]}
    assert {c.source for c in found[0]} == {NEIGHBOURS}
    assert all(0 < c.score < 1 and not c.known for c in found[0])
    assert "eat it" not in {c.triple.tail for c in found[1]}  # only the head itself has it
    assert {c.triple for c in found[2]} == {Triple(new, "xWant", "eat it")}
    assert found[3] == found[4] == []
    assert {c.triple.relation for c in found[5]} == {"xReact"}


def test_an_index_that_is_not_there_yet_is_said(index: NeighbourIndex) -> None:
    go_on = threading.Event()

    def make() -> NeighbourIndex:
        go_on.wait(10)
        return index

    source = NeighbourSource(make, patience=0.01)
    query = read_query(ONTOLOGY, "PersonX bakes muffins", "xWant")
    assert "ask again later" in source.complete([query], 3).notes[0]
    go_on.set()
    while (answer := source.complete([query], 3)).notes:
        pass
    assert answer.found != [[]]


def test_only_the_first_question_waits_for_the_index(index: NeighbourIndex) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def make() -> NeighbourIndex:
        begun.set()
        go_on.wait(60)
        return index

    source = NeighbourSource(make, patience=60)
    query = read_query(ONTOLOGY, "PersonX bakes muffins", "xWant")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(source.complete, [query], 3)
        assert begun.wait(10)
        assert "ask again later" in source.complete([query], 3).notes[0]
        go_on.set()
        assert first.result().found != [[]]


def test_an_encoder_that_is_missing_is_said() -> None:
    def fail() -> NeighbourIndex:
        raise TeacherError("install it")

    found = NeighbourSource(fail).complete([read_query(ONTOLOGY, HEAD, "xWant")], 3)
    assert (found.found, found.notes) == ([[]], {0: "near neighbours cannot be asked: install it"})


def test_a_level_leaves_out_what_does_not_pass_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.sources.levels_of", lambda _: Levels({"rec_0.5": 0.5, "rec_0.8": 0.1}))
    found, notes = Sources(run, ONTOLOGY, Student()).complete([read_query(ONTOLOGY, HEAD, "xWant")], 5, level="low")
    assert found == [[]]  # no edge of this run has a level
    assert notes == [["student, rules and links have no levels: they were not asked"]]


def test_edges_are_found_by_any_field_and_by_pages(run: Run) -> None:
    edges = Edges(run)
    everything = edges.find(limit=1000)
    assert edges.find(limit=2) + edges.find(limit=1000, offset=2) == everything
    assert edges.find(offset=10**9) == []
    assert {e.triple.negated for e in edges.find(relation="xWant")} == {True, False}
    assert [e.triple.tail for e in edges.find(relation="xWant", negated=True)] == ["to burn it"]
    assert {e.triple.head for e in edges.find(tail="eat it.")} == {HEAD}
    assert edges.find(head="nobody") == []
    assert replace(everything[0], score=None) != everything[0]
