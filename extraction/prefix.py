"""Decoding many prompts at once that begin alike, with the beginning encoded and kept once.

The keys and values of the shared prefix are held without a row for each prompt, and attention reads them once for all
rows: one matrix product of all queries with the prefix, one small product a row with what is the row's own. Rows are
packed to the left: a row's token at position p lies in slot p - len(prefix), so there is no padding to mask, and the
causal rule alone hides what a shorter row has not written yet.

The attention goes into any `transformers` model that takes one by name. `PrefixDecoder.fits` compares it with the
model's own on a small example, so that a model with an attention of another kind is found out instead of garbled.
"""

from collections.abc import Sequence
from inspect import signature
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache, CacheLayerMixin

NAME = "kg_shared_prefix"
OTHER_KINDS = ("s_aux", "position_bias", "score_mod")  # arguments that change what attention computes
SCORES = 2**25  # attention scores (float32) that one forward pass may make: 128 MB


class Slots:
    """Where the tokens of the present forward pass lie, the same in all layers.

    `prefix` is the length of the shared beginning, `positions` (rows, queries) are counted from the very first token
    and `used` is the number of slots that any row has written.
    """

    def __init__(self) -> None:
        self.prefix = 0
        self.used = 0
        self.positions = torch.zeros(0, 0, dtype=torch.long)
        self._hidden: dict[int | None, torch.Tensor] = {}

    def place(self, positions: torch.Tensor) -> None:
        """Sets the positions of the tokens that come next."""
        self.positions = positions
        self.used = max(self.used, int(positions.max()) + 1 - self.prefix)
        self._hidden = {}

    def share(self) -> None:
        """What has been written becomes the prefix."""
        self.prefix, self.used = self.used, 0

    def hidden(self, window: int | None) -> torch.Tensor:
        """Which keys a query must not see, (rows, 1, 1, queries, keys): later ones, and those out of the window."""
        if window is not None and window > int(self.prefix + self.used):
            window = None
        if window not in self._hidden:
            keys = torch.arange(self.prefix + self.used, device=self.positions.device)
            queries = self.positions[:, None, None, :, None]
            out = keys > queries
            self._hidden[window] = out if window is None else out | (keys <= queries - window)
        return self._hidden[window]


class PrefixLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """Keys and values of one layer: `prefix_keys` (1, heads, prefix, size), `keys` (rows, heads, slots, size)."""

    is_sliding = False
    keys: Any
    values: Any

    def __init__(self, slots: Slots, rows: int, room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.slots, self.rows, self.room = slots, rows, room
        self.prefix_keys: torch.Tensor | None = None
        self.prefix_values: torch.Tensor | None = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Makes room for all slots at once."""
        self.keys = key_states.new_zeros(self.rows, key_states.shape[1], self.room, key_states.shape[3])
        self.values = value_states.new_zeros(self.rows, value_states.shape[1], self.room, value_states.shape[3])
        if self.prefix_keys is None:
            self.prefix_keys, self.prefix_values = key_states[:1, :, :0], value_states[:1, :, :0]
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Writes new keys and values into their slots; returns the rows' own ones, which carry their layer."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        at = self.slots.positions - self.slots.prefix
        rows = torch.arange(len(at), device=at.device)[:, None]
        self.keys[rows, :, at] = key_states.transpose(1, 2)
        self.values[rows, :, at] = value_states.transpose(1, 2)
        keys = self.keys[:, :, : self.slots.used]
        keys.layer = self
        return keys, self.values[:, :, : self.slots.used]

    def share(self, rows: int, room: int) -> None:
        """Turns what one row has written into the prefix of `rows` rows with `room` empty slots each."""
        if self.is_initialized:
            self.prefix_keys, self.prefix_values = self.keys, self.values
        self.rows, self.room, self.is_initialized = rows, room, False

    def keep(self, rows: torch.Tensor) -> None:
        """Drops all rows but these."""
        self.keys, self.values = self.keys[rows], self.values[rows]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(number of keys, offset), of no use here: the attention masks by position."""
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        """Positions written in the longest row."""
        return self.slots.prefix + self.slots.used

    def get_max_length(self) -> int:
        """Positions that a row can hold."""
        return self.slots.prefix + self.room


def attend(
    _module: Any, query: torch.Tensor, key: Any, value: torch.Tensor, attention_mask: Any = None,
    scaling: float | None = None, sliding_window: int | None = None, softcap: float | None = None, **more: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of `query` (rows, heads, queries, size) to the shared prefix and to the rows' own keys.

    `key` and `value` (rows, key heads, slots, size) come from `PrefixLayer.update`; key heads may be fewer than heads.
    """
    if attention_mask is not None or any(more.get(name) is not None for name in OTHER_KINDS):
        raise NotImplementedError("an attention of another kind")
    layer = key.layer
    rows, heads, queries, size = query.shape
    groups, prefix = key.shape[1], layer.slots.prefix
    flat = query.reshape(rows, groups, -1, size)
    scores = torch.cat([_over_rows(flat, layer.prefix_keys.transpose(2, 3)), flat @ key.transpose(2, 3)], -1)
    scores = scores.float().mul_(size**-0.5 if scaling is None else scaling)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    by_head = scores.view(rows, groups, heads // groups, queries, -1)
    by_head.masked_fill_(layer.slots.hidden(sliding_window), float("-inf"))
    weights = scores.softmax(-1).to(value.dtype)
    out = weights[..., prefix:] @ value + _over_rows(weights[..., :prefix], layer.prefix_values)
    return out.view(rows, heads, queries, -1).transpose(1, 2).contiguous(), None


def _over_rows(left: torch.Tensor, shared: torch.Tensor) -> torch.Tensor:
    """`left` (rows, groups, n, k) times `shared` (1, groups, k, m), as one product a group."""
    rows, groups, n, k = left.shape
    product = left.transpose(0, 1).reshape(groups, rows * n, k) @ shared[0]
    return product.view(groups, rows, n, -1).transpose(0, 1)


class PrefixDecoder:
    """A causal model that decodes a batch of prompts step by step."""

    def __init__(self, model: Any) -> None:
        AttentionInterface.register(NAME, attend)
        model.set_attn_implementation(NAME)
        self._model = model
        config = model.config.get_text_config()
        self._heads, self._depth = config.num_attention_heads, config.num_hidden_layers
        names = signature(model.forward).parameters
        self._argument = "cache" if "cache" in names else "past_key_values"  # renamed within transformers 5

    @staticmethod
    def fits(model: Any) -> bool:
        """Whether `model` decodes a shared prefix as it decodes prompts one by one with its own attention."""
        config = model.config.get_text_config()
        kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
        if not getattr(model, "_supports_attention_backend", False) or kinds - {"full_attention", "sliding_attention"}:
            return False
        prompts = [[n % config.vocab_size for n in ids] for ids in ([9, 5, 7, 3], [9, 5, 8, 4, 6, 11])]
        own = model.config._attn_implementation
        with torch.inference_mode():
            expected = [model(input_ids=torch.tensor([ids], device=model.device)).logits[0, -1] for ids in prompts]
            try:
                decoder = PrefixDecoder(model)
                decoder.start(prompts, room=1)
                found = decoder.step([ids[-1] for ids in prompts])
            except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError):
                found = None
            finally:
                model.set_attn_implementation(own)
        return found is not None and _alike(torch.stack(expected).float(), found.float(), model.dtype)

    @torch.inference_mode()
    def start(self, prompts: Sequence[Sequence[int]], room: int) -> None:
        """Encodes `prompts` but for the last token of each, with space for `room` more tokens in each row."""
        shared, longest = common_prefix(prompts), max(map(len, prompts))
        self._slots = Slots()
        self._layers = [PrefixLayer(self._slots, 1, shared) for _ in range(self._depth)]
        self._cache = Cache(layers=list(self._layers))
        if shared:
            self._encode(torch.tensor([prompts[0][:shared]]), 0)
        for layer in self._layers:
            layer.share(len(prompts), longest - shared + room)
        self._slots.share()
        padded = [[*ids[shared:-1], *[0] * (longest - len(ids))] for ids in prompts]
        if longest > shared + 1:
            self._encode(torch.tensor(padded), shared)
        self._slots.used = 0
        self._lengths = torch.tensor([len(ids) - 1 for ids in prompts], device=self._model.device)

    @torch.inference_mode()
    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Appends one token to each row; returns the logits (rows, vocabulary) of what follows."""
        positions = self._lengths[:, None]
        self._slots.place(positions)
        ids = torch.tensor(tokens, device=self._model.device)[:, None]
        logits: torch.Tensor = self._forward(self._model, ids, positions).logits[:, -1]
        self._lengths = self._lengths + 1
        return logits

    @torch.inference_mode()
    def keep(self, rows: Sequence[int]) -> None:
        """Drops all rows but these, which keep their order."""
        kept = torch.tensor(rows, device=self._model.device)
        self._lengths = self._lengths[kept]
        for layer in self._layers:
            if layer.is_initialized:
                layer.keep(kept)

    def _encode(self, ids: torch.Tensor, first: int) -> None:
        """Runs tokens (rows, n) from position `first` on through the model, without its output layer."""
        rows, length = ids.shape
        step = max(1, SCORES // (rows * self._heads * (first + length + 1)))
        for start in range(0, length, step):
            part = ids[:, start : start + step].to(self._model.device)
            positions = torch.arange(first + start, first + start + part.shape[1], device=part.device).expand(rows, -1)
            self._slots.place(positions)
            self._forward(self._model.base_model, part, positions)

    def _forward(self, model: Any, ids: torch.Tensor, positions: torch.Tensor) -> Any:
        return model(input_ids=ids, position_ids=positions, use_cache=True, **{self._argument: self._cache})


def common_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts share at their beginning; at least one of each is left over."""
    first, last = min(map(tuple, prompts)), max(map(tuple, prompts))
    shortest = min(map(len, prompts)) - 1
    return next((i for i in range(shortest) if first[i] != last[i]), shortest)


def _alike(expected: torch.Tensor, found: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether two sets of logits (rows, vocabulary) differ by rounding only; a constant added to a row is no matter."""
    expected, found = (x - x.mean(-1, keepdim=True) for x in (expected, found))
    error = (expected - found).norm(dim=-1) / expected.norm(dim=-1).clamp_min(1e-9)
    return bool((error < (1e-3 if dtype == torch.float32 else 0.25)).all())
