"""What prompts ask."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.questions import what_is_asked
from kg.ontology import load_ontology

ATOMIC = load_ontology()
HEAD = "PersonX can not believe PersonX's eyes"


@pytest.mark.parametrize(
    ("question", "relation", "negated"),
    [
        ("What does PersonX want to do? Name three.", "xWant", False),
        ("What does PersonX not want to do? Name three.", "xWant", True),
        ("What does PersonY want to do? Name three.", "oWant", False),
        ("What do others want to do?", "oWant", False),
        ("What does PersonX feel about it? Name three.", "xReact", False),
        ("What does PersonX not feel about it? Name three.", "xReact", True),
        ("How does PersonY feel?", "oReact", False),
        ("What does PersonX need to do before?", "xNeed", False),
        ("Why does PersonX do this?", "xIntent", False),
        ("What can hinder/obstruct it? Name three.", "HinderedBy", False),
        ("What cannot hinder/obstruct it? Name three.", "HinderedBy", True),
        ("What happens before it? Name three.", "isAfter", False),
        ("What does not happen after it? Name three.", "isBefore", True),
        ("What will you do while: PersonX can not believe PersonX's eyes? Name three.", "HasSubEvent", False),
        ("How would you describe PersonX?", "xAttr", False),
        ("What effect does this have on PersonX?", "xEffect", False),
        ("After this, PersonX wants", "xWant", False),
    ],
)
def test_questions_about_an_event(question: str, relation: str, negated: bool) -> None:
    asked = what_is_asked(f"{HEAD}. {question}", HEAD, "", ATOMIC)
    assert asked is not None
    assert (asked.head, asked.relation.name, asked.negated) == (HEAD, relation, negated)


@pytest.mark.parametrize(
    ("question", "relation", "negated"),
    [
        ("What is dentist capable of? Name three.", "CapableOf", False),
        ("What is dentist not capable of? Name three.", "CapableOf", True),
        ("What does dentist desire to do? Name three.", "Desires", False),
        ("What does dentist not desire to do? Name three.", "Desires", True),
        ("Where is the dentist located? Name three.", "AtLocation", False),
        ("What is dentist used for?", "ObjectUse", False),
        ("What is dentist made of?", "MadeUpOf", False),
    ],
)
def test_questions_about_a_thing(question: str, relation: str, negated: bool) -> None:
    asked = what_is_asked(question, "dentist", "", ATOMIC)
    assert asked is not None
    assert (asked.relation.name, asked.negated) == (relation, negated)


@pytest.mark.parametrize("relation", [r for r in ATOMIC if not r.negates], ids=lambda r: r.name)
def test_the_ontologys_own_questions(relation: object) -> None:
    asked = what_is_asked(f"some head. {relation.question}", "some head", "", ATOMIC)  # type: ignore[attr-defined]
    assert asked is not None
    assert asked.relation == relation


def test_a_relation_of_the_users_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\nextends = "atomic2020"\n[[relations]]\nname = "smellsOf"\nphrase = "smells of"\n'
        'question = "Which smell does it have?"\nhead = "Thing"\ntail = "Thing"\nform = "noun"\n'
    )
    asked = what_is_asked("rose. Which smell does it have?", "rose", "", load_ontology(file))
    assert asked is not None
    assert asked.relation.name == "smellsOf"


def test_a_goal_is_the_head_of_its_steps() -> None:
    asked = what_is_asked("How to: Bake a cake", "", "", ATOMIC)
    assert asked is not None
    assert (asked.head, asked.relation.name, asked.script) == ("Bake a cake", "HasSubEvent", True)


def test_an_event_before_the_question_is_the_head() -> None:
    asked = what_is_asked("PersonX sleeps. What does PersonX want to do?", "", "", ATOMIC)
    assert asked is not None
    assert (asked.head, asked.relation.name) == ("PersonX sleeps", "xWant")


def test_a_named_relation_wins() -> None:
    asked = what_is_asked("What happens before it?", HEAD, "NotisBefore", ATOMIC)
    assert asked is not None
    assert (asked.relation.name, asked.negated) == ("isBefore", True)
    denied = what_is_asked("", "cat", "NotDesires", ATOMIC)
    assert denied is not None
    assert (denied.relation.name, denied.negated) == ("Desires", True)


def test_a_relation_that_the_ontology_lacks_is_kept_for_the_critic() -> None:
    asked = what_is_asked("What is X?", "A X is red.", "NotIs", ATOMIC)
    assert asked is not None
    assert (asked.relation.name, asked.negated) == ("Is", True)


@pytest.mark.parametrize("text", ["", "Where would you buy gold? Answer: shop", "Tell me more.", "\n\n"])
def test_nothing_is_asked(text: str) -> None:
    assert what_is_asked(text, "", "", ATOMIC) is None


@given(st.text(), st.text(), st.text(max_size=5))
def test_any_prompt(text: str, head: str, relation: str) -> None:
    what_is_asked(text, head, relation, ATOMIC)
