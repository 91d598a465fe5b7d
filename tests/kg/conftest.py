"""A small language model student, trained once for all tests that ask one."""

from pathlib import Path

import pytest

from kg.student import LanguageModelStudent, train_student
from tests.tiny_models import one_thread, write_model

VERBS = ["bakes", "eats", "sells", "buys", "burns", "cuts", "hides", "drops", "paints", "loves", "sees", "wraps"]
NOUNS = ["a cake", "the keys", "the house", "a friend"]


def write_triples(path: Path) -> Path:
    rows = []
    for verb in VERBS:
        for noun in NOUNS:
            rows.append(f"PersonX {verb} {noun}\txWant\tto eat {noun}")
            rows.append(f"PersonX {verb} {noun}\tNotxWant\tto call a locksmith")
            rows.append(f"PersonX {verb} {noun}\txAttr\tkind")
            rows.append(f"PersonX {verb} {noun}\toReact\tnone")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """(folder of a student, its figures, its data)"""
    folder = tmp_path_factory.mktemp("student")
    base = write_model("gemma", folder / "base")
    data = write_triples(folder / "triples.tsv")
    options = LanguageModelStudent.Options(
        model=str(base), base_tokens=50, epochs=12, learning_rate=1e-2, batch_tokens=400, dtype="float32", device="cpu"
    )
    with one_thread():
        return folder / "student", train_student(data, folder / "student", options), data


@pytest.fixture(scope="session")
def student(trained):
    return LanguageModelStudent.load(trained[0], "cpu")
