"""Which weights of a model a training changes: all, those of some layers, or low-rank adapters (LoRA, Hu et al. 2022).

Adapters are merged into the weights after the training, so that nobody who reads the model has to know of them.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from kg.errors import StudentError

_LAYER = re.compile(r"\.(?:layers|h|block)\.(\d+)\.")  # Llama's kind and BART, GPT-2, T5


def choose_weights(model: Any, rank: int, layers: Sequence[int]) -> Callable[[], object]:
    """Lets only the chosen weights of `model` be trained; what it returns is to be called after the training.

    `rank` 0 trains the weights themselves. Raises StudentError for layers that the model has not.
    """
    found = {int(m[1]) for name, _ in model.named_parameters() if (m := _LAYER.search(name))}
    if unknown := sorted(set(layers) - found):
        raise StudentError(f"layers: the model has no layer {unknown[0]}, its layers are 0 to {max(found, default=-1)}")
    if not rank:
        for name, parameter in model.named_parameters():
            layer = _LAYER.search(name)
            parameter.requires_grad_(not layers or (layer is not None and int(layer[1]) in layers))
        return lambda: None
    from peft import LoraConfig
    from peft.tuners.lora import LoraModel

    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules=_matrices(model), layers_to_transform=list(layers) or None,
    )
    adapted = LoraModel(model, config, "student")
    return adapted.merge_and_unload


def _matrices(model: Any) -> list[str]:
    """Names of the matrices in layers, without what leads to them: `q_proj`, `fc1` ..."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    kinds = (nn.Linear, Conv1D)
    return sorted({
        name.rsplit(".", 1)[1] for name, module in model.named_modules()
        if isinstance(module, kinds) and _LAYER.search(f".{name}.")
    })
