"""One suite over every kind of student, and every architecture that a language model student is made of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.assemble import STUDENTS, load
from kg.errors import StudentError, UnknownNameError
from kg.floors import FrequencyStudent, NearestStudent
from kg.normal import normal_form
from kg.ontology import load_ontology
from kg.protocols import Student
from kg.records import Triple
from kg.student import LanguageModelStudent
from tests.tiny_models import one_thread, write_model

TRAIN = [
    Triple(f"PersonX bakes {n} cakes", relation, tail, negated)
    for n in range(6)
    for relation, tail, negated in (
        ("xWant", "to eat the cake", False), ("xWant", "to sleep", True), ("xAttr", "kind", False),
        ("oReact", "none", False),
    )
]
PARTS = {"train": TRAIN, "dev": [], "test": [Triple("PersonX sings", "xAttr", "kind")]}
LABELS = ["xWant", "NotxWant", "xAttr", "oReact"]


def language_model(architecture: str) -> Callable[[Path], Student]:
    def make(folder: Path) -> Student:
        base = write_model(architecture, folder / "base")
        options = LanguageModelStudent.Options(
            model=str(base), epochs=20, learning_rate=1e-2, dtype="float32", device="cpu", base_tokens=40
        )
        return LanguageModelStudent.train(PARTS, folder / "student", options, load_ontology())

    return make


def floor(kind: Any) -> Callable[[Path], Student]:
    return lambda folder: kind.train(PARTS, folder / "student", kind.Options(), load_ontology())


CASES: dict[str, tuple[type, Callable[[Path], Student]]] = {
    f"language model, {name}": (LanguageModelStudent, language_model(name)) for name in ("gemma", "gpt2", "t5", "bart")
} | {kind.name: (kind, floor(kind)) for kind in (FrequencyStudent, NearestStudent)}


def test_every_student_has_a_case():
    assert {load(spec) for spec in STUDENTS.values()} == {kind for kind, _ in CASES.values()}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    """(class, trained student, folder that it was saved in)"""
    kind, make = CASES[request.param]
    student = make(tmp_path_factory.mktemp("student"))
    folder = tmp_path_factory.mktemp("saved") / "student"
    student.save(folder)
    return kind, student, folder


def test_it_has_a_name(case):
    assert case[1].name


def test_it_names_the_relations_that_it_knows(case):
    assert sorted(case[1].relations) == sorted(LABELS)


@pytest.mark.parametrize("k", [1, 3])
def test_completions(case, k):
    queries = [(head, label) for head in ("PersonX bakes 3 cakes", "PersonX flies 🙂") for label in LABELS]
    found = case[1].complete(queries, k)
    assert len(found) == len(queries)
    for (head, label), completions in zip(queries, found, strict=True):
        kind = load_ontology()[label.removeprefix("Not")].tail
        assert len(completions) <= k
        assert [c.score for c in completions] == sorted((c.score for c in completions), reverse=True)
        assert len({normal_form(c.triple.tail, kind) for c in completions}) == len(completions)
        for c in completions:
            assert c.triple == Triple(head, label.removeprefix("Not"), c.triple.tail, label.startswith("Not"))
            assert c.triple.tail.strip() == c.triple.tail != ""
            assert 0 <= c.score <= 1
            assert c.source == case[1].name
    assert sum(map(len, found)) >= len(queries) / 2


def test_a_batch_gives_what_one_by_one_gives(case):
    queries = [("PersonX bakes 3 cakes", "xWant"), ("PersonX very slowly bakes a cake with a friend", "xAttr")]
    together = case[1].complete(queries, 2)
    alone = [case[1].complete([query], 2)[0] for query in queries]
    assert [[c.triple for c in cs] for cs in together] == [[c.triple for c in cs] for cs in alone]


def test_scores_are_log_probabilities_in_order(case):
    scores = case[1].score(TRAIN)
    assert len(scores) == len(TRAIN)
    assert all(s <= 0 for s in scores)
    assert case[1].score(TRAIN[::-1]) == pytest.approx(scores[::-1], rel=1e-3)


def test_nothing_is_asked(case):
    assert case[1].complete([], 5) == []
    assert case[1].score([]) == []


def test_bad_queries(case):
    assert case[1].complete([("", "xWant")], 2) == [[]]
    with pytest.raises(UnknownNameError, match="xWant"):
        case[1].complete([("PersonX eats", "xwant")], 2)
    with pytest.raises(UnknownNameError):
        case[1].score([Triple("PersonX eats", "nonsense", "x")])


def test_what_was_saved_answers_alike(case):
    kind, student, folder = case
    again = kind.load(folder)
    queries = [("PersonX bakes 3 cakes", label) for label in LABELS]
    assert [[c.triple for c in cs] for cs in again.complete(queries, 2)] == [
        [c.triple for c in cs] for cs in student.complete(queries, 2)
    ]
    assert again.score(TRAIN) == pytest.approx(student.score(TRAIN), rel=1e-3)
    assert not [p for p in folder.iterdir() if p.suffix in (".bin", ".pt", ".pkl", ".pickle")]


def test_a_folder_that_is_no_student(case, tmp_path: Path):
    with pytest.raises(StudentError):
        case[0].load(tmp_path)
