from hypothesis import given, settings
from hypothesis import strategies as st

from kg.records import Triple
from kg.rule_completions import RuleStudent, infer
from kg.rule_mining import Thresholds, mine
from kg.rules import Atom, Rule

FAMILY = [Triple("Al", "brother", "Bo"), Triple("Bo", "father", "Cy"), Triple("Al", "uncle", "Di")]
SURE = Rule(Atom("uncle"), (Atom("brother"), Atom("father")), 9, 10, 10, 20)
GUESS = Rule(Atom("uncle"), (Atom("brother"),), 1, 10, 10, 20)
ODD = Rule(Atom("uncle", True), (Atom("father", inverse=True),), 1, 2, 2, 20)
links = st.builds(Triple, st.sampled_from("abcd"), st.sampled_from(["r", "s"]), st.sampled_from("abcd"), st.booleans())


def test_the_best_rule_is_given_with_what_it_follows_from():
    first, second, third = infer(FAMILY, [GUESS, ODD, SURE])
    assert (first.completion.triple, first.rule, first.facts) == (Triple("Al", "uncle", "Cy"), SURE, tuple(FAMILY[:2]))
    assert (first.completion.score, first.completion.source, first.completion.known) == (0.9, "rules", False)
    assert (second.completion.triple, second.completion.score) == (Triple("Al", "uncle", "Bo"), 0.1)
    assert (third.completion.triple, third.facts) == (Triple("Cy", "uncle", "Bo", True), (FAMILY[1],))


def test_what_the_graph_says_already_is_no_completion():
    assert list(infer([*FAMILY, Triple("Al", "uncle", "Cy")], [SURE])) == []


def test_a_rule_of_relations_that_the_graph_lacks_says_nothing():
    assert list(infer([Triple("Al", "sister", "Bo")], [SURE, GUESS])) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(links, min_size=1, max_size=12))
def test_each_completion_is_new_comes_once_and_rests_on_triples_of_the_graph(graph):
    graph = [*graph, Triple("a", "r", "b")]
    found = list(infer(graph, mine(graph, Thresholds(1, 0, 0, 0))))
    added = [i.completion.triple for i in found]
    assert len(set(added)) == len(added)
    assert not set(added) & set(graph)
    assert all(set(i.facts) <= set(graph) and len(i.facts) == len(i.rule.body) for i in found)
    assert all(i.completion.score == i.rule.confidence for i in found)


@settings(max_examples=40, deadline=None)
@given(st.lists(links, min_size=1, max_size=12))
def test_asked_of_one_entity_rules_say_what_they_say_of_the_whole_graph(graph):
    graph = [*graph, Triple("a", "r", "b")]
    rules = mine(graph, Thresholds(1, 0, 0, 0))
    expected = {i.completion.triple: i.completion.score for i in infer(graph, rules)}
    student, entities = RuleStudent(graph, rules), sorted({e for t in graph for e in (t.head, t.tail)})
    for answers in (student.complete([(e, "") for e in entities], 1000),
                    student.complete_heads([("", e) for e in entities], 1000)):
        said = [i for found in answers for i in found]
        assert {i.completion.triple: i.completion.score for i in said} == expected
        assert len(said) == len(expected)
        assert all(set(i.facts) <= set(graph) for i in said)
