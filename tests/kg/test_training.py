import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from kg.decoding import layout_for
from kg.errors import StudentError
from kg.training import BEST, CHECKPOINT, Training, TrainingOptions, epoch_batches, mean_loss, read_checkpoint
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


@pytest.mark.parametrize(("kind", "step"), [("gemma", 2), ("gemma", 4), ("gpt2", 3), ("t5", 2), ("bart", 4)])
def test_a_killed_training_resumes_to_the_same_weights(tmp_path: Path, kind, step):
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = make_training(tmp_path / "whole", kind)
    state = whole.run()
    assert state.step > 4
    with pytest.raises(KilledError):
        make_training(tmp_path / "killed", kind, progress=killer(step)).run()
    assert (tmp_path / "killed" / CHECKPOINT).exists()
    resumed = make_training(tmp_path / "killed", kind)
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


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), max_size=60), st.integers(1, 200), st.integers(0, 3), st.integers(0, 3))
def test_an_epoch_holds_every_example_once_within_the_budget(lengths, budget, seed, epoch):
    batches = epoch_batches(lengths, budget, seed, epoch)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
    assert batches == epoch_batches(lengths, budget, seed, epoch)


def test_epochs_have_their_own_order():
    lengths = [1 + i % 7 for i in range(100)]
    assert epoch_batches(lengths, 30, 0, 0) != epoch_batches(lengths, 30, 0, 1)
