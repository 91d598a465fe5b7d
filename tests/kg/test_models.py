"""Loading by name, on tiny models; the packaged model with the marker `model`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from kg import models, packaged
from kg.errors import TeacherError
from tests.tiny_models import write_model


@pytest.fixture
def gpt2(tmp_path: Path) -> Path:
    return write_model("gpt2", tmp_path / "gpt2")


def test_paths_and_hub_ids_pass_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert models.resolve("facebook/bart-large") == "facebook/bart-large"
    assert models.resolve(str(tmp_path)) == str(tmp_path)
    assert models.resolve("~/m") == str(tmp_path / "m")


@pytest.mark.parametrize(("kind", "name"), [("gpt2", "GPT2LMHeadModel"), ("t5", "T5ForConditionalGeneration")])
def test_the_configuration_says_which_kind_of_model(tmp_path: Path, kind: str, name: str) -> None:
    model = models.load_model(str(write_model(kind, tmp_path / kind)), "bfloat16", "cpu")
    assert type(model).__name__ == name
    assert model.dtype == torch.bfloat16
    assert not model.training


@pytest.mark.parametrize("name", ["", "\0", "./nowhere", "/no/where", "no-such-model-x", "gemma-3-270", "a\nb"])
def test_a_model_that_is_not_there_is_an_error_that_says_what_to_do(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for load in (models.load_model, models.load_tokenizer, models.load_config):
        with pytest.raises(TeacherError, match="give a"):
            load(name)


def test_pickled_weights_are_refused(gpt2: Path) -> None:
    model = models.load_model(str(gpt2), "float32", "cpu")
    torch.save(model.state_dict(), gpt2 / "pytorch_model.bin")
    (gpt2 / "model.safetensors").unlink()
    with pytest.raises(TeacherError, match="safetensors"):
        models.load_model(str(gpt2), "float32", "cpu")


@pytest.mark.parametrize("damage", [b"", b"\0" * 100, b"not weights"])
def test_damaged_weights_are_an_error(gpt2: Path, damage: bytes) -> None:
    (gpt2 / "model.safetensors").write_bytes(damage)
    with pytest.raises(TeacherError, match="cannot be loaded"):
        models.load_model(str(gpt2), "float32", "cpu")


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]"])
def test_a_damaged_configuration_is_an_error(gpt2: Path, damage: bytes) -> None:
    (gpt2 / "config.json").write_bytes(damage)
    with pytest.raises(TeacherError, match="cannot be loaded"):
        models.load_model(str(gpt2), "float32", "cpu")


def test_unknown_device_and_dtype(gpt2: Path) -> None:
    with pytest.raises(TeacherError, match="device 'gpu9'"):
        models.load_model(str(gpt2), device="gpu9")
    with pytest.raises(TeacherError, match="did you mean float32"):
        models.load_model(str(gpt2), dtype="float23", device="cpu")


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KG_CACHE", str(tmp_path))
    monkeypatch.setitem(packaged.PACKAGED, "broken", packaged.Packaged("no-such-package", "no_such_module", "none"))
    with pytest.raises(TeacherError, match="package no-such-package is installed"):
        models.resolve("broken")
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["broken-1.lock"]


CONVERT = """
import sys, time
from kg import models, packaged

def convert(name, folder):
    print("converts", flush=True)
    time.sleep(0.5)
    folder.mkdir()

packaged._convert = convert
print(models.resolve("gemma-3-270m"))
"""


def test_two_processes_convert_once(tmp_path: Path) -> None:
    environment = {**os.environ, "KG_CACHE": str(tmp_path)}
    both = [
        subprocess.Popen([sys.executable, "-c", CONVERT], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [p.communicate(timeout=60)[0] for p in both]
    assert "".join(said).count("converts") == 1
    assert all(str(tmp_path / "models" / "gemma-3-270m-1") in text for text in said)


@pytest.fixture
def no_grad() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.mark.model
@pytest.mark.usefixtures("no_grad")
def test_the_packaged_model_follows_examples() -> None:
    model, tokenizer = models.load_model("gemma-3-270m", "float32", "cpu"), models.load_tokenizer("gemma-3-270m")
    text = "France: Paris\nItaly: Rome\nGermany: Berlin\nSpain: Madrid\nJapan:"
    ids = tokenizer(text, return_tensors="pt")
    assert ids.input_ids[0, 0] == tokenizer.bos_token_id
    made = model.generate(**ids, max_new_tokens=2, do_sample=False)[0, ids.input_ids.shape[1] :]
    assert tokenizer.decode(made).strip().startswith("Tokyo")
    odd = "Hello  world\n\n PersonX 🤗 naïve\t日本語"
    assert tokenizer.decode(tokenizer(odd, add_special_tokens=False).input_ids) == odd
