"""Plain sentences of relations that no pattern knows."""

import pytest

from extraction.prompted import prompted
from extraction.questions import Asked
from kg.ontology import Relation, load_ontology

OWN = Relation("drivenBy", phrase="is driven by", question="Who drives it?", head="Thing", tail="Thing", form="noun")


@pytest.mark.parametrize(
    ("text", "tails"),
    [
        ("The car is driven by a nurse.", ["a nurse"]),
        ("The car is driven by a nurse because she is late.", ["a nurse"]),
        ("The car is driven by nurses, doctors, or teachers.", ["nurses", "doctors", "teachers"]),
        ("Is it known who the car is driven by today?", []),
        ("The car is red.", []),
    ],
)
def test_the_phrase_of_a_relation_of_the_users_own(text: str, tails: list[str]) -> None:
    found = list(prompted(text, Asked("car", OWN)))
    assert [i.text for i in found] == tails
    assert [text[i.start : i.end] for i in found] == tails


def test_wordings_of_hindrance() -> None:
    text = "If something stops it, then it could be fatigue, a lack of money, or bad weather."
    found = prompted(text, Asked("PersonX runs", load_ontology()["HinderedBy"]))
    assert [(i.text, i.modality) for i in found] == [
        ("fatigue", "possible"), ("a lack of money", "possible"), ("bad weather", "possible"),
    ]


def test_wordings_of_parts_of_an_event() -> None:
    text = "While playing chess, you will be thinking about a move, looking at the board, and waiting."
    found = prompted(text, Asked("play chess", load_ontology()["HasSubEvent"]))
    assert [i.text for i in found] == ["thinking about a move", "looking at the board", "waiting"]
