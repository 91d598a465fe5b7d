"""The named questions: what the file holds, and how values are read."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import InputError, UnknownNameError
from loaders.questions import Parameter, Question, load_questions, question

QUESTIONS = list(load_questions().values())
WRITES = re.compile(r"\b(CREATE|MERGE|DELETE|SET|REMOVE|INSERT|CALL|SERVICE|LOAD)\b", re.IGNORECASE)


def test_there_are_enough_from_easy_to_analytic() -> None:
    assert len(QUESTIONS) >= 30
    for level in ("easy", "medium", "analytic"):
        assert sum(q.level == level for q in QUESTIONS) >= 8
    assert {q.level for q in QUESTIONS} == {"easy", "medium", "analytic"}


@pytest.mark.parametrize("asked", QUESTIONS, ids=lambda q: q.name)
def test_a_question_is_whole(asked: Question) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", asked.name)
    assert asked.title[0].isupper()
    names = {p.name for p in asked.parameters}
    for text in (asked.cypher, asked.sparql):
        assert set(re.findall(r"\$(\w+)", text)) == names
        assert not WRITES.search(text)
        assert "ORDER BY" in text
    assert asked.values(asked.examples()) == asked.examples()
    assert all(p.meaning and (p.default is not None) != bool(p.example) for p in asked.parameters)


def test_titles_and_names_are_distinct() -> None:
    assert len({q.name for q in QUESTIONS}) == len({q.title for q in QUESTIONS}) == len(QUESTIONS)


def test_what_is_missing_unknown_or_misspelt_is_said() -> None:
    with pytest.raises(UnknownNameError, match="did you mean wants"):
        question("want")
    with pytest.raises(InputError, match="--param event='PersonX adopts a stray dog'"):
        question("wants").values({})
    with pytest.raises(InputError, match="did you mean event"):
        question("wants").values({"event": "x", "evnt": "y"})
    with pytest.raises(InputError, match="has no parameter"):
        question("circles").values({"most": 3})


@pytest.mark.parametrize(("kind", "given", "value"), [
    ("text", "5", "5"), ("text", "true", "true"), ("text", "", ""), ("relation", "xWant", "xWant"),
    ("integer", "5", 5), ("integer", " 7 ", 7), ("integer", 3, 3), ("integer", 3.0, 3),
    ("number", "0.5", 0.5), ("number", 1, 1.0), ("number", "1e-3", 0.001),
])
def test_values_are_read_by_their_kind(kind: Any, given: Any, value: Any) -> None:
    read = Parameter("p", "a thing", kind).read(given)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(("kind", "given"), [
    ("text", 5), ("text", None), ("text", ["x"]), ("relation", 1), ("integer", "x"), ("integer", "1.5"),
    ("integer", "-2"), ("integer", 1.5), ("integer", True), ("integer", 2**63), ("integer", "9" * 5000),
    ("number", "nan"), ("number", "inf"), ("number", "1e999"), ("number", {}), ("number", False), ("number", ""),
])
def test_values_of_another_kind_are_refused(kind: Any, given: Any) -> None:
    with pytest.raises(InputError, match=r"the parameter p \(a thing\) takes a"):
        Parameter("p", "a thing", kind).read(given)


@given(st.integers(0, 2**63 - 1))
def test_whole_numbers_stay_exact(number: int) -> None:
    parameter = Parameter("p", "a thing", "integer")
    assert parameter.read(number) == parameter.read(str(number)) == number
