from pathlib import Path

import pytest

from kg.errors import InputError, UnknownNameError
from kg.ontology import load_ontology

ATOMIC_2020 = """AtLocation CapableOf Causes Desires HasProperty HasSubEvent HinderedBy MadeUpOf NotDesires ObjectUse
isAfter isBefore isFilledBy oEffect oReact oWant xAttr xEffect xIntent xNeed xReact xReason xWant""".split()


def test_the_packaged_ontology_has_the_23_relations() -> None:
    assert sorted(r.name for r in load_ontology()) == sorted(ATOMIC_2020)


def test_cypher_types_are_distinct_upper_snake_case() -> None:
    types = {r.name: r.cypher_type for r in load_ontology()}
    assert types["xWant"] == "X_WANT"
    assert types["isFilledBy"] == "IS_FILLED_BY"
    assert types["HasSubEvent"] == "HAS_SUB_EVENT"
    assert len(set(types.values())) == len(types)


@pytest.mark.parametrize(("name", "relation", "negated"), [
    ("xWant", "xWant", False), ("NotxWant", "xWant", True),
    ("NotDesires", "Desires", True), ("Desires", "Desires", False),
])
def test_a_denied_relation_resolves_to_what_it_denies(name: str, relation: str, negated: bool) -> None:
    found, denied = load_ontology().resolve(name)
    assert (found.name, denied) == (relation, negated)


def test_an_unknown_relation_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'xWnat': did you mean xWant"):
        load_ontology()["xWnat"]


def test_a_relation_of_ones_own_is_one_row(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('extends = "atomic2020"\n[[relations]]\nname = "RisksOf"\nphrase = "risks"\nquestion = "Risk?"\n')
    mine = load_ontology(file)
    assert mine["RisksOf"].cypher_type == "RISKS_OF"
    assert len(list(mine)) == 24


@pytest.mark.parametrize(("text", "says"), [
    ("[[relations]]\nname = 'A'\nphrase = 'a'", "'question' is missing"),
    ("[[relations]]\nname = 'A'\nphrase = 'a'\nquestion = 'a'\nhaed = 'Event'", "key 'haed': did you mean head"),
    ("[[relations]]\nname = 'A'\nphrase = 'a'\nquestion = 'a'\nhead = 'event'", "did you mean Event"),
    ("[[relations]]\nname = 'A] DELETE'\nphrase = 'a'\nquestion = 'a'", "must be letters and digits"),
    ("[[relations]]\nname = 'A'\nphrase = 'a'\nquestion = 'a'\nnegates = 'B'", "which it lacks"),
    ("name = ", "not TOML"),
])
def test_a_wrong_ontology_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=says):
        load_ontology(file)


def test_a_missing_ontology_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_ontology(tmp_path / "none.toml")
    with pytest.raises(UnknownNameError, match="atomic2020"):
        load_ontology("atomic2021")
