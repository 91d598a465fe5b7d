"""Training a part of the weights, on every architecture."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kg.errors import StudentError
from kg.models import load_model
from kg.ontology import load_ontology
from kg.records import Triple
from kg.student import LanguageModelStudent
from kg.trained_weights import choose_weights
from tests.tiny_models import one_thread, write_model

ARCHITECTURES = ["gemma", "gpt2", "t5", "bart"]
PARTS = {
    "train": [Triple(f"PersonX bakes {n} cakes", "xWant", "to eat the cake") for n in range(6)],
    "dev": [], "test": [Triple("PersonX bakes bread", "xWant", "to eat the cake")],
}


@pytest.fixture(params=ARCHITECTURES)
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_model(request.param, tmp_path / "base")


def options(base: Path, **more: object) -> LanguageModelStudent.Options:
    given = {"model": str(base), "epochs": 30, "learning_rate": 2e-2, "dtype": "float32", "device": "cpu", "cut": False}
    return LanguageModelStudent.Options.model_validate(given | more)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for file in folder.glob("*.safetensors") for name, tensor in load_file(file).items()}


def test_adapters_learn_and_are_merged(base: Path, tmp_path: Path) -> None:
    with one_thread():
        trained = LanguageModelStudent.train(PARTS, tmp_path / "s", options(base, lora_rank=4), load_ontology())
    metrics = trained.settings["metrics"]
    assert metrics["loss_after"] < metrics["loss_before"]
    before, after = weights(base), weights(tmp_path / "s")
    assert set(after) == set(before)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(before[name].dim() == 2 and "embed" not in name for name in changed)
    again = LanguageModelStudent.load(tmp_path / "s", "cpu")
    assert again.score(PARTS["train"]) == pytest.approx(trained.score(PARTS["train"]), abs=1e-5)


@pytest.mark.parametrize("rank", [0, 4])
def test_only_the_named_layers_change(base: Path, tmp_path: Path, rank: int) -> None:
    with one_thread():
        LanguageModelStudent.train(
            PARTS, tmp_path / "s", options(base, lora_rank=rank, layers=[1], epochs=2), load_ontology()
        )
    before, after = weights(base), weights(tmp_path / "s")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(".1." in name for name in changed)


def test_a_layer_that_is_not_there_says_which_are(base: Path) -> None:
    with pytest.raises(StudentError, match="no layer 9, its layers are 0 to 1"):
        choose_weights(load_model(str(base), "float32", "cpu"), 0, [0, 9])
