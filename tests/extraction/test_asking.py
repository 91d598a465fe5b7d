"""Questions of people. `questions_held_out.tsv` was written before the frames, `questions_second.tsv` and
`questions_third.tsv` before any of their questions was read: each row is question, head, relation."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.asking import load_frames, read_question
from kg.errors import InputError
from kg.graph import node_id
from kg.ontology import load_ontology

ATOMIC = load_ontology()
SHARES = {"held_out": 1.0, "second": 1.0, "third": 1.0}  # that must be read right, since their failures were read


def is_read(question: str, head: str, relation: str) -> bool:
    """Whether head (by normal form) and relation are read."""
    wanted, negated = ATOMIC.resolve(relation)
    try:
        asked = read_question(question, ATOMIC)
    except InputError:
        return False
    same = node_id(asked.head, wanted.head) == node_id(head, wanted.head)
    return same and (asked.relation, asked.negated) == (wanted, negated)


@pytest.mark.parametrize("frame", load_frames(), ids=lambda f: f.name)
def test_a_frame_reads_its_examples(frame) -> None:
    assert frame.yes
    assert not [question for question, (head, relation) in frame.yes.items() if not is_read(question, head, relation)]


def test_every_relation_has_a_frame() -> None:
    assert {name for frame in load_frames() for name in frame.relations} == {r.name for r in ATOMIC}


@pytest.mark.parametrize(("file", "share"), SHARES.items())
def test_questions_in_other_words(file: str, share: float) -> None:
    text = (Path(__file__).parent / f"questions_{file}.tsv").read_text()
    rows = [line.split("\t") for line in text.splitlines()]
    wrong = [question for question, head, relation in rows if not is_read(question, head, relation)]
    assert 1 - len(wrong) / len(rows) >= share, wrong


@pytest.mark.parametrize(("question", "head"), [
    ("Why would Anna lose her keys?", "PersonX loses PersonX's keys"),
    ("Why would someone steal Bob's car?", "PersonX steals PersonY's car"),
    ("Why would you hurt yourself?", "PersonX hurts PersonX"),
    ("Why is someone fired?", "PersonX is fired"),
    ("What happens after the race starts?", "race starts"),
])
def test_persons_are_slots(question: str, head: str) -> None:
    assert node_id(read_question(question, ATOMIC).head, "Event") == node_id(head, "Event")


def test_an_event_before_the_question() -> None:
    asked = read_question("PersonX sleeps. What does PersonX want to do after this?", ATOMIC)
    assert (asked.head, asked.relation.name) == ("PersonX sleeps", "xWant")


@pytest.mark.parametrize("question", ["", "?", "Tell me a story", "What time is it?", "Who won the cup?"])
def test_what_cannot_be_read_is_told_with_what_can(question: str) -> None:
    with pytest.raises(InputError, match=r"(?s)not a question of a kind.*xIntent.*where do you find"):
        read_question(question, ATOMIC)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=60), st.sampled_from(["why would {}?", "what is {} like?", "where is {}", "{}"]))
def test_any_question(text: str, frame: str) -> None:
    with suppress(InputError):
        assert read_question(frame.format(text), ATOMIC).head
