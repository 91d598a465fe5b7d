"""Language models by name: a packaged one, a folder, or a hub id.

Weights are read from safetensors alone, and no code that comes with a model is ever run.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kg.errors import TeacherError, nearest
from kg.packaged import PACKAGED, unpacked


def resolve(name: str) -> str:
    """Where `transformers` finds the model `name`: a folder, or `name` itself when it is a hub id.

    A packaged model is converted on first use (`kg.packaged.unpacked`, which says what it raises).
    """
    if name in PACKAGED:
        return str(unpacked(name))
    if name.startswith("~"):
        return str(Path(name).expanduser())
    return name


def load_tokenizer(name: str) -> Any:
    """The tokenizer of the model `name`. Raises TeacherError when there is none."""
    from transformers import AutoTokenizer

    return _reach(name, lambda place: AutoTokenizer.from_pretrained(place, trust_remote_code=False))


def load_config(name: str) -> Any:
    """The `transformers` configuration of the model `name`. Raises TeacherError when there is none."""
    from transformers import AutoConfig

    return _reach(name, lambda place: AutoConfig.from_pretrained(place, trust_remote_code=False))


def load_model(name: str, dtype: str = "auto", device: str = "auto") -> Any:
    """The model `name`, ready to answer: causal, or sequence-to-sequence where its configuration says so.

    `dtype` is `float32`, `bfloat16`, `float16`, or `auto`: the fastest on this machine. `device` is what torch calls
    it, or `auto`: a GPU where there is one. Raises TeacherError when the model does not exist or is not safetensors.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    where = pick_device(device)
    config = load_config(name)
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    options = {"dtype": pick_dtype(dtype, where), "use_safetensors": True, "trust_remote_code": False}
    model = _reach(name, lambda place: auto.from_pretrained(place, **options))
    return model.eval().to(where)


def load_encoder(name: str, device: str = "auto") -> Any:
    """The encoder `name` (BERT's kind) with 32-bit weights. Raises TeacherError as `load_model` does."""
    from transformers import AutoModel

    options = {"dtype": pick_dtype("float32", "cpu"), "use_safetensors": True, "trust_remote_code": False}
    return _reach(name, lambda place: AutoModel.from_pretrained(place, **options)).to(pick_device(device))


def pick_device(device: str = "auto") -> str:
    """`device` itself, or for `auto` a GPU where there is one. Raises TeacherError for one that torch has not."""
    import torch

    if device != "auto":
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
            raise TeacherError(f"device {device!r} cannot be used: {reason}; leave it at auto, or use cpu") from None
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_dtype(dtype: str, device: str) -> Any:
    """The torch dtype for `dtype`; `auto` is bfloat16 where the hardware multiplies it, else float32."""
    import torch

    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype in known:
        return known[dtype]
    if dtype != "auto":
        raise TeacherError(f"unknown dtype {dtype!r}: {nearest(dtype, [*known, 'auto'])}")
    if device.startswith("cuda"):
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device == "cpu" and bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return torch.bfloat16 if fast else torch.float32


def _reach(name: str, load: Callable[[str], Any]) -> Any:
    """What `load` makes of the model's place; any failure becomes a TeacherError that says what to do."""
    from safetensors import SafetensorError

    if not name or "\0" in name:
        raise TeacherError("the name of a model is missing: give a packaged name, a folder or a hub id")
    place = resolve(name)
    if not Path(place).is_dir() and _looks_like_path(name):
        raise TeacherError(f"model {name!r}: there is no such folder; give {_choices(name)}")
    try:
        return load(place)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise TeacherError(f"model {name!r} cannot be loaded; give {_choices(name)}. ({reason})") from error


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.count("/") > 1


def _choices(name: str) -> str:
    return (
        f"a packaged name ({nearest(name, PACKAGED)}), a folder with config.json, tokenizer files and *.safetensors, "
        "or the id of a hub model that can be reached from here (HF_HUB_OFFLINE unset) or was downloaded before"
    )
