"""Triples in words, and the place that they were read from."""

import pytest

from api.review_cards import card, in_words
from kg.ontology import load_ontology
from kg.records import Answer, Candidate, Generation, Prompt, Triple
from kg.review_queue import Item

ONTOLOGY = load_ontology()
NAMES = (("PersonX", "Alex"), ("PersonY", "Sam"))
CAKE = "PersonX bakes a cake"


@pytest.mark.parametrize(("triple", "sentence"), [
    ((CAKE, "xWant", "eat it"), "Alex bakes a cake, as a result, Alex wants to eat it"),
    ((CAKE, "xIntent", "to please PersonY"), "Alex bakes a cake because Alex wanted to please Sam"),
    ((CAKE, "xEffect", "PersonX gets fat."), "Alex bakes a cake, as a result, Alex gets fat"),
    ((CAKE, "xEffect", "gets fat"), "Alex bakes a cake, as a result, Alex gets fat"),
    ((CAKE, "oEffect", "eats"), "Alex bakes a cake, as a result, Sam or others eats"),
    ((CAKE, "isBefore", "PersonX eats it"), "“Alex bakes a cake” happens before “Alex eats it”"),
    ((CAKE, "HinderedBy", "the oven is broken"), "“Alex bakes a cake” can be hindered by “The oven is broken”"),
    (("oven", "AtLocation", "kitchen"), "Oven is found in or at kitchen"),
])
def test_a_triple_reads_like_a_sentence(triple: tuple[str, str, str], sentence: str) -> None:
    head, join, tail = in_words(Triple(*triple), ONTOLOGY, NAMES)
    assert f"{head}{'' if join.startswith(',') else ' '}{join} {tail}" == sentence


def test_slots_without_a_name_get_one() -> None:
    for names in ((), NAMES):
        head, _, tail = in_words(Triple("PersonX helps PersonZ", "xReact", "happy for PersonY"), ONTOLOGY, names)
        assert "Person" not in head + tail


@pytest.mark.parametrize(("text", "marked", "around"), [
    ("It is so. Alex is fat now. The end.", "fat", ("It is so. ", "Alex is ", " now. ", "The end.")),
    ("1. eat it\n2. share it\n3. sell it", "share it", ("1. eat it\n2. ", "", "\n", "3. sell it")),
    ("eat; 🎂 share; sell", "share", ("", "eat; 🎂 ", "; sell", "")),
    (f"{'x ' * 400}. eat it {'. y' * 400}", "eat it", None),
])
def test_the_characters_are_shown_in_their_sentence(
    text: str, marked: str, around: tuple[str, str, str, str] | None
) -> None:
    start = text.index(marked)
    prompt = Prompt(CAKE, "xWant", "t", "An example.\n\nEvent: it\nAnswers:")
    generation = Generation(prompt.id, "echo", text)
    source = Candidate(Triple(CAKE, "xWant", marked), generation.id, "r", start, start + len(marked))
    excerpt = card(Item("i", source.triple, 1.0, True, source), ONTOLOGY, Answer(prompt, generation)).excerpt
    assert excerpt is not None
    assert (excerpt.marked, excerpt.question, excerpt.teacher) == (marked, "Event: it\nAnswers:", "echo")
    if around is None:
        assert (len(excerpt.before), len(excerpt.after)) < (310, 310)
    else:
        assert (excerpt.before, excerpt.begin, excerpt.end, excerpt.after) == around


def test_a_denied_and_an_imported_triple_are_shown_too() -> None:
    shown = card(Item("i", Triple(CAKE, "xWant", "to burn it", negated=True), 1.0, True, None), ONTOLOGY, None)
    assert shown.denied
    assert shown.excerpt is None
    assert shown.subject == (CAKE, "xWant", "to burn it")
