import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from kg.errors import InputError, RunError, StudentError
from kg.ontology import load_ontology
from kg.splits import FRACTIONS, part_of
from kg.student import LanguageModelStudent, train_student
from kg.student_folder import CHECKPOINT, SETTINGS
from tests.kg.conftest import write_triples
from tests.tiny_models import one_thread, write_model

ONTOLOGY = load_ontology()


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


def test_figures(trained):
    _, figures, data = trained
    assert sum(figures["triples"].values()) == len(data.read_text().splitlines())
    assert set(figures["heads"]) == {"train", "dev", "test"}
    assert figures["loss_after"] < figures["loss_before"] / 2
    assert figures["examples"] <= figures["triples"]["train"] * 12
    assert figures["examples_per_second"] > 0


def test_test_heads_are_written_down_and_disjoint(trained):
    settings = json.loads((trained[0] / SETTINGS).read_text())
    heads = {line.split("\t")[0] for line in trained[2].read_text().splitlines()}
    assert set(settings["heads_test"]) == {h for h in heads if part_of(h, FRACTIONS) == "test"}
    assert set(settings["heads_dev"]) == {h for h in heads if part_of(h, FRACTIONS) == "dev"}
    assert settings["heads_test"]


def test_it_completes_unseen_heads_as_its_data_do(trained, student):
    heads = student.settings["heads_test"]
    found = student.complete([(h, r) for h in heads for r in ("xAttr", "oReact", "NotxWant")], k=1)
    tails = [c.triple.tail for cs in found for c in cs]
    expected = ["kind", "none", "to call a locksmith"] * len(heads)
    assert sum(a == b for a, b in zip(tails, expected, strict=True)) >= 0.9 * len(expected)
    assert [cs[0].triple.negated for cs in found[:3]] == [False, False, True]
    assert found[2][0].triple.relation == "xWant"


def test_the_folder_is_whole_and_safe(trained):
    names = {p.name for p in trained[0].iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md", SETTINGS} <= names
    assert not {CHECKPOINT} & names
    assert not [n for n in names if n.endswith((".bin", ".pt", ".pkl", ".part"))]
    card = (trained[0] / "README.md").read_text()
    assert "base_model:" in card
    assert "| train |" in card


def test_it_works_with_from_pretrained(trained, student):
    model = AutoModelForCausalLM.from_pretrained(trained[0])
    tokenizer = AutoTokenizer.from_pretrained(trained[0])
    text = "PersonX bakes a cake, so PersonX is seen as"
    inputs = tokenizer(text, return_tensors="pt")
    written = model.generate(**inputs, max_new_tokens=5, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    assert tokenizer.decode(written[0], skip_special_tokens=True) == f"{text} kind"


def test_a_student_can_be_saved_again(student, tmp_path: Path):
    student.save(tmp_path / "copy")
    again = LanguageModelStudent.load(tmp_path / "copy", "cpu")
    assert again.complete([("PersonX eats", "xWant")], 2) == student.complete([("PersonX eats", "xWant")], 2)
    assert again.settings["heads_test"] == student.settings["heads_test"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / SETTINGS).unlink(), "no student"),
        (lambda f: (f / SETTINGS).write_text("{"), "damaged"),
        (lambda f: (f / SETTINGS).write_text("[]"), "damaged"),
        (lambda f: (f / SETTINGS).write_text('{"format": 99}'), "format 99"),
        (lambda f: (f / SETTINGS).write_text('{"format": 1, "relations": {}}'), "damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), "damaged"),
        (lambda f: (f / "model.safetensors").unlink(), "damaged"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "damaged"),
        (lambda f: ((f / SETTINGS).unlink(), (f / CHECKPOINT).touch()), "interrupted: run the same"),
    ],
)
def test_a_folder_that_is_no_student_is_refused(student, tmp_path: Path, spoil, message):
    folder = tmp_path / "spoilt"
    student.save(folder)
    spoil(folder)
    with pytest.raises(StudentError, match=message):
        LanguageModelStudent.load(folder, "cpu")


def test_loading_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(StudentError, match="no student"):
        LanguageModelStudent.load(tmp_path / "absent")


def test_wrong_sources(tmp_path: Path):
    empty = tmp_path / "empty.tsv"
    empty.touch()
    options = LanguageModelStudent.Options(model=str(tmp_path))
    for source, error in ((empty, InputError), (tmp_path / "absent", InputError), (tmp_path, RunError)):
        with pytest.raises(error):
            train_student(source, tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_training_that_cannot_be(tmp_path: Path):
    data = write_triples(tmp_path / "triples.tsv")
    options = LanguageModelStudent.Options(model=str(tmp_path / "absent"))
    with pytest.raises(StudentError, match="no such folder"):
        train_student(data, tmp_path / "out", options)
    with pytest.raises(StudentError, match="minutes"):
        train_student(data, tmp_path / "out", options, minutes=0)
    with pytest.raises(StudentError, match="folder"):
        train_student(data, data, options)
    with pytest.raises(StudentError, match="no head"):
        LanguageModelStudent.train({"train": [], "dev": [], "test": []}, tmp_path / "out", options, ONTOLOGY)


class StoppedError(Exception):
    pass


def test_a_killed_training_ends_in_the_same_file(tmp_path: Path):
    data, base = write_triples(tmp_path / "triples.tsv"), write_model("gpt2", tmp_path / "base")
    options = LanguageModelStudent.Options(
        model=str(base), epochs=1, dtype="float32", device="cpu", batch_tokens=400, checkpoint_seconds=0
    )
    train_student(data, tmp_path / "whole", options)

    def stop(stage, done, total):
        if stage == "train" and done > 60:
            raise StoppedError

    with pytest.raises(StoppedError):
        train_student(data, tmp_path / "killed", options, progress=stop)
    with pytest.raises(StudentError, match="interrupted"):
        LanguageModelStudent.load(tmp_path / "killed")
    with pytest.raises(StudentError, match="other data or options"):
        train_student(data, tmp_path / "killed", options.model_copy(update={"epochs": 2}))
    train_student(data, tmp_path / "killed", options)
    whole, killed = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "killed"))
    assert whole == killed


def test_one_head_is_enough(tmp_path: Path):
    head = next(h for h in map("PersonX counts to {}".format, range(50)) if part_of(h, FRACTIONS) == "train")
    (tmp_path / "one.tsv").write_text(f"{head}\tmyRelation\tto stop\n")
    options = LanguageModelStudent.Options(model=str(write_model("gpt2", tmp_path / "base")), dtype="float32")
    figures = train_student(tmp_path / "one.tsv", tmp_path / "out", options)
    assert figures["loss_after"] is None
    assert len(LanguageModelStudent.load(tmp_path / "out").complete([(head, "myRelation")], 1)) == 1


def test_bfloat16_is_stored_in_half_the_space(tmp_path: Path):
    data = write_triples(tmp_path / "triples.tsv")
    base = write_model("gemma", tmp_path / "base")
    options = LanguageModelStudent.Options(model=str(base), epochs=1, dtype="bfloat16", device="cpu")
    train_student(data, tmp_path / "out", options)
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118
    assert LanguageModelStudent.load(tmp_path / "out").layout.model.dtype == torch.bfloat16


def test_the_same_training_is_not_done_twice(trained, tmp_path):
    _, figures, data = trained
    folder = shutil.copytree(trained[0], tmp_path / "copy")
    options = LanguageModelStudent.Options(**json.loads((folder / SETTINGS).read_text())["options"])
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert train_student(data, folder, options) == json.loads(json.dumps(figures))
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    assert train_student(data, folder, options, seed=1)["steps"] > 0
    assert (folder / "model.safetensors").stat().st_mtime_ns != before
