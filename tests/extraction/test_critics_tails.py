"""Near duplicates, contradictions and coherence."""

import pytest

from extraction.critics_tails import CoherenceCritic, ContradictionCritic, NearDuplicateCritic, opposites
from kg.ontology import load_ontology
from kg.protocols import Critic
from kg.records import Answer, Candidate, Claim, Generation, Prompt, Triple

ONTOLOGY = load_ontology()
HEAD = "PersonX bakes a cake for PersonY"


def say(critic: Critic, *triples: Triple) -> list[str]:
    """The decisions on triples that are said one after the other, each in an answer of its own."""
    claims = []
    for n, triple in enumerate(triples):
        prompt = Prompt(triple.head, triple.relation, "t", "?", sample=n)
        generation = Generation(prompt.id, "t", triple.tail)
        claims.append(Claim(Candidate(triple, generation.id, "list", 0, len(triple.tail)), Answer(prompt, generation)))
    return [v.decision for v in critic.judge(claims)]


def near(one: str, other: str, relation: str = "xWant") -> bool:
    critic = NearDuplicateCritic(NearDuplicateCritic.Options(), ONTOLOGY)
    decisions = say(critic, Triple(HEAD, relation, one), Triple(HEAD, relation, other))
    assert decisions[0] == "keep"
    return decisions[1] == "drop"


@pytest.mark.parametrize(("one", "other"), [
    ("to eat the cakes", "to eat a cake"), ("to buy some presents", "to buy a present"),
    ("to wash his hands", "wash hands"),
    ("to share it with friends", "to share it with friend"), ("to start cleaning", "to start clean"),
])
def test_other_forms_of_the_same_words_are_near_duplicates(one: str, other: str) -> None:
    assert near(one, other)


@pytest.mark.parametrize(("one", "other"), [
    ("to eat it", "to heat it"), ("to sell the car", "to sell the cat"), ("to sell the house", "not to sell the house"),
    ("to thank PersonY for PersonX", "to thank PersonX for PersonY"), ("to eat", "to eat cake"), ("PersonX", "PersonY"),
    ("to contact it", "to content it"), ("to see a doctor", "to see the doctor"), ("the", "a"),
])
def test_other_words_and_the_same_node_are_none(one: str, other: str) -> None:
    assert not near(one, other)


def test_near_duplicates_are_those_of_one_head_relation_and_denial() -> None:
    critic = NearDuplicateCritic(NearDuplicateCritic.Options(), ONTOLOGY)
    assert say(
        critic, Triple(HEAD, "xWant", "to eat cakes"), Triple("PersonX sings", "xWant", "to eat cake"),
        Triple(HEAD, "xNeed", "to eat cake"), Triple(HEAD, "xWant", "to eat cake", True),
        Triple(HEAD, "xWant", "to eat cake"),
    ) == ["keep"] * 4 + ["drop"]


def test_what_is_said_and_denied_is_left_open() -> None:
    critic = ContradictionCritic(ContradictionCritic.Options(), ONTOLOGY)
    assert say(
        critic, Triple(HEAD, "xWant", "to eat"), Triple(HEAD, "xWant", "eats", True),
        Triple(HEAD, "xWant", "to rest", True), Triple(HEAD, "xWant", "to eat"),
        Triple(HEAD, "xWant", "to rest"), Triple(HEAD, "xNeed", "to rest"),
    ) == ["keep", "abstain", "keep", "abstain", "abstain", "keep"]


def test_opposite_feelings_are_left_open() -> None:
    critic = ContradictionCritic(ContradictionCritic.Options(), ONTOLOGY)
    assert say(
        critic, Triple(HEAD, "xReact", "happy"), Triple(HEAD, "xReact", "sad"), Triple(HEAD, "xReact", "tired"),
        Triple(HEAD, "xReact", "calm", True), Triple(HEAD, "xReact", "angry"),
    ) == ["keep", "abstain", "keep", "keep", "keep"]
    assert "unhappy" in opposites()["happy"]
    assert "happy" in opposites()["unhappy"]


@pytest.mark.parametrize(("relation", "tail", "reason"), [
    ("xWant", "to bake cakes", "tail only repeats words of the head"),
    ("xNeed", "bake a cake for PersonY", "tail only repeats words of the head"),
    ("xWant", "to bake bread", ""),
    ("xWant", "to bake", ""),
    ("xIntent", "to have a cake", ""),
    ("oReact", "PersonX is happy", "tail is about another person than asked"),
    ("xEffect", "PersonY gets fat", "tail is about another person than asked"),
    ("xWant", "PersonY to be glad", ""),
    ("xEffect", "PersonX gets fat", ""),
    ("isBefore", "PersonY eats it", ""),
    ("nosuch", "PersonY eats it", ""),
])
def test_coherence(relation: str, tail: str, reason: str) -> None:
    critic = CoherenceCritic(CoherenceCritic.Options(), ONTOLOGY)
    triple = Triple(HEAD, relation, tail)
    prompt = Prompt(HEAD, relation, "t", "?")
    generation = Generation(prompt.id, "t", tail)
    claim = Claim(Candidate(triple, generation.id, "list", 0, len(tail)), Answer(prompt, generation))
    assert critic.fault(claim) == reason
