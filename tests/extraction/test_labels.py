"""Files of judged triples."""

import json
from pathlib import Path

import pytest

from extraction.labels import Labelled, fold_of, read_labelled, read_rows
from kg.errors import InputError
from kg.ontology import load_ontology
from kg.records import Triple

WANT = Labelled(Triple("PersonX bakes", "xWant", "to eat, soon"), True)
DENIED = Labelled(Triple("PersonX bakes", "xWant", "to cry", True), False)
FOREIGN = Labelled(Triple("it rains", "general Effect", "it is wet"), True)


@pytest.mark.parametrize("text", [
    'head,relation,tail,label\nPersonX bakes,xWant,"to eat, soon",1\nPersonX bakes,NotxWant,to cry,0\n'
    "it rains,general Effect,it is wet,1\n",
    "head\trelation\ttail\tvalid\nPersonX bakes\txWant\tto eat, soon\ttrue\nPersonX bakes\tNotxWant\tto cry\tfalse\n"
    "it rains\tgeneral Effect\tit is wet\tTrue\nit rains\txWant\tunjudged\t\n",
    "PersonX bakes\txWant\tto eat, soon\t1\nPersonX bakes\tNotxWant\tto cry\t0\n"
    "it rains\tgeneral Effect\tit is wet\t1\n",
    "\n".join(json.dumps(row) for row in (
        {"head": "PersonX bakes", "relation": "xWant", "tail": "to eat, soon", "valid": True},
        {"head": "PersonX bakes", "relation": "xWant", "tail": "to cry", "negated": True, "label": 0},
        {"head": "it rains", "relation": "general Effect", "tail": "it is wet", "valid": 1},
        {"head": "it rains", "relation": "xWant", "tail": "unjudged", "valid": None},
    )),
])
def test_csv_tsv_and_jsonl_say_the_same(text: str, tmp_path: Path) -> None:
    (tmp_path / "labels").write_text(text)
    assert read_labelled(tmp_path / "labels", load_ontology()) == [WANT, DENIED, FOREIGN]


@pytest.mark.parametrize(("text", "told"), [
    ("head,relation,tail\na,b,c\n", "label"),
    ("head,relation,tail,label\na,b,c,maybe\n", "line 2"),
    ("a,b,c\n", "first line"),
    ('{"head": "a", "relation": 1, "tail": "c"}', "line 1"),
    ('{"head": ', "not JSON"),
    ("a\tb\n", "line 1"),
])
def test_a_wrong_file_is_an_error_that_says_where(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "labels").write_text(text)
    with pytest.raises(InputError, match=told):
        read_labelled(tmp_path / "labels", load_ontology())


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(read_rows(tmp_path / "absent"))


def test_heads_of_one_normal_form_share_a_fold() -> None:
    assert fold_of("PersonX bakes a cake", 5) == fold_of("personx baked the cake", 5)
    assert {fold_of(f"PersonX eats {n}", 5) for n in range(60)} == {0, 1, 2, 3, 4}
