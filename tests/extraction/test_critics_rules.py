from pathlib import Path

import pytest

from extraction.critics_rules import RuleCritic
from kg.errors import InputError
from kg.ontology import load_ontology
from kg.records import Answer, Candidate, Claim, Generation, Prompt, Triple, Verdict
from kg.rules import Atom, Rule, save_rules

ONE = Rule(Atom("xWant", True), (Atom("xHate", inverse=True),), 19, 20, 20, 30)
CHAIN = Rule(Atom("uncle"), (Atom("brother"), Atom("father")), 18, 20, 20, 30)
WEAK = Rule(Atom("xWant"), (Atom("xNeed"),), 10, 20, 20, 30)


@pytest.fixture
def critic(tmp_path: Path) -> RuleCritic:
    save_rules([ONE, CHAIN, WEAK], tmp_path / "rules.json")
    return RuleCritic(RuleCritic.Options(file=str(tmp_path / "rules.json")), load_ontology())


def say(critic: RuleCritic, *triples: Triple) -> list[Verdict]:
    claims = []
    for n, triple in enumerate(triples):
        prompt = Prompt(triple.head, triple.relation, "t", "?", sample=n)
        generation = Generation(prompt.id, "t", triple.tail)
        claims.append(Claim(Candidate(triple, generation.id, "list", 0, len(triple.tail)), Answer(prompt, generation)))
    return list(critic.judge(claims))


def decisions(critic: RuleCritic, *triples: Triple) -> list[str]:
    return [v.decision for v in say(critic, *triples)]


def test_what_a_rule_denies_is_left_open_whichever_comes_last(critic):
    hated, wanted = Triple("rain", "xHate", "Al"), Triple("Al", "xWant", "to rain")
    for order in ((hated, wanted), (wanted, hated)):
        last = say(critic, *order)[-1]
        assert (last.decision, last.reason) == ("abstain", "rule: NotxWant(x, y) <= xHate(y, x)")
    assert decisions(critic, hated, Triple("Al", "xWant", "rain", True)) == ["keep", "keep"]
    assert decisions(critic, Triple("rain", "xHate", "Al", True), wanted) == ["keep", "keep"]


def test_a_chain_is_followed_whatever_its_order(critic):
    chain = [Triple("Al", "brother", "Bo"), Triple("Bo", "father", "Cy"), Triple("Al", "uncle", "Cy", True)]
    for order in ([0, 1, 2], [1, 2, 0], [2, 0, 1]):
        assert decisions(critic, *(chain[n] for n in order)) == ["keep", "keep", "abstain"]
    assert decisions(critic, *chain[:2], Triple("Al", "uncle", "Cy")) == ["keep"] * 3


def test_variables_stand_for_different_things(critic):
    assert decisions(
        critic, Triple("Al", "brother", "Bo"), Triple("Bo", "father", "Al"), Triple("Al", "uncle", "Al", True)
    ) == ["keep"] * 3


def test_a_rule_below_the_minimum_is_not_used(critic):
    assert decisions(critic, Triple("Al", "xNeed", "to eat"), Triple("Al", "xWant", "to eat", True)) == ["keep"] * 2


def test_the_version_is_that_of_the_rules_in_use(critic, tmp_path: Path):
    save_rules([ONE, CHAIN], tmp_path / "other.json")
    options = RuleCritic.Options(file=str(tmp_path / "other.json"))
    assert RuleCritic(options, load_ontology()).version == critic.version
    save_rules([ONE], tmp_path / "other.json")
    assert RuleCritic(options, load_ontology()).version != critic.version


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"none\.json"):
        RuleCritic(RuleCritic.Options(file=str(tmp_path / "none.json")), load_ontology())
