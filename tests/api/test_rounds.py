"""Rounds of distillation with a tiny student; the first teacher's answers are recorded."""

import json
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import pytest

from api.rounds import FIGURES, Round, _is_over, run_rounds
from kg.errors import RecipeError
from kg.graph import GraphFiles
from kg.recipe import Recipe, load_recipe
from kg.run import Run, read_lines
from tests.tiny_models import one_thread, write_model

RECIPE = """
name = "tiny"
[tails]
relations = ["xWant", "isBefore"]
[teacher]
kind = "recorded"
file = "answers.jsonl"
[critics.form]
[critics.likelihood]
[student]
kind = "causal"
model = "{base}"
epochs = 30
learning_rate = 1e-2
dtype = "float32"
device = "cpu"
base_tokens = 40
[rounds]
count = 3
minimum = [0.0, 0.1]
minutes = 1
heads = 2
samples = 2
"""
THINGS = ["cake", "house", "horse", "garden", "letter", "kettle", "guitar", "ticket", "lamp", "boat", "map", "coat",
          "piano", "mirror", "ladder", "camera", "basket", "violin", "teapot", "clock"]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = tmp_path_factory.mktemp("recipe")
    rows = [
        {"head": f"PersonX buys a {thing}", "relation": relation, "answer": answer}
        for thing in THINGS
        for relation, answer in (("xWant", "to keep it"), ("isBefore", f"PersonX shows the {thing} to PersonY"))
    ]
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "recipe.toml").write_text(RECIPE.replace("{base}", str(write_model("gemma", folder / "base"))))
    return load_recipe(folder / "recipe.toml")


@pytest.fixture(scope="module")
def done(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Round]]:
    out = tmp_path_factory.mktemp("out")
    with one_thread():
        return out, run_rounds(recipe, out)


def heads(run: Run) -> list[str]:
    return [row["head"] for row in read_lines(run.require("heads")) if not row["dropped"]]


def test_the_student_of_a_round_is_the_teacher_of_the_next(done: tuple[Path, list[Round]]) -> None:
    _, rounds = done
    assert [r.teacher for r in rounds] == ["recorded:answers.jsonl", "student:student-1", "student:student-2"]
    assert [r.minimum for r in rounds] == [0.0, 0.1, 0.1]
    assert [r.graph for r in rounds] == sorted(r.graph for r in rounds)
    assert rounds[0].new == rounds[0].triples == rounds[0].graph
    assert all(r.graph - before.graph == r.new for before, r in pairwise(rounds))
    assert all(r.new <= r.triples and r.accepted <= r.candidates for r in rounds)


def test_new_heads_are_events_that_the_graph_has_as_tails(done: tuple[Path, list[Round]]) -> None:
    out, rounds = done
    first, second = (heads(Run.open(out / f"round-{n}")) for n in (1, 2))
    assert second[: len(first)] == first
    tails = {e["tail_text"] for e in GraphFiles(Run.open(out / "graph-1")).edges() if e["relation"] == "isBefore"}
    assert 0 < len(second) - len(first) <= 2
    assert set(second[len(first):]) <= tails
    assert rounds[1].heads == len(second)


def test_no_student_learns_from_the_heads_that_it_is_measured_on(done: tuple[Path, list[Round]]) -> None:
    out, rounds = done
    settings = [json.loads((out / f"student-{n}" / "student.json").read_text()) for n in (1, 2, 3)]
    held_out = set(settings[0]["heads_test"])
    assert held_out
    assert all(held_out <= set(one["heads_test"]) for one in settings)
    assert all(r.loss is not None and r.bleu_2 is not None for r in rounds)


def test_a_second_time_nothing_is_asked_or_trained(done: tuple[Path, list[Round]], recipe: Recipe) -> None:
    out, rounds = done

    def times() -> dict[Path, int]:
        wanted = [*out.glob("round-*/generations.jsonl"), *out.glob("student-*/student.json"), *out.glob("graph-*/e*")]
        assert len(wanted) == 9
        return {path: path.stat().st_mtime_ns for path in wanted}

    before = times()
    told: list[Round] = []
    assert run_rounds(recipe, out, tell=told.append) == rounds == told
    assert times() == before
    assert json.loads((out / FIGURES).read_text()) == [asdict(r) for r in rounds]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"critic": "plausibility"}, "none of the recipe's critics"), ({"minimum": [0.3, 0.2]}, "must not fall")],
)
def test_rounds_that_do_not_fit_say_so(recipe: Recipe, tmp_path: Path, change: dict[str, object], message: str) -> None:
    assert recipe.rounds is not None
    wrong = recipe.model_copy(update={"rounds": recipe.rounds.model_copy(update=change)})
    with pytest.raises(RecipeError, match=message):
        run_rounds(wrong, tmp_path)
    with pytest.raises(RecipeError, match=r"no \[rounds\]"):
        run_rounds(recipe.model_copy(update={"rounds": None}), tmp_path)
    assert not list(tmp_path.iterdir())


def test_it_ends_after_rounds_without_a_better_student() -> None:
    first = Round(1, "t", 0.2, 1, 1, 1, 1, 1, 1, 1, 1.0, 0.1)

    def rounds(*values: float | None) -> list[Round]:
        return [replace(first, round=n, bleu_2=value) for n, value in enumerate(values, 1)]

    assert not _is_over(rounds(0.3, 0.1), 2)
    assert _is_over(rounds(0.3, 0.1, 0.3), 2)
    assert not _is_over(rounds(0.3, 0.1, 0.31), 2)
    assert _is_over(rounds(0.1, 0.1), 1)
    assert _is_over(rounds(None, None, None), 2)


def test_a_recipe_without_rounds_keeps_its_name() -> None:
    assert load_recipe("demo").run_id.startswith("demo-")
    assert load_recipe("demo").hash == load_recipe("demo").model_copy(update={"description": "other"}).hash
    assert load_recipe("demo", ["rounds.count=2"]).hash != load_recipe("demo").hash
