from functools import partial
from pathlib import Path

import pytest
import torch

from kg.constraints import Constraints
from kg.decoding import Written
from kg.errors import StudentError, UnknownNameError
from kg.normal import normal_form
from kg.ontology import load_ontology
from kg.records import Triple
from kg.student import LanguageModelStudent, train_student
from tests.kg.conftest import NOUNS, VERBS
from tests.tiny_models import one_thread, write_model

ONTOLOGY = load_ontology()


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


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


def test_one_beam_is_greedy(student):
    queries = [("PersonX bakes a cake", "xWant"), ("PersonX sings", "xAttr")]
    found = student.complete(queries, 5, beams=1)
    prompts = student.layout.prompts([(head, student.wordings[relation].phrase) for head, relation in queries])
    written = student.layout.write(prompts, 1)
    assert [[c.triple.tail for c in part] for part in found] == [[" ".join(w.text.split()) for w in p] for p in written]
    assert [len(part) for part in student.complete(queries, 1)] == [1, 1]


def test_diverse_search_finds_other_tails_with_the_models_own_scores(student):
    queries = [("PersonX bakes a cake", "xWant"), ("PersonX sings", "xAttr")]
    plain, found = student.complete(queries, 4), student.complete(queries, 4, diversity=5.0)
    for (head, relation), completions, others in zip(queries, found, plain, strict=True):
        assert 1 <= len(completions) <= 4
        assert len({normal_form(c.triple.tail, ONTOLOGY[relation].tail) for c in completions}) == len(completions)
        (greedy,) = student.complete([(head, relation)], 1, beams=1)[0]
        assert greedy.triple in [c.triple for c in completions]  # the first beam pays nothing
        assert {c.triple for c in completions} != {c.triple for c in others}
        scores = [c.score for c in completions]
        assert scores == sorted(scores, reverse=True)
        assert torch.tensor(student.score([c.triple for c in completions])).exp().tolist() == pytest.approx(
            scores, rel=1e-2
        )
        alone = student.complete([(head, relation)], 4, diversity=5.0)[0]
        assert [c.triple for c in alone] == [c.triple for c in completions]


def test_diverse_search_keeps_to_words(student):
    queries = [("PersonX bakes a cake", "xWant")]
    banned = student.complete(queries, 1, diversity=0.5)[0][0].triple.tail.split()[-1]
    found = student.complete_within(queries, 4, Constraints(must_not=(banned,)), diversity=0.5)[0]
    assert found
    assert not any(banned in c.triple.tail.split() for c in found)


def test_a_likely_tail_scores_higher(student):
    likely, unlikely = student.score(
        [Triple("PersonX bakes a cake", "xAttr", "kind"), Triple("PersonX bakes a cake", "xAttr", "a zugzwang")]
    )
    assert unlikely < likely < 0


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
