"""Students without a language model; what all students do is in tests/contracts."""

import math
from pathlib import Path

import pytest

from kg.errors import StudentError
from kg.floors import TRIPLES, VECTORS, FrequencyStudent, NearestStudent
from kg.ontology import load_ontology
from kg.records import Triple
from kg.splits import FRACTIONS, split_heads

LEARNED = [
    Triple("PersonX bakes a cake", "xWant", "to eat it"),
    Triple("PersonX bakes a pie", "xWant", "eats it"),
    Triple("PersonX bakes a pie", "xWant", "to share it"),
    Triple("PersonX pays the rent", "xWant", "to save money"),
    Triple("PersonX pays the bill", "xWant", "to save money"),
    Triple("PersonX pays the tax", "xWant", "to save money"),
    Triple("PersonX pays the tax", "xAttr", "honest"),
]


def tails(student, head, relation="xWant", k=3):
    return [c.triple.tail for c in student.complete([(head, relation)], k)[0]]


def test_the_commonest_tails_of_the_relation():
    student = FrequencyStudent.of(LEARNED, load_ontology())
    assert tails(student, "PersonX bakes bread") == ["to save money", "to eat it", "to share it"]
    assert [c.score for c in student.complete([("x", "xWant")], 3)[0]] == [3 / 6, 2 / 6, 1 / 6]


def test_its_log_probabilities_have_a_sum_of_one_with_a_place_for_the_unseen():
    student = FrequencyStudent.of(LEARNED, load_ontology())
    each = [Triple("x", "xWant", t) for t in ("to eat it", "to share it", "to save money", "what nobody said")]
    scores = zip(each, student.score(each), strict=True)
    assert sum(math.exp(s * (len(t.tail.split()) + 1)) for t, s in scores) == pytest.approx(1)


def test_the_nearest_heads_vote():
    student = NearestStudent.of(LEARNED, load_ontology(), NearestStudent.Options(neighbours=2))
    assert tails(student, "PersonX bakes muffins") == ["to eat it", "to share it"]
    assert tails(student, "PersonX pays a fee") == ["to save money"]
    assert tails(student, "PersonX bakes muffins", "xAttr") == ["honest"]  # of the heads that have the relation


def test_a_head_that_it_knows_need_not_count():
    student = NearestStudent.of(LEARNED, load_ontology(), NearestStudent.Options(neighbours=1))
    query = ("PersonX baked the pie", "xWant")
    assert student.neighbours([query])[0][0][0] == "PersonX bakes a pie"
    assert student.neighbours([query], others=True)[0][0][0] == "PersonX bakes a cake"
    assert [c.triple.tail for c in student.complete_by_others([query], 3)[0]] == ["to eat it"]
    assert student.complete_by_others([("PersonX pays the tax", "xAttr")], 3) == [[]]  # nobody else has the relation


def test_any_relation_may_be_completed():
    student = NearestStudent.of(LEARNED, load_ontology(), NearestStudent.Options(neighbours=2))
    (found,) = student.complete_by_others([("PersonX pays taxes", "")], 3)
    assert found[0].triple == Triple("PersonX pays taxes", "xWant", "to save money")
    assert {c.triple.relation for c in found} == {"xWant", "xAttr"}


@pytest.mark.parametrize("kind", [FrequencyStudent, NearestStudent])
def test_it_is_calibrated_on_heads_that_it_did_not_learn(kind, tmp_path: Path):
    made = [Triple(f"PersonX buys {n} cakes", "xWant", "to eat it" if n % 3 else "to sell it") for n in range(60)]
    parts = split_heads(made, FRACTIONS)
    student = kind.train(parts, tmp_path / "student", kind.Options(), load_ontology())
    assert student.settings["calibration"]["proposals"] >= len({t.head for t in parts["dev"]})
    assert not {t.head for t in student.triples} & {t.head for t in parts["dev"]}


@pytest.mark.parametrize("file", [TRIPLES, VECTORS])
def test_a_damaged_folder(file, tmp_path: Path):
    NearestStudent.of(LEARNED, load_ontology()).save(tmp_path)
    (tmp_path / file).write_bytes(b"no")
    with pytest.raises(StudentError, match="damaged"):
        NearestStudent.load(tmp_path)


def test_a_student_of_another_kind(tmp_path: Path):
    FrequencyStudent.of(LEARNED, load_ontology()).save(tmp_path)
    with pytest.raises(StudentError, match="of the kind frequency"):
        NearestStudent.load(tmp_path)
