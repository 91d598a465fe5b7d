"""The one form in which a trained critic reads triples."""

import pytest

from extraction.judged_text import judged_text
from kg.ontology import load_ontology
from kg.records import Triple

NAMES = (("PersonX", "Alex"), ("PersonY", "Sam"))


@pytest.mark.parametrize(("one", "other"), [
    (Triple("PersonX moves away", "xWant", "to find it"), Triple("personx move away", "xWant", "PersonX find it.")),
    (Triple("person x is tired", "xReact", "happy"), Triple("PersonX was tired", "xReact", "PersonX be happy")),
    (Triple("PersonX’s dog barks", "oEffect", "wakes up"), Triple("PersonX 's dog bark", "oEffect", "PersonY wake up")),
    (Triple("PeopleX sings", "isAfter", "PersonX dances"), Triple("people sing", "isAfter", "PersonX dance")),
])
def test_what_means_the_same_reads_the_same(one: Triple, other: Triple) -> None:
    assert judged_text(one, load_ontology(), NAMES) == judged_text(other, load_ontology(), NAMES)


def test_relations_read_differently_and_a_denial_as_what_it_denies() -> None:
    for negated in (False, True):
        triples = [Triple("PersonX runs", r, "tired", negated) for r in ("xReact", "xAttr", "nosuch")]
        assert len({judged_text(t, load_ontology(), NAMES) for t in triples}) == 3
    one, other = Triple("PersonX runs", "xReact", "tired"), Triple("PersonX runs", "xReact", "tired", True)
    assert judged_text(one, load_ontology(), NAMES) == judged_text(other, load_ontology(), NAMES)
