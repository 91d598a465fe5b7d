from pathlib import Path

import pytest

from kg.errors import StudentError
from kg.floors import FrequencyStudent
from kg.student import LanguageModelStudent, train_student
from kg.student_scores import plot_scores, score_student
from tests.tiny_models import one_thread, write_model

NOUNS = ("cake", "house", "key", "friend", "beach")


def write(path: Path, verbs: range) -> Path:
    rows = [
        f"PersonX {v}s a {noun}\t{row}\n" for v in map("do{}".format, verbs) for noun in NOUNS
        for row in (f"xWant\tto eat the {noun}", "xAttr\tkind", "xAttr\tnone", "oReact\tnone")
    ]
    path.write_text("".join(rows))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder of a student, its data)"""
    folder = tmp_path_factory.mktemp("scored")
    data, base = write(folder / "train.tsv", range(10)), write_model("gemma", folder / "base")
    options = LanguageModelStudent.Options(
        model=str(base), epochs=6, learning_rate=1e-2, dtype="float32", device="cpu", base_tokens=50
    )
    with one_thread():
        train_student(data, folder / "student", options)
    return folder / "student", data


def score(folder, data, train, unseen_only=False):
    return score_student(LanguageModelStudent.load(folder), data, train, unseen_only)


def test_a_student_beside_its_baselines(trained, tmp_path: Path):
    found = score(trained[0], write(tmp_path / "dev.tsv", range(20, 22)), trained[1])
    assert found["queries"] == 2 * len(NOUNS) * 3
    assert set(found["with_none"]) == {"student", "none", "frequency", "nearest"}
    assert "none" not in found["without_none"]
    assert set(found["with_none"]["student"]) == {"all", "xWant", "xAttr", "oReact"}
    assert set(found["without_none"]["student"]) == {"all", "xWant", "xAttr"}  # the only answer to oReact is none
    assert found["with_none"]["none"]["oReact"]["exact"] == 1
    assert found["with_none"]["none"]["xWant"]["exact"] == 0
    assert found["without_none"]["nearest"]["xWant"]["exact"] == 1  # the head with the same noun
    assert found["without_none"]["frequency"]["xAttr"]["bleu_1"] == pytest.approx(1)
    assert found["with_none"]["nearest"]["all"]["novelty"] == 0
    assert found["without_none"]["nearest"]["xWant"]["similarity"] == pytest.approx(1)
    assert found["without_none"]["frequency"]["xWant"]["similarity"] < 0.9
    plot_scores(found, tmp_path / "bleu.png")
    assert (tmp_path / "bleu.png").read_bytes().startswith(b"\x89PNG")


def test_the_share_held_out_is_the_students_own(trained, tmp_path: Path):
    options = FrequencyStudent.Options(held_out=0.3)
    train_student(trained[1], tmp_path / "student", options, kind=FrequencyStudent)
    student = FrequencyStudent.load(tmp_path / "student")
    heads = student.settings["metrics"]["heads"]
    assert heads["dev"] + heads["test"] > 0.4 * sum(heads.values())
    found = score_student(student, write(tmp_path / "dev.tsv", range(20, 22)), trained[1])
    assert found["without_none"]["student"]["xAttr"]["exact"] == 1


def test_heads_that_it_learned_from_are_refused(trained, tmp_path: Path):
    (tmp_path / "dev.tsv").write_text("".join(trained[1].read_text().replace("PersonX", "personx").splitlines(True)))
    with pytest.raises(StudentError, match="which the student learned from"):
        score(trained[0], tmp_path / "dev.tsv", trained[1])


def test_heads_that_it_learned_from_are_left_out_when_asked(trained, tmp_path: Path):
    write(tmp_path / "dev.tsv", range(9, 22))
    found = score(trained[0], tmp_path / "dev.tsv", trained[1], unseen_only=True)
    heads = {line.split("\t")[0] for line in (tmp_path / "dev.tsv").read_text().splitlines()}
    assert found["seen_heads"] > 0
    assert found["queries"] == 3 * (len(heads) - found["seen_heads"])


def test_other_training_data_are_refused(trained, tmp_path: Path):
    other = write(tmp_path / "other.tsv", range(30, 40))
    with pytest.raises(StudentError, match="was not trained on"):
        score(trained[0], write(tmp_path / "dev.tsv", range(20, 22)), other)
