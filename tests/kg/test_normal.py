import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.normal import normal_form, verb_lemma
from kg.ontology import KINDS, Kind


@pytest.mark.parametrize(("a", "b"), [
    ("PersonX bakes a cake", "PersonX  baked the Cake."),
    ("PersonX bakes a cake", "PersonX baking cake"),
    ("to buy a car", "buys the car"),
    ("to go home", "went home"),
    ("is happy", "was happy"),
    ("PersonX runs", "PersonX ran"),
    ("tries", "to try"),
    ("stopping", "to stop"),
])
def test_one_event_in_two_wordings(a: str, b: str) -> None:
    assert normal_form(a) == normal_form(b)


@pytest.mark.parametrize(("a", "b"), [
    ("PersonX bakes a cake", "PersonY bakes a cake"),
    ("PersonX bakes a cake", "PersonX bakes cakes"),
    ("to eat", "to be eaten"),
    ("happy", "unhappy"),
])
def test_two_events(a: str, b: str) -> None:
    assert normal_form(a) != normal_form(b)


def test_only_events_are_lemmatised() -> None:
    assert normal_form("The Painting", "Thing") == "painting"
    assert normal_form("The Painting", "Event") == "paint"


def test_composed_and_decomposed_letters_are_one() -> None:
    assert normal_form("cafe\u0301", "Thing") == normal_form("caf\u00e9", "Thing")


def test_words_that_are_no_verbs_stay() -> None:
    given = ("happy", "xyzzying", "", "went", "hiking")
    assert [verb_lemma(w) for w in given] == ["happy", "xyzzying", "", "go", "hike"]


@given(st.text(), st.sampled_from(KINDS))
def test_normal_form_never_loses_a_text_and_ignores_case_spacing_and_articles(text: str, kind: Kind) -> None:
    form = normal_form(text, kind)
    assert bool(form.strip()) == bool(text.strip())
    assert normal_form(f"  {text}\n", kind).split() == form.split()
