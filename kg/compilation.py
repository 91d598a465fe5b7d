"""The layers of a model compiled for training, by `torch.compile`.

Most of the time of a small model on a CPU goes into what stands between its matrix products: norms, rotations, sums,
changes of type. Compiled, these are a few passes over memory.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch._dynamo import config
from torch._dynamo.exc import TorchDynamoException
from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

from kg.errors import StudentError

_VERSIONS = 64  # of the code of a layer: one for each kind of input, and for what differs between layers


def compile_layers(model: Any) -> None:
    """Lets the repeated layers of a causal `transformers` model run compiled where gradients are taken.

    They are compiled in the first steps, which takes seconds to a minute, for inputs of any size. Raises StudentError
    for a model that has no such layers or reads and writes apart (T5 is compiled anew again and again); so does the
    first step where there is no C++ compiler.
    """
    config_of = getattr(model, "config", None)
    if config_of is not None and config_of.is_encoder_decoder:
        raise StudentError(f"a {type(model).__name__} cannot be compiled, only causal models: train with compile=false")
    names = set(getattr(model, "_no_split_modules", None) or ())
    layers = [module for module in model.modules() if type(module).__name__ in names]
    if not layers:
        raise StudentError(f"the layers of a {type(model).__name__} are not known: train it with compile=false")
    config.recompile_limit = max(config.recompile_limit, _VERSIONS)
    for layer in layers:
        layer.forward = _Forward(layer.forward)


class _Forward:
    """A function that runs compiled while gradients are taken, and else as it is: without them it is asked rarely."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._plain = function
        self._compiled = torch.compile(function, dynamic=True)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return self._plain(*arguments, **named)
        try:
            return self._compiled(*arguments, **named)
        except (TorchDynamoException, CppCompileError, InvalidCxxCompiler) as error:
            reason = str(error).strip().split("\n")[0]
            raise StudentError(
                f"the model cannot be compiled ({reason}): install a C++ compiler, or train with compile=false"
            ) from error
