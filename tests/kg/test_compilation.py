import copy
import shutil

import pytest
import torch
from torch._dynamo.exc import TorchDynamoException

from kg import compilation
from kg.compilation import compile_layers
from kg.decoding import layout_for
from kg.errors import StudentError
from kg.models import load_model, load_tokenizer
from tests.tiny_models import one_thread, write_model

TEXTS = [
    ("PersonX bakes a cake", "wanted", "to eat the cake"), ("PersonX bakes a cake", "feels", "happy"),
    ("PersonX loses the keys to the house", "feels", "tired and hungry"),
]


def layout(folder):
    return layout_for(load_model(str(folder), "float32", "cpu"), load_tokenizer(str(folder)), torch.float32)


def gradients(made, texts):
    made.model.eval()  # no dropout
    made.model.zero_grad()
    loss = made.loss(made.examples(texts))
    loss.backward()
    return loss.item(), {name: p.grad for name, p in made.model.named_parameters() if p.grad is not None}


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("kind", ["gemma", "gpt2"])
def test_compiled_layers_give_the_same_gradients(tmp_path, kind):
    plain = layout(write_model(kind, tmp_path / "base"))
    compiled = copy.deepcopy(plain)
    compile_layers(compiled.model)
    with one_thread():
        for texts in (TEXTS[:1], TEXTS):  # of several sizes
            (loss, wanted), (other, found) = gradients(plain, texts), gradients(compiled, texts)
            assert other == pytest.approx(loss, rel=1e-5)
            assert found.keys() == wanted.keys()
            for name in wanted:
                torch.testing.assert_close(found[name], wanted[name], rtol=1e-3, atol=1e-5)
        examples = plain.examples(TEXTS)
        assert compiled.scores(examples) == pytest.approx(plain.scores(examples), rel=1e-5)


def test_a_model_that_is_not_causal_is_refused(tmp_path):
    with pytest.raises(StudentError, match="only causal models"):
        compile_layers(layout(write_model("t5", tmp_path / "base")).model)


def test_a_model_without_known_layers_is_refused():
    with pytest.raises(StudentError, match="layers of a Linear are not known: train it with compile=false"):
        compile_layers(torch.nn.Linear(2, 2))


def test_what_cannot_be_compiled_is_said(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise TorchDynamoException("No working C++ compiler found\nin a long text")

    monkeypatch.setattr(compilation.torch, "compile", lambda *_, **__: fails)
    made = layout(write_model("gemma", tmp_path / "base"))
    compile_layers(made.model)
    with pytest.raises(StudentError, match=r"compiled \(No working C\+\+ compiler found\): install a C\+\+ compiler"):
        gradients(made, TEXTS)
    assert len(made.scores(made.examples(TEXTS))) == 3
