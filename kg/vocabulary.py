"""Cutting a language model's vocabulary to the tokens in use.

Most of a small model's weights are rows of its embedding: Gemma 3 270M has 262,144 of them. A student of one graph
needs a few thousand. Text whose tokens were all kept is encoded as before; any other text still has an encoding,
from shorter pieces down to single bytes.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch

BYTES = 256


def encode(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The token ids of each text as plain text: what looks like a special token is none.

    Half surrogates, which no tokenizer takes, become question marks.
    """
    if not texts:
        return []
    plain = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    found: list[list[int]] = tokenizer(plain, add_special_tokens=False, split_special_tokens=True).input_ids
    # A unigram model may match the name of a control token all the same.
    control = {tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id}
    return [[i for i in ids if i not in control] for ids in found]


def cut(model: Any, tokenizer: Any, texts: Iterable[str], base_tokens: int) -> Any:
    """Cuts `model` in place to the tokens of `texts`, of common English and of single bytes; returns its tokenizer.

    `base_tokens` is how many of the commonest plain ASCII tokens are kept, whether `texts` use them or not. Kept
    tokens keep their embedding and their order, tied layers stay tied. A tokenizer that is no byte-pair encoding with
    all single bytes comes back as it is, and the model is left alone.
    """
    whole = _read(tokenizer)
    if whole is None:
        return tokenizer
    used = {i for ids in encode(tokenizer, list(texts)) for i in ids}
    kept = _kept_ids(whole, used | set(_special_ids(tokenizer)), base_tokens)
    small = _load(tokenizer, _cut_json(whole, kept))
    _cut_rows(model, kept)
    _renumber(model, {old: new for new, old in enumerate(kept)})
    return small


def _read(tokenizer: Any) -> dict[str, Any] | None:
    """The tokenizer's tokenizer.json, or None when it is not of a kind that can be cut."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    whole: dict[str, Any] = json.loads(backend.to_str())
    model = whole["model"]
    fits = model["type"] == "BPE" and not model.get("ignore_merges") and len(_byte_tokens(model)) == BYTES
    return whole if fits else None


def _kept_ids(whole: dict[str, Any], used: set[int], base_tokens: int) -> list[int]:
    """Ids of the tokens to keep, ascending: all that are used, with every token that they are merged from."""
    vocabulary: dict[str, int] = whole["model"]["vocab"]
    token_of = {i: t for t, i in vocabulary.items()}
    ranks = {tuple(_pair(m)): rank for rank, m in enumerate(whole["model"]["merges"])}
    added = {t["id"] for t in whole["added_tokens"]}
    plain = [i for i, t in sorted(token_of.items()) if i not in added and _is_plain(t)]
    characters = {i for t, i in vocabulary.items() if len(t) == 1 and t.isascii()}
    wanted = used | set(plain[:base_tokens]) | characters | _byte_tokens(whole["model"])
    parts = {part for i in wanted if i in token_of and i not in added for part in _parts(token_of[i], ranks)}
    return sorted(wanted | {vocabulary[p] for p in parts if p in vocabulary})


def _parts(token: str, ranks: dict[tuple[str, ...], int]) -> Iterable[str]:
    """Every piece that byte-pair encoding goes through on its way from characters to `token`.

    Merges inside a token do not depend on what stands around it, so that with these pieces kept, and the merges
    between kept pieces in their old order, the same text merges in the same steps.
    """
    pieces = list(token)
    seen = set(pieces)
    while len(pieces) > 1:
        ranked = [(ranks.get((a, b)), i) for i, (a, b) in enumerate(pairwise(pieces))]
        found = [(rank, i) for rank, i in ranked if rank is not None]
        if not found:
            break
        _, i = min(found)
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
        seen.add(pieces[i])
    return seen


def _cut_json(whole: dict[str, Any], kept: Sequence[int]) -> dict[str, Any]:
    """tokenizer.json with the kept tokens renumbered, and the merges whose parts and result are kept."""
    new_id = {old: new for new, old in enumerate(kept)}
    vocabulary = {t: new_id[i] for t, i in whole["model"]["vocab"].items() if i in new_id}
    merges = [
        m for m in whole["model"]["merges"]
        if all(p in vocabulary for p in _pair(m)) and "".join(_pair(m)) in vocabulary
    ]
    added = [{**t, "id": new_id[t["id"]]} for t in whole["added_tokens"] if t["id"] in new_id]
    model = {**whole["model"], "vocab": vocabulary, "merges": merges}
    return {**whole, "model": model, "added_tokens": added, "post_processor": _processor(whole, new_id)}


def _processor(whole: dict[str, Any], new_id: dict[int, int]) -> Any:
    """The post-processor with the ids of its special tokens renumbered."""

    def named(pair: list[Any]) -> list[Any]:  # of BertProcessing and RobertaProcessing
        return [pair[0], new_id[pair[1]]]

    def renumber(node: Any) -> Any:
        if isinstance(node, list):
            return [renumber(n) for n in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("ids"), list):  # TemplateProcessing
            return {**node, "ids": [new_id[i] for i in node["ids"]]}
        return {k: named(v) if k in ("sep", "cls") and isinstance(v, list) else renumber(v) for k, v in node.items()}

    return renumber(whole.get("post_processor"))


def _load(tokenizer: Any, cut_json: dict[str, Any]) -> Any:
    """A `transformers` tokenizer that reads the cut file exactly as it stands, with the old special tokens."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=Tokenizer.from_str(json.dumps(cut_json)),
        model_max_length=tokenizer.model_max_length,
        clean_up_tokenization_spaces=False,
        **tokenizer.special_tokens_map,
    )


def _cut_rows(model: Any, kept: Sequence[int]) -> None:
    """Moves the kept rows of the embedding and the output layer to the front and drops the rest."""
    rows = torch.tensor(kept)
    embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
    tensors = {id(t): t for t in (embedding.weight, output.weight, getattr(output, "bias", None)) if t is not None}
    with torch.no_grad():
        for tensor in tensors.values():
            tensor[: len(kept)] = tensor[rows.to(tensor.device)]
    model.resize_token_embeddings(len(kept))


def _renumber(model: Any, new_id: dict[int, int]) -> None:
    """Renumbers the special tokens in the model's configurations."""
    for config in (model.config, model.generation_config):
        for name in [n for n in vars(config) if n.endswith("_token_id")]:
            value = getattr(config, name)
            ids = value if isinstance(value, list) else [value]
            kept = [new_id[i] for i in ids if i in new_id]
            setattr(config, name, kept if isinstance(value, list) and kept else kept[0] if kept else None)
    embedding = model.get_input_embeddings()
    if embedding.padding_idx is not None:
        embedding.padding_idx = model.config.pad_token_id


def _special_ids(tokenizer: Any) -> list[int]:
    named = tokenizer.special_tokens_map.values()
    texts = [t for v in named for t in (v if isinstance(v, list) else [v])]
    return [int(i) for i in tokenizer.convert_tokens_to_ids(texts) if i is not None]


def _pair(merge: Any) -> list[str]:
    """The two parts of a merge, which older files write as one string."""
    return merge.split(" ", 1) if isinstance(merge, str) else merge


def _is_plain(token: str) -> bool:
    """Whether a token is made of printable ASCII, or of the marks that stand for a space before it."""
    return token.lstrip("▁Ġ").isascii() and token.isprintable() and not token.startswith("<0x")


def _byte_tokens(model: dict[str, Any]) -> set[int]:
    """Ids of the tokens that stand for one byte: `<0x0A>` with byte fallback, else the byte-level alphabet."""
    vocabulary: dict[str, int] = model["vocab"]
    if model.get("byte_fallback"):
        names: Iterable[str] = (f"<0x{b:02X}>" for b in range(BYTES))
    else:
        from tokenizers.pre_tokenizers import ByteLevel

        names = ByteLevel.alphabet()
    return {vocabulary[n] for n in names if n in vocabulary}
