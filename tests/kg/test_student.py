import json
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from kg.decoding import Written
from kg.errors import InputError, RunError, StudentError, UnknownNameError
from kg.normal import normal_form
from kg.ontology import load_ontology
from kg.records import Triple
from kg.splits import FRACTIONS, part_of
from kg.student import SETTINGS, LanguageModelStudent, train_student, word_relations
from kg.training import CHECKPOINT
from tests.tiny_models import one_thread, write_model

ONTOLOGY = load_ontology()
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


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder of a student, its figures, its data)"""
    folder = tmp_path_factory.mktemp("student")
    base = write_model("gemma", folder / "base")
    data = write_triples(folder / "triples.tsv")
    options = LanguageModelStudent.Options(
        model=str(base), base_tokens=50, epochs=12, learning_rate=1e-2, batch_tokens=400, dtype="float32", device="cpu"
    )
    return folder / "student", train_student(data, folder / "student", options), data


@pytest.fixture(scope="module")
def student(trained):
    return LanguageModelStudent.load(trained[0], "cpu")


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


def test_completions_are_distinct_best_first_and_scored_as_score_says(student):
    queries = [("PersonX bakes a cake", "xWant"), ("PersonX sings", "xAttr"), ("PersonX bakes a cake", "xWant")]
    found = student.complete(queries, k=4)
    assert found[0] == found[2]
    for (head, relation), completions in zip(queries, found, strict=True):
        kind = ONTOLOGY[relation].tail
        assert 1 <= len(completions) <= 4
        scores = [c.score for c in completions]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= s <= 1 for s in scores)
        assert len({normal_form(c.triple.tail, kind) for c in completions}) == len(completions)
        assert all(c.triple.head == head and c.triple.tail.strip() == c.triple.tail != "" for c in completions)
    best = found[0][0]
    assert torch.tensor(student.score([best.triple])).exp().item() == pytest.approx(best.score, rel=1e-3)


def test_draws_are_distinct_and_scored_as_score_says(student):
    queries = [("PersonX bakes a cake", "xWant"), ("PersonX sings", "xAttr")]
    found = student.draw(queries, 6, top_p=1.0, seed=3)
    assert student.draw(queries[1:], 6, top_p=1.0, seed=3) == found[1:]
    assert student.draw(queries, 6, top_p=1.0, seed=4) != found
    for (_, relation), completions in zip(queries, found, strict=True):
        assert 1 <= len(completions) <= 6
        assert len({normal_form(c.triple.tail, ONTOLOGY[relation].tail) for c in completions}) == len(completions)
    best = found[0][0]
    assert torch.tensor(student.score([best.triple])).exp().item() == pytest.approx(best.score, rel=1e-3)
    assert student.draw([("", "xWant")], 3) == [[]]


def test_a_likely_tail_scores_higher(student):
    likely, unlikely = student.score(
        [Triple("PersonX bakes a cake", "xAttr", "kind"), Triple("PersonX bakes a cake", "xAttr", "a zugzwang")]
    )
    assert unlikely < likely < 0


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


def test_a_batch_does_not_change_an_answer(student):
    queries = [(f"PersonX {'really ' * n}eats", r) for n in range(5) for r in ("xWant", "xAttr")]
    together = student.complete(queries, k=3)
    for query, expected in zip(queries, together, strict=True):
        alone = student.complete([query], k=3)[0]
        assert [c.triple for c in alone] == [c.triple for c in expected]
        assert [c.score for c in alone] == pytest.approx([c.score for c in expected], rel=1e-3)


@pytest.mark.parametrize(
    "head", ["PersonX ate 🙂", "\ud800 half", "x" * 10_000, "a\tb\nc\\", "\x00\x01", "שלום", "'; DROP TABLE"]
)
def test_any_head_is_completed_and_comes_back(student, head):
    for completion in student.complete([(head, "xWant")], k=2)[0]:
        assert completion.triple.head == head
        assert completion.source == student.name


def test_nothing_for_nothing(student):
    assert student.complete([], 3) == []
    assert student.complete([("", "xWant"), (" \n", "xAttr")], 3) == [[], []]
    assert student.complete([("PersonX eats", "xWant")], 0) == [[]]
    assert student.score([]) == []


def test_an_unknown_relation_is_named_with_the_nearest(student):
    with pytest.raises(UnknownNameError, match="xWant"):
        student.complete([("PersonX eats", "xWnat")], 1)
    with pytest.raises(UnknownNameError, match="did you mean oReact"):
        student.score([Triple("PersonX eats", "xReact", "happy")])


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


def test_the_relation_between_a_head_and_a_tail(student):
    pairs = [("PersonX bakes a cake", "kind"), ("PersonX eats a pie", "to call a locksmith")]
    answers = student.complete_relations(pairs, 9)
    for (head, tail), found, label in zip(pairs, answers, ("xAttr", "NotxWant"), strict=True):
        assert list(found[0].triple) == [head, label, tail]
        assert len(found) == len(student.wordings)
        assert sum(c.score for c in found) == pytest.approx(1)
        assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert [len(found) for found in student.complete_relations(pairs, 1)] == [1, 1]
    assert student.complete_relations([]) == []


def test_heads_are_given_by_a_student_that_was_trained_to(student, tmp_path: Path):
    with pytest.raises(StudentError, match="--set heads=true"):
        student.complete_heads([("xWant", "to eat a cake")])
    base = write_model("gemma", tmp_path / "base")
    rows = [
        f"Person{who} {verb} {noun}\txWant\tto be where one {verb}"
        for who in "XYZ" for verb in VERBS[:4] for noun in NOUNS
    ]
    (tmp_path / "triples.tsv").write_text("\n".join(rows) + "\n")
    options = LanguageModelStudent.Options(
        model=str(base), base_tokens=50, epochs=40, learning_rate=5e-3, batch_tokens=100, dtype="float32", device="cpu",
        heads=True, patience=9,
    )
    train_student(tmp_path / "triples.tsv", tmp_path / "out", options)
    made = LanguageModelStudent.load(tmp_path / "out", "cpu")
    assert made.settings["calibration_heads"]["proposals"] > 0
    queries = [("xWant", f"to be where one {verb}") for verb in VERBS[:4]]
    found = made.complete_heads([*queries, ("xWant", " ")], 2)
    assert found[-1] == []
    asked = zip(queries, found, strict=False)
    assert all((c.triple.relation, c.triple.tail) == query for query, cs in asked for c in cs)
    assert sum(verb in cs[0].triple.head for verb, cs in zip(VERBS, found, strict=False) if cs) >= 3
    assert made.complete([("PersonX bakes a cake", "xWant")], 1)[0][0].triple.tail.startswith("to be where")


def test_half_characters_are_no_completion(student):
    written = [Written("a \ufffd", -0.1), Written("  kind\n", -0.2), Written(" ", -0.3), Written("the kind", -0.4)]
    found = student._completions(written, partial(Triple, "PersonX eats", "xAttr"), "State")
    assert [c.triple for c in found] == [Triple("PersonX eats", "xAttr", "kind")]


def test_bfloat16_is_stored_in_half_the_space(tmp_path: Path):
    data = write_triples(tmp_path / "triples.tsv")
    base = write_model("gemma", tmp_path / "base")
    options = LanguageModelStudent.Options(model=str(base), epochs=1, dtype="bfloat16", device="cpu")
    train_student(data, tmp_path / "out", options)
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118
    assert LanguageModelStudent.load(tmp_path / "out").layout.model.dtype == torch.bfloat16


def test_words_of_relations():
    triples = [
        Triple("h", "xWant", "t"), Triple("h", "xWant", "t", negated=True), Triple("h", "AtLocation", "t"),
        Triple("h", "my own", "t"), Triple("h", "xAttr", "t"),
    ]
    wordings = word_relations(triples, ONTOLOGY)
    assert list(wordings) == ["AtLocation", "NotxWant", "my own", "xAttr", "xWant"]
    assert wordings["xWant"].phrase == ONTOLOGY["xWant"].phrase
    assert wordings["NotxWant"].phrase.endswith(ONTOLOGY["xWant"].phrase)
    assert wordings["NotxWant"].phrase != wordings["xWant"].phrase
    assert wordings["NotxWant"].negated
    assert wordings["AtLocation"].tail == "Thing"
    assert wordings["my own"].phrase == "my own"


def test_the_same_training_is_not_done_twice(trained, tmp_path):
    _, figures, data = trained
    folder = shutil.copytree(trained[0], tmp_path / "copy")
    options = LanguageModelStudent.Options(**json.loads((folder / SETTINGS).read_text())["options"])
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert train_student(data, folder, options) == json.loads(json.dumps(figures))
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    assert train_student(data, folder, options, seed=1)["steps"] > 0
    assert (folder / "model.safetensors").stat().st_mtime_ns != before
