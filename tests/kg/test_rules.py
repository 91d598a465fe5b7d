from pathlib import Path

import pytest

from kg.errors import InputError
from kg.rules import Atom, Rule, load_rules, rank, save_rules

UNCLE = Rule(Atom("uncle"), (Atom("brother"), Atom("father")), 8, 10, 9, 20)
NOT_WANTED = Rule(Atom("xWant", True), (Atom("xHate", False, True),), 3, 3, 3, 4)


def test_a_rule_says_what_it_is_and_how_far_it_holds():
    assert str(UNCLE) == "uncle(x, y) <= brother(x, z), father(z, y)"
    assert str(NOT_WANTED) == "NotxWant(x, y) <= xHate(y, x)"
    assert (UNCLE.confidence, UNCLE.head_coverage) == (0.8, 0.4)
    assert UNCLE.pca_confidence == pytest.approx(8 / 9)


def test_the_most_confident_comes_first():
    assert sorted([UNCLE, NOT_WANTED], key=rank) == [NOT_WANTED, UNCLE]


def test_rules_are_saved_and_read_back(tmp_path: Path):
    save_rules([UNCLE, NOT_WANTED], tmp_path / "new" / "rules.json")
    assert load_rules(tmp_path / "new" / "rules.json") == [UNCLE, NOT_WANTED]


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"format": 9, "rules": []}', '{"format": 1, "rules": [{}]}'])
def test_another_file_is_refused(text, tmp_path: Path):
    path = tmp_path / "rules.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=r"rules\.json"):
        load_rules(path)
