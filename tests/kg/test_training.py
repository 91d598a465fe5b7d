import json
import math
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kg.decoding import Example, layout_for
from kg.errors import StudentError
from kg.student_folder import CHECKPOINT
from kg.training import (
    BEST,
    BOARD,
    Training,
    TrainingOptions,
    epoch_batches,
    groups_by_head,
    mean_loss,
    read_checkpoint,
)
from tests.tiny_models import MODELS, one_thread

ROWS = [
    (f"PersonX bakes {n} cakes", phrase, tail)
    for n in ("two", "three", "four", "many", "no")
    for phrase, tail in (("as a result, PersonX wants", "to eat the cake"), ("so PersonX is seen as", "kind"))
]
OPTIONS = TrainingOptions(epochs=2, batch_tokens=60, learning_rate=3e-3, checkpoint_seconds=0)


def make_training(out: Path, kind="gemma", key="key", options=OPTIONS, minutes=None, progress=None, rows=ROWS):
    torch.manual_seed(0)
    layout = layout_for(*MODELS[kind](), torch.float32)
    examples = layout.examples(rows)
    told = [] if progress is None else progress
    tell = told if callable(told) else lambda *facts: told.append(facts)
    return Training(layout, examples, examples[:4], options, out, key, minutes, 0, tell)


def weights(training):
    return {n: p.detach().clone() for n, p in training._layout.model.named_parameters()}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


class KilledError(Exception):
    pass


def killer(step):
    calls = []

    def progress(stage, done, total):
        calls.append(done)
        if len(calls) == step:
            raise KilledError

    return progress


@pytest.mark.parametrize(("kind", "step", "accumulation"), [
    *(("gemma", step, 1) for step in range(2, 7)), ("gemma", 2, 2), ("gpt2", 3, 1), ("t5", 2, 1), ("bart", 4, 1),
])
def test_a_killed_training_resumes_to_the_same_weights(tmp_path: Path, kind, step, accumulation):
    options = OPTIONS.model_copy(update={"accumulation": accumulation, "epochs": 2 * accumulation})
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = make_training(tmp_path / "whole", kind, options=options)
    state = whole.run()
    assert state.step > 4
    with pytest.raises(KilledError):
        make_training(tmp_path / "killed", kind, options=options, progress=killer(step)).run()
    assert (tmp_path / "killed" / CHECKPOINT).exists()
    resumed = make_training(tmp_path / "killed", kind, options=options)
    again = resumed.run()
    assert (again.step, again.examples, again.tokens) == (state.step, state.examples, state.tokens)
    expected = weights(whole)
    for name, tensor in weights(resumed).items():
        assert torch.equal(tensor, expected[name]), name


def test_it_learns(tmp_path: Path):
    options = OPTIONS.model_copy(update={"epochs": 8, "learning_rate": 1e-2, "checkpoint_seconds": 100})
    training = make_training(tmp_path, options=options)
    before = mean_loss(training._layout, training._train)
    state = training.run()
    assert mean_loss(training._layout, training._train) < before / 2
    assert state.best == min(loss for _, _, loss in state.curve)
    assert len(state.curve) == OPTIONS.evaluations


def test_it_stops_when_the_held_out_loss_rises_and_keeps_the_best(tmp_path: Path):
    options = OPTIONS.model_copy(update={"epochs": 20, "evaluations": 20, "learning_rate": 3e-2})
    training = make_training(tmp_path, options=options)
    training._dev = training._layout.examples([("PersonX bakes cakes", "so PersonX is seen as", "tired and hungry")])
    state = training.run()
    assert state.worse == options.patience
    assert state.examples < training._total
    assert mean_loss(training._layout, training._dev) == pytest.approx(state.best, rel=1e-4)


def test_minutes_limit_it(tmp_path: Path):
    training = make_training(tmp_path, options=OPTIONS.model_copy(update={"epochs": 10_000}), minutes=0.02)
    state = training.run()
    assert 1.2 <= state.seconds < 20
    assert state.examples < training._total
    assert training._schedule(training._fraction()) == 0


def test_it_tells_how_far_it_is(tmp_path: Path, caplog):
    told = []
    with caplog.at_level("INFO", "kg.training"):
        state = make_training(tmp_path, progress=lambda *facts: told.append(facts)).run()
    assert told[0][0] == "train"
    assert told[-1] == ("train", state.examples, len(ROWS) * OPTIONS.epochs)
    assert "examples/s" in caplog.text
    assert "held-out loss" in caplog.text


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path):
    with pytest.raises(KilledError):
        make_training(tmp_path, progress=killer(2)).run()
    with pytest.raises(StudentError, match="other data or options: give another --out, or delete"):
        make_training(tmp_path, key="another").run()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\xff" * 100])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content):
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(StudentError, match="delete it"):
        make_training(tmp_path).run()


def test_a_checkpoint_is_safetensors_and_goes_away(tmp_path: Path):
    with pytest.raises(KilledError):
        make_training(tmp_path, progress=killer(3)).run()
    with safe_open(tmp_path / CHECKPOINT, "pt") as file:
        assert json.loads(file.metadata()["state"])["step"] == 2
        assert "rng" in file.keys()  # noqa: SIM118
    state, tensors = read_checkpoint(tmp_path / CHECKPOINT)
    assert state.step == 2
    assert any(name.startswith("optimizer.exp_avg_sq.") for name in tensors)
    training = make_training(tmp_path)
    training.run()
    training.clean()
    assert not (tmp_path / CHECKPOINT).exists()
    assert not (tmp_path / BEST).exists()


def test_best_weights_that_are_gone_are_an_error(tmp_path: Path):
    training = make_training(tmp_path)
    with pytest.raises(StudentError, match="best weights"):
        training._load_weights(tmp_path / BEST)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path):
    with pytest.raises(StudentError, match="cannot be written"):
        make_training(tmp_path / "absent").run()


def test_a_loss_that_is_not_finite_is_an_error(tmp_path: Path):
    training = make_training(tmp_path)
    with torch.no_grad():
        training._layout.model.get_input_embeddings().weight.fill_(math.nan)
    with pytest.raises(StudentError, match="lower learning_rate"):
        training.run()


def test_the_schedule_rises_and_falls(tmp_path: Path):
    training = make_training(tmp_path)
    shares = [training._schedule(i / 100) for i in range(101)]
    top = shares.index(max(shares))
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)
    assert max(shares) == pytest.approx(1, abs=0.01)
    assert shares[0] > 0
    assert shares[-1] == 0


EXAMPLES = st.lists(st.builds(
    lambda head, prompt, target: Example([head, *prompt], target, str(head)),
    st.integers(0, 4), st.lists(st.integers(0, 2), max_size=4), st.lists(st.integers(0, 2), min_size=1, max_size=4),
), max_size=40)


@settings(deadline=None)
@given(EXAMPLES, st.integers(1, 30), st.integers(0, 3), st.integers(0, 3))
def test_an_epoch_holds_every_example_once_within_the_budget(examples, budget, seed, epoch):
    groups = groups_by_head(examples, budget)
    batches = epoch_batches(groups, budget, seed, epoch)
    assert sorted(i for batch in batches for i in batch) == list(range(len(examples)))
    for batch in batches:
        trees = {(e.head, *e.read[:n]) for e in (examples[i] for i in batch) for n in range(1, len(e.read) + 1)}
        assert len(batch) == 1 or len(trees) <= budget
    assert batches == epoch_batches(groups, budget, seed, epoch)


@settings(deadline=None)
@given(EXAMPLES)
def test_the_examples_of_a_head_are_together_where_there_is_room(examples):
    groups = groups_by_head(examples, 1000)
    assert len(groups) == len({e.head for e in examples})
    for group, size in groups:
        assert size == len({tuple(e.read[:n]) for e in (examples[i] for i in group) for n in range(1, len(e.read) + 1)})


def test_epochs_have_their_own_order():
    groups = [([i], 1 + i % 7) for i in range(100)]
    assert epoch_batches(groups, 30, 0, 0) != epoch_batches(groups, 30, 0, 1)


def test_accumulated_batches_make_the_step_of_one_large_batch(tmp_path: Path):
    def after_a_step(budget, accumulation):
        options = OPTIONS.model_copy(update={"batch_tokens": budget, "accumulation": accumulation, "epochs": 1})
        training = make_training(tmp_path, options=options)
        training._step(next(training._steps()))
        return training.state.examples, weights(training)

    (count, one), (same, several) = after_a_step(1000, 1), after_a_step(60, 1000)
    assert count == same == len(ROWS)
    assert all(torch.allclose(one[name], several[name], atol=1e-5) for name in one)


def test_tensorboard_gets_the_figures_of_the_log(tmp_path):
    training = make_training(tmp_path, options=OPTIONS.model_copy(update={"tensorboard": True}))
    state = training.run()
    events = EventAccumulator(str(tmp_path / BOARD))
    events.Reload()
    held_out = [(e.step, e.value) for e in events.Scalars("loss/held_out")]
    assert held_out == [(step, pytest.approx(loss)) for step, _, loss in state.curve]
    assert {"loss/train", "examples_per_second", "learning_rate"} <= set(events.Tags()["scalars"])


def test_tensorboard_that_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(StudentError, match=r"pip install 'distilkg\[tensorboard\]'"):
        make_training(tmp_path, options=OPTIONS.model_copy(update={"tensorboard": True}))
