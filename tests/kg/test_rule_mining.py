"""Rules against a count by hand, on random graphs; and the rules of families on the Family graph."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import rule_mining
from kg.errors import InputError
from kg.ontology import load_ontology
from kg.records import Triple
from kg.rule_mining import Thresholds, mine
from kg.rules import Atom, Rule
from kg.splits import read_training_triples

DATA = Path(__file__).parents[3] / "shared" / "data"
ALL = Thresholds(1, 0, 0, 0)
names = st.sampled_from("abcde")
triples = st.builds(Triple, names, st.sampled_from(["r", "s"]), names, st.booleans())

# What holds in every family, as far as the twelve relations can say it: x is the ... of y.
GOLD = """
wife(x, y) <= husband(y, x)
husband(x, y) <= wife(y, x)
wife(x, y) <= mother(x, z), father(y, z)
husband(x, y) <= father(x, z), mother(y, z)
father(x, y) <= husband(x, z), mother(z, y)
father(x, y) <= father(x, z), brother(z, y)
father(x, y) <= father(x, z), sister(z, y)
mother(x, y) <= mother(x, z), brother(z, y)
mother(x, y) <= mother(x, z), sister(z, y)
son(x, y) <= brother(x, z), son(z, y)
son(x, y) <= brother(x, z), daughter(z, y)
son(x, y) <= son(x, z), husband(y, z)
daughter(x, y) <= sister(x, z), son(z, y)
daughter(x, y) <= sister(x, z), daughter(z, y)
daughter(x, y) <= daughter(x, z), husband(y, z)
brother(x, y) <= brother(x, z), brother(z, y)
brother(x, y) <= brother(x, z), sister(z, y)
brother(x, y) <= son(x, z), mother(z, y)
sister(x, y) <= sister(x, z), sister(z, y)
sister(x, y) <= sister(x, z), brother(z, y)
sister(x, y) <= daughter(x, z), mother(z, y)
uncle(x, y) <= brother(x, z), father(z, y)
uncle(x, y) <= brother(x, z), mother(z, y)
aunt(x, y) <= sister(x, z), father(z, y)
aunt(x, y) <= sister(x, z), mother(z, y)
nephew(x, y) <= son(x, z), brother(z, y)
nephew(x, y) <= son(x, z), sister(z, y)
niece(x, y) <= daughter(x, z), brother(z, y)
niece(x, y) <= daughter(x, z), sister(z, y)
""".strip().splitlines()


def brute_force(graph: list[Triple]) -> dict[str, Rule]:
    """Every rule with support, by trying all entities for all variables."""
    facts = {(Atom(t.relation, t.negated), t.head, t.tail) for t in graph if t.head != t.tail}
    heads = sorted({atom for atom, _, _ in facts})
    entities = sorted({e for _, *ends in facts for e in ends})

    def holds(atom: Atom, x: str, y: str) -> bool:
        return (Atom(atom.relation, atom.negated), *((y, x) if atom.inverse else (x, y))) in facts

    found = {}
    atoms = [Atom(a.relation, a.negated, inverse) for a in heads for inverse in (False, True)]
    for body in [(a,) for a in atoms] + list(product(atoms, repeat=2)):
        pairs = {
            (path[0], path[-1]) for path in product(entities, repeat=len(body) + 1)
            if len(set(path)) == len(path) and all(holds(a, *path[i : i + 2]) for i, a in enumerate(body))
        }
        for head in heads:
            known = {(x, y) for atom, x, y in facts if atom == head}
            support = len(pairs & known)
            if support and body != (head,):
                subjects, objects = ({pair[side] for pair in known} for side in (0, 1))
                side, those = (0, subjects) if len(subjects) >= len(objects) else (1, objects)
                pca = sum(pair[side] in those for pair in pairs)
                rule = Rule(head, body, support, len(pairs), pca, len(known))
                found[str(rule)] = rule
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(triples, max_size=14), st.sampled_from([1, 3, 4_000_000]))
def test_all_counts_are_those_of_a_brute_force_whatever_the_size_of_a_block(graph, block):
    if all(t.head == t.tail for t in graph):
        return
    before, rule_mining.BLOCK = rule_mining.BLOCK, block
    try:
        assert {str(rule): rule for rule in mine(graph, ALL)} == brute_force(graph)
    finally:
        rule_mining.BLOCK = before


@settings(max_examples=10, deadline=None)
@given(st.permutations([Triple(h, r, t) for h, r, t in ("arb", "brc", "arc", "crd", "ard", "bsa", "asb", "dsd")]))
def test_the_order_of_the_triples_does_not_matter(graph):
    found = mine(graph, ALL)
    assert found == mine(sorted(graph, key=tuple), ALL)
    assert "r(x, y) <= r(x, z), r(z, y)" in map(str, found)


def test_thresholds_are_the_least_that_is_kept():
    graph = [Triple(f"a{n}", "husband", f"b{n}") for n in range(10)]
    graph += [Triple(f"b{n}", "wife", f"a{n}") for n in range(8)]
    rule = "wife(x, y) <= husband(y, x)"
    assert rule in map(str, mine(graph, Thresholds(8, 1, 0.8, 1)))
    for thresholds in (Thresholds(9), Thresholds(8, confidence=0.81)):
        assert rule not in map(str, mine(graph, thresholds))


def test_a_denied_relation_is_a_relation_of_its_own():
    graph = [Triple(f"a{n}", "xHate", f"b{n}") for n in range(10)]
    graph += [Triple(f"a{n}", "xWant", f"b{n}", True) for n in range(10)]
    assert str(mine(graph)[0]) == "NotxWant(x, y) <= xHate(x, y)"


@pytest.mark.parametrize("graph", [[], [Triple("a", "r", "a")]])
def test_a_graph_without_links_is_refused(graph):
    with pytest.raises(InputError, match="two different ends"):
        mine(graph)


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="the data sets are not beside the repository")
def test_the_rules_of_families_are_found_with_confidence():
    parts = [DATA / "neural_lp" / f"{name}.txt" for name in ("facts", "train", "valid", "test")]
    family = [t for part in parts for t in read_training_triples(part, load_ontology())]
    found = {str(rule): rule for rule in mine(family)}
    assert [rule for rule in GOLD if rule not in found or found[rule].confidence < 0.9] == []
    assert sum(found[rule].confidence for rule in GOLD) / len(GOLD) > 0.98
