"""How triples are laid out for a language model, and what the model says of them.

A triple is the text `{head}, {phrase of the relation} {tail}`; the model reads head and phrase (the prompt) and
writes the tail (the target). A causal model reads and writes one sequence, a sequence-to-sequence model reads with its
encoder and writes with its decoder. Everything else in the system sees only `Layout`.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers.modeling_outputs import BaseModelOutput

from kg.beams import search
from kg.vocabulary import encode

IGNORED = -100  # target that counts for nothing
MAX_HEAD = 96  # tokens of a head that are read
MAX_TAIL = 48  # tokens of a tail that are read or written
MAX_CHARACTERS = 4000  # of a text that are looked at


class Example(NamedTuple):
    """Token ids of a prompt and of its target, which ends in the end-of-sequence token."""

    prompt: list[int]
    target: list[int]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.target)


class Written(NamedTuple):
    """A text that a model wrote, and the mean natural log-probability of its tokens, the end included."""

    text: str
    score: float


class Layout(ABC):
    """A model with its tokenizer, for whole triples. `dtype` is what matrices are multiplied in."""

    def __init__(self, model: Any, tokenizer: Any, dtype: torch.dtype) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.dtype = dtype
        self._end = int(tokenizer.eos_token_id)
        self._filler = self._end if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
        self._before, self._after = _frame(tokenizer)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device  # type: ignore[no-any-return]

    def examples(self, texts: Sequence[tuple[str, str, str]]) -> list[Example]:
        """Encodes (head, phrase, tail) texts; heads and tails are cut to `MAX_HEAD` and `MAX_TAIL` tokens."""
        prompts = self.prompts([(head, phrase) for head, phrase, _ in texts])
        tails = self._encode([tail_text(tail) for _, _, tail in texts])
        return [Example(p, [*t[: MAX_TAIL - 1], self._end]) for p, t in zip(prompts, tails, strict=True)]

    def prompts(self, texts: Sequence[tuple[str, str]]) -> list[list[int]]:
        """Encodes (head, phrase) texts."""
        heads = self._encode([head_text(head) for head, _ in texts])
        phrases = self._encode([phrase_text(phrase) for _, phrase in texts])
        return [
            [*self._before, *h[:MAX_HEAD], *p, *self._after] for h, p in zip(heads, phrases, strict=True)
        ]

    def _encode(self, texts: list[str]) -> list[list[int]]:
        known = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        if not known:
            return []
        ids = encode(self.tokenizer, [text[:MAX_CHARACTERS] for text in known])
        return [ids[known[text]] for text in texts]

    def loss(self, examples: Sequence[Example]) -> tuple[Tensor, int]:
        """(sum of the negative log-probabilities of the target tokens, their number)."""
        logits, targets = self._forward(examples)
        flat = cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum")
        return flat, int((targets != IGNORED).sum())

    @torch.inference_mode()
    def scores(self, examples: Sequence[Example], batch_tokens: int = 4096) -> list[float]:
        """Mean natural log-probability a target token of each example."""
        self.model.eval()
        found = [0.0] * len(examples)
        for batch in batches_by_length([e.length for e in examples], batch_tokens):
            logits, targets = self._forward([examples[i] for i in batch])
            losses = cross_entropy(
                logits.transpose(1, 2).float(), targets, ignore_index=IGNORED, reduction="none"
            ).sum(1) / (targets != IGNORED).sum(1)
            for i, loss in zip(batch, losses.tolist(), strict=True):
                found[i] = -loss
        return found

    @torch.inference_mode()
    def write(self, prompts: Sequence[list[int]], beams: int, batch_tokens: int = 16384) -> list[list[Written]]:
        """The `beams` most probable texts that beam search finds after each prompt, best first; greedy for 1."""
        self.model.eval()
        found: list[list[Written]] = [[] for _ in prompts]
        lengths = [beams * (len(p) + MAX_TAIL) for p in prompts]
        for batch in batches_by_length(lengths, batch_tokens):
            with self.autocast():
                written = search(self._decoder([prompts[i] for i in batch]), beams, self._end, MAX_TAIL)
            for i, hypotheses in zip(batch, written, strict=True):
                texts = self.tokenizer.batch_decode([h.tokens for h in hypotheses], skip_special_tokens=True)
                found[i] = [Written(text, h.score) for text, h in zip(texts, hypotheses, strict=True)]
        return found

    def autocast(self) -> AbstractContextManager[Any]:
        """Where 32-bit weights are multiplied in `dtype`; nothing for weights that are already stored in it."""
        weights = next(self.model.parameters()).dtype
        on = weights == torch.float32 and self.dtype != torch.float32
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=on)

    def _pad_rows(self, rows: Sequence[list[int]], left: bool) -> tuple[Tensor, Tensor]:
        """(token ids, attention mask), both rows x longest."""
        width = max(map(len, rows))
        ids, mask = torch.full((len(rows), width), self._filler), torch.zeros(len(rows), width, dtype=torch.long)
        for n, row in enumerate(rows):
            place = slice(width - len(row), width) if left else slice(0, len(row))
            ids[n, place], mask[n, place] = torch.tensor(row), 1
        return ids.to(self.device), mask.to(self.device)

    @abstractmethod
    def _forward(self, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        """(logits: batch x targets x vocabulary, target ids: batch x targets, `IGNORED` where there is none)."""

    @abstractmethod
    def _decoder(self, prompts: Sequence[list[int]]) -> "ModelDecoder":
        """The model when it has read the prompts."""


class CausalLayout(Layout):
    """Prompt and target in one sequence. Rows are padded on the left, so that all targets end together and the
    output layer is computed for the last positions alone."""

    def __init__(self, model: Any, tokenizer: Any, dtype: torch.dtype) -> None:
        super().__init__(model, tokenizer, dtype)
        self._after = []  # an end of sequence that the tokenizer appends belongs after the target
        self._takes_positions = "position_ids" in inspect.signature(model.forward).parameters

    def _forward(self, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        ids, mask = self._pad_rows([e.prompt + e.target for e in examples], left=True)
        width = max(len(e.target) for e in examples)
        positions = {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)} if self._takes_positions else {}
        with self.autocast():
            logits = self.model(
                input_ids=ids, attention_mask=mask, logits_to_keep=width + 1, use_cache=False, **positions
            ).logits[:, :-1]
        targets = [[IGNORED] * (width - len(e.target)) + e.target for e in examples]
        return logits, torch.tensor(targets, device=self.device)

    def _decoder(self, prompts: Sequence[list[int]]) -> "ModelDecoder":
        ids, mask = self._pad_rows(prompts, left=True)
        decoder = ModelDecoder(self.model, "input_ids", {"attention_mask": mask}, grows=True)
        if self._takes_positions:
            decoder.inputs["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
        decoder.read(ids)
        return decoder


class Seq2SeqLayout(Layout):
    """Prompt in the encoder, target in the decoder. Both are padded on the right: BART counts positions from there."""

    def _forward(self, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        ids, mask = self._pad_rows([e.prompt for e in examples], left=False)
        width = max(len(e.target) for e in examples)
        labels = torch.tensor(
            [e.target + [IGNORED] * (width - len(e.target)) for e in examples], device=self.device
        )
        with self.autocast():
            logits = self.model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).logits
        return logits, labels

    def _decoder(self, prompts: Sequence[list[int]]) -> "ModelDecoder":
        ids, mask = self._pad_rows(prompts, left=False)
        hidden = self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        inputs = {"attention_mask": mask, "encoder_outputs": hidden}
        decoder = ModelDecoder(self.model, "decoder_input_ids", inputs, grows=False)
        decoder.read(torch.full((len(prompts), 1), self.model.config.decoder_start_token_id, device=self.device))
        return decoder


class ModelDecoder:
    """A model with its cache of what it has read. `ids` names the input that takes new tokens.

    `inputs` are tensors of one row a sequence; the attention mask `grows` with the sequence when it is over it.
    """

    def __init__(self, model: Any, ids: str, inputs: dict[str, Tensor], grows: bool) -> None:
        self.inputs = inputs
        self.logits = torch.empty(0)
        self._model = model
        self._ids = ids
        self._grows = grows
        self._cache: dict[str, Any] = {}

    def read(self, ids: Tensor) -> None:
        """Reads new tokens (rows x tokens) and sets `logits` to what may follow them (rows x vocabulary)."""
        inputs: dict[str, Any] = {self._ids: ids, **self.inputs, **self._cache, "use_cache": True}
        if "encoder_outputs" in inputs:
            inputs["encoder_outputs"] = BaseModelOutput(last_hidden_state=inputs["encoder_outputs"])
        else:
            inputs["logits_to_keep"] = 1
        out = self._model(**inputs)
        name = "cache" if "cache" in out else "past_key_values"  # its name in older releases of transformers
        self._cache = {name: out[name]}
        self.logits = out.logits[:, -1]

    def advance(self, rows: Tensor, tokens: Tensor) -> None:
        """Keeps the given rows, in that order and as often as they are named, and adds a token to each."""
        for cache in self._cache.values():
            cache.reorder_cache(rows)
        self.inputs = {name: tensor[rows] for name, tensor in self.inputs.items()}
        if self._grows:
            mask = self.inputs["attention_mask"]
            self.inputs["attention_mask"] = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
        if "position_ids" in self.inputs:
            self.inputs["position_ids"] = self.inputs["position_ids"][:, -1:] + 1
        self.read(tokens.unsqueeze(1))


def layout_for(model: Any, tokenizer: Any, dtype: torch.dtype) -> Layout:
    """The layout that the model's kind needs."""
    kind = Seq2SeqLayout if model.config.is_encoder_decoder else CausalLayout
    return kind(model, tokenizer, dtype)


def head_text(head: str) -> str:
    """How a head begins a prompt."""
    return " ".join(head.split()).rstrip(" .,;")


def phrase_text(phrase: str) -> str:
    """How a relation's phrase follows a head."""
    return f", {phrase}"


def tail_text(tail: str) -> str:
    """How a tail follows a phrase."""
    return f" {' '.join(tail.split())}"


def batches_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices in batches of about equal lengths, longest first; rows times the longest is within the budget."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens that the tokenizer puts before and after a text."""
    bare = tokenizer("a", add_special_tokens=False).input_ids
    full = tokenizer("a").input_ids
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return full[:start], full[start + len(bare) :]
    return [], []
