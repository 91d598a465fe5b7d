"""A student that is asked as a teacher; what every teacher must do is in the contracts."""

import logging
import math
from pathlib import Path

import pytest

from extraction.teacher_student import StudentTeacher
from kg.errors import TeacherError
from kg.records import Prompt
from kg.student import LanguageModelStudent
from tests.contracts.test_teachers import train_tiny

HEAD = "PersonX buys 2 cakes"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("tiny")
    train_tiny(home)
    return home / "student"


def teacher(folder: Path, k: int = 3) -> StudentTeacher:
    return StudentTeacher(StudentTeacher.Options(folder=str(folder), device="cpu", k=k), 0)


def prompts(relation: str, samples: int = 1) -> list[Prompt]:
    return [Prompt(HEAD, relation, "t@1", "whatever", sample=n) for n in range(samples)]


def test_samples_are_the_completions_with_their_probability(folder: Path) -> None:
    student = LanguageModelStudent.load(folder, "cpu")
    completions = student.complete([(HEAD, "xWant")], 3)[0]
    answers = list(teacher(folder).generate(prompts("xWant", 5)))
    assert [a.text for a in answers] == [c.triple.tail for c in completions] + [""] * (5 - len(completions))
    first = answers[0]
    assert first.text == "to eat it"
    assert first.log_probability is not None
    assert math.isclose(first.log_probability / first.tokens, student.score([completions[0].triple])[0], abs_tol=1e-5)
    assert first.tokens == len(student.examples([completions[0].triple])[0].target)


def test_draws_depend_on_the_seed_alone_and_name_themselves(folder: Path) -> None:
    def drawing(seed: int) -> StudentTeacher:
        return StudentTeacher(StudentTeacher.Options(folder=str(folder), device="cpu", k=8, top_p=1.0), seed)

    said = [[a.text for a in drawing(seed).generate(prompts("xWant", 8))] for seed in (1, 1, 2)]
    assert said[0] == said[1] != said[2]
    assert len({drawing(1).version, drawing(2).version, teacher(folder, 8).version}) == 3


def test_it_says_nothing_of_relations_that_it_never_saw(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        answers = list(teacher(folder).generate([*prompts("xReact"), *prompts("xWant")]))
    assert [a.text for a in answers] == ["", "to eat it"]
    assert "was not trained on xReact" in caplog.text


def test_it_makes_no_heads(folder: Path) -> None:
    with pytest.raises(TeacherError, match=r"heads.count = 0"):
        list(teacher(folder).generate([Prompt("", "", "heads@1", "1.")]))


def test_a_folder_that_holds_none_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="kg train --out"):
        teacher(tmp_path)
