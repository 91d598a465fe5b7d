"""Merging what the graph knows with what a student says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.completion import GRAPH, Query, complete, merge, read_queries
from api.triples import Edge, Edges
from kg.errors import UnknownNameError
from kg.graph import node_id
from kg.normal import normal_form
from kg.ontology import load_ontology
from kg.records import Completion, Triple
from kg.run import Run
from tests.api.conftest import HEAD, Student

ONTOLOGY = load_ontology()
WANT = Query(HEAD, ONTOLOGY["xWant"], False)


def edge(tail: str, score: float | None = None) -> Edge:
    triple = Triple(HEAD, "xWant", tail)
    return Edge(triple.id, WANT.head_id, node_id(tail, "Event"), triple, score, 1)


def proposal(tail: str, score: float) -> Completion:
    return Completion(Triple(HEAD, "xWant", tail), score, "tiny")


def test_a_tail_of_both_is_one_entry_with_both_sources() -> None:
    (found,) = merge(WANT, [edge("to eat it", 0.4)], [proposal("eats it", 0.7)])
    assert (found.tail, found.known, found.score, found.source) == ("to eat it", True, 0.7, "tiny")
    assert found.sources == {GRAPH: 0.4, "tiny": 0.7}
    assert found.id == edge("to eat it").id


def test_an_edge_without_a_score_counts_as_certain() -> None:
    (found,) = merge(WANT, [edge("to eat it")], [proposal("eats it", 0.7)])
    assert (found.score, found.source) == (1.0, GRAPH)


def test_a_students_repetition_keeps_its_best() -> None:
    (found,) = merge(WANT, [], [proposal("to sell it", 0.6), proposal("sells the it", 0.5)])
    assert (found.tail, found.score, found.known) == ("to sell it", 0.6, False)


def test_of_equal_scores_the_known_one_comes_first() -> None:
    found = merge(WANT, [edge("b", 0.5)], [proposal("a", 0.5)])
    assert [m.tail for m in found] == ["b", "a"]


texts = st.sampled_from(["to eat it", "eats it", "Eat  it.", "to sell it", "sleep", "", "a", "the", "🎂", "none"])
scores = st.floats(0, 1)


@given(st.dictionaries(texts, scores), st.lists(st.tuples(texts, scores)))
def test_a_merged_list_is_ranked_complete_and_without_duplicates(
    known: dict[str, float], proposed: list[tuple[str, float]]
) -> None:
    edges = {e.tail_id: e for e in (edge(t, s) for t, s in known.items())}
    found = merge(WANT, edges.values(), [proposal(t, s) for t, s in proposed])
    keys = [normal_form(m.tail) for m in found]
    assert len(keys) == len(set(keys))
    assert set(keys) == {normal_form(t) for t in [*known, *(t for t, _ in proposed)]}
    assert [m.score for m in found] == sorted((m.score for m in found), reverse=True)
    for m in found:
        assert m.score == m.sources[m.source] == max(m.sources.values())
        assert m.known == (GRAPH in m.sources) == bool(m.id)


def test_the_run_is_asked_by_normal_form(run: Run) -> None:
    (found,), _ = complete(read_queries([("PersonX  baked the Cake", "xWant")], ONTOLOGY), 10, Edges(run), None)
    assert {m.tail for m in found} >= {"eat it", "to share the cake"}
    assert all(m.known and m.source == GRAPH for m in found)


def test_a_denied_relation_gives_the_denied_triples_only(run: Run) -> None:
    (found,), _ = complete(read_queries([(HEAD, "NotxWant")], ONTOLOGY), 10, Edges(run), None)
    assert [m.tail for m in found] == ["to burn it"]


def test_k_caps_the_merged_list_and_new_only_leaves_known_ones_out(run: Run) -> None:
    queries = read_queries([(HEAD, "xWant")], ONTOLOGY)
    (two,), _ = complete(queries, 2, Edges(run), Student())
    assert len(two) == 2
    (new,), _ = complete(queries, 2, Edges(run), Student(), new_only=True)
    assert [(m.tail, m.known) for m in new] == [("to sell it", False), ("x", False)]


def test_a_relation_that_the_student_never_learned_is_answered_by_the_graph(run: Run) -> None:
    queries = read_queries([(HEAD, "oReact"), (HEAD, "xWant"), (HEAD, "oReact")], ONTOLOGY)
    found, unlearned = complete(queries, 5, Edges(run), Student())
    assert unlearned == ["oReact"]
    assert [len(f) for f in found] == [0, 5, 0]


def test_no_query_is_no_answer(run: Run) -> None:
    assert complete([], 5, Edges(run), Student()) == ([], [])


def test_an_unknown_relation_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean xWant"):
        read_queries([(HEAD, "xWnat")], ONTOLOGY)


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
