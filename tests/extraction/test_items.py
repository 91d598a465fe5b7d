"""Members of lists in the form of their relation."""

import pytest

from extraction.items import fit
from extraction.lists import Item
from kg.ontology import load_ontology

ATOMIC = load_ontology()


@pytest.mark.parametrize(
    ("relation", "text", "tail", "denied"),
    [
        ("xWant", "to rest", "to rest", False),
        ("xWant", "PersonX wants to rest", "to rest", False),
        ("xWant", "wants to rest", "to rest", False),
        ("xWant", "PersonX does not want to rest", "to rest", True),
        ("xWant", "eat", "eat", False),
        ("xNeed", "PersonX needs to know PersonY", "to know PersonY", False),
        ("xReact", "PersonX is happy", "happy", False),
        ("xReact", "feel disgusted", "disgusted", False),
        ("xReact", "PersonX would feel very sad", "very sad", False),
        ("xReact", "PersonX is not happy", "happy", True),
        ("xEffect", "PersonX gets tired", "gets tired", False),
        ("xEffect", "PersonX is tired", "is tired", False),
        ("xEffect", "gets tired", "gets tired", False),
        ("CapableOf", "it can fly", "fly", False),
        ("isBefore", "PersonX is happy", "PersonX is happy", False),
        ("AtLocation", "in a shoe", "in a shoe", False),
    ],
)
def test_forms(relation: str, text: str, tail: str, denied: bool) -> None:
    fitted = fit(Item(text, 5, 5 + len(text)), ATOMIC[relation])
    assert (fitted.item.text, fitted.denied) == (tail, denied)
    assert (" " * 5 + text)[fitted.item.start : fitted.item.end] == tail


@pytest.mark.parametrize(
    ("relation", "text", "modality"),
    [
        ("xReact", "PersonX would probably feel tired", "likely"),
        ("xEffect", "PersonX may get tired", "possible"),
        ("xReact", "PersonX is happy", None),
        ("xEffect", "often gets tired", None),  # stays in the tail
    ],
)
def test_hedges_that_are_taken_away_are_noted(relation: str, text: str, modality: str | None) -> None:
    assert fit(Item(text, 0, len(text)), ATOMIC[relation]).item.modality == modality


def test_a_sentence_of_another_form_is_no_item() -> None:
    assert not fit(Item("The sun shines", 0, 14), ATOMIC["xWant"]).is_item
    assert fit(Item("The sun shines", 0, 14), ATOMIC["isBefore"]).is_item
