"""How triples are laid out for a language model, and what the model says of them.

A triple is the text `{head}, {phrase of the relation} {tail}`; the model reads head and phrase (the prompt) and
writes the tail (the target). A causal model reads and writes one sequence, a sequence-to-sequence model reads with its
encoder and writes with its decoder. Everything else in the system sees only `Layout`.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from random import Random
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput

from kg.beams import Bias, Hypothesis, search
from kg.constraints import Constraints
from kg.errors import StudentError
from kg.packing import pack
from kg.sampling import draw
from kg.vocabulary import encode

MAX_HEAD = 96  # tokens of a head that are read
MAX_TAIL = 48  # tokens of a tail that are read or written
MAX_CHARACTERS = 4000  # of a text that are looked at


class Example(NamedTuple):
    """Token ids of a prompt and of its target, which ends in the end-of-sequence token, and the text of the head."""

    prompt: list[int]
    target: list[int]
    head: str

    @property
    def read(self) -> list[int]:
        """What a causal model reads of it: all but the end."""
        return self.prompt + self.target[:-1]


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
        return [
            Example(p, [*t[: MAX_TAIL - 1], self._end], head_text(head))
            for p, t, (head, _, _) in zip(prompts, tails, texts, strict=True)
        ]

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

    def loss(self, examples: Sequence[Example]) -> Tensor:
        """Sum of the negative log-probabilities of the target tokens."""
        return -self._log_probabilities(examples).sum()

    @torch.inference_mode()
    def scores(self, examples: Sequence[Example], batch_tokens: int = 4096) -> list[float]:
        """Mean natural log-probability a target token of each example."""
        self.model.eval()
        found = [0.0] * len(examples)
        for batch in batches_by_length([len(e.prompt) + len(e.target) for e in examples], batch_tokens):
            chosen = [examples[i] for i in batch]
            each = torch.split(self._log_probabilities(chosen), [len(e.target) for e in chosen])
            for i, values in zip(batch, each, strict=True):
                found[i] = values.mean().item()
        return found

    @torch.inference_mode()
    def write(
        self, prompts: Sequence[list[int]], beams: int, batch_tokens: int = 16384,
        steer: Callable[[Sequence[int]], Bias] | None = None, diversity: float = 0.0,
    ) -> list[list[Written]]:
        """The `beams` most probable texts that beam search finds after each prompt, best first; greedy for 1.

        `steer` gives the bias of the search for some of the prompts, by their places (`kg.constraints`). With a
        `diversity` above 0 each beam is a group of its own, which explores most (Vijayakumar et al. 2018).
        """
        self.model.eval()
        found: list[list[Written]] = [[] for _ in prompts]
        lengths = [beams * (len(p) + MAX_TAIL) for p in prompts]
        groups = beams if diversity > 0 else 1
        for batch in batches_by_length(lengths, batch_tokens):
            with self.autocast():
                decoder, bias = self._decoder([prompts[i] for i in batch]), None if steer is None else steer(batch)
                written = search(decoder, beams, self._end, MAX_TAIL, bias, groups, diversity)
            for i, hypotheses in zip(batch, written, strict=True):
                found[i] = self._texts(hypotheses)
        return found

    @torch.inference_mode()
    def draw(
        self, prompts: Sequence[list[int]], count: int, temperature: float, top_p: float, seed: int,
        batch_tokens: int = 16384,
    ) -> list[list[Written]]:
        """`count` texts after each prompt by nucleus sampling, in the order in which they were drawn.

        They depend on seed and prompt, not on what else is asked, but for the rounding of 16-bit weights. Raises
        TeacherError when the model's output is not a number.
        """
        self.model.eval()
        found: list[list[Written]] = [[] for _ in prompts]
        for batch in batches_by_length([count * (len(p) + MAX_TAIL) for p in prompts], batch_tokens):
            streams = [[Random(f"{seed} {prompts[i]} {n}") for n in range(count)] for i in batch]
            with self.autocast():
                decoder = self._decoder([prompts[i] for i in batch])
                drawn = draw(decoder, streams, self._end, MAX_TAIL, temperature, top_p)
            for i, hypotheses in zip(batch, drawn, strict=True):
                found[i] = self._texts(hypotheses)
        return found

    def _texts(self, hypotheses: Sequence[Hypothesis]) -> list[Written]:
        texts = self.tokenizer.batch_decode([h.tokens for h in hypotheses], skip_special_tokens=True)
        return [Written(text, h.score) for text, h in zip(texts, hypotheses, strict=True)]

    def steer(self, constraints: Constraints, heads: Sequence[str]) -> Callable[[Sequence[int]], Bias]:
        """What `write` takes to keep to the constraints after prompts with these heads."""
        size = self.model.get_output_embeddings().weight.shape[0]
        return constraints.steer(heads, self._encode, size, self._end)

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

    def _of_tokens(self, examples: Sequence[Example], places: Sequence[int], **inputs: Any) -> Tensor:
        """Log-probabilities of all target tokens, from what the model says at their `places`.

        A place is row * width + column of the tokens that the model reads; the output layer sees each place once.
        """
        tokens = torch.tensor([token for e in examples for token in e.target], device=self.device)
        once, which = torch.unique(torch.tensor(places, device=self.device), return_inverse=True)
        with self.autocast(), _rows_of_input(self.model.get_output_embeddings(), once):
            logits = self.model(**inputs, use_cache=False).logits.float()
        return logits[which, tokens] - logits.logsumexp(-1)[which]  # type: ignore[no-any-return]

    @abstractmethod
    def _log_probabilities(self, examples: Sequence[Example]) -> Tensor:
        """Natural log-probabilities of the target tokens, example after example."""

    @abstractmethod
    def _decoder(self, prompts: Sequence[list[int]]) -> "ModelDecoder":
        """The model when it has read the prompts."""


class CausalLayout(Layout):
    """Prompt and target in one sequence; sequences that begin alike are packed as prefix trees."""

    def __init__(self, model: Any, tokenizer: Any, dtype: torch.dtype) -> None:
        super().__init__(model, tokenizer, dtype)
        self._after = []  # an end of sequence that the tokenizer appends belongs after the target
        self._takes_positions = "position_ids" in inspect.signature(model.forward).parameters
        self._kinds = set(getattr(model.config, "layer_types", None) or ())

    def _log_probabilities(self, examples: Sequence[Example]) -> Tensor:
        if not self._takes_positions or not self._kinds <= {"full_attention", "sliding_attention"}:
            raise StudentError(
                f"a model of the kind {self.model.config.model_type} cannot be a student: it has no positions or no "
                "attention that can be told which tokens to see; take a Gemma, GPT-2, Llama, Qwen, BART or T5"
            )
        packed = pack([e.read for e in examples], self._filler)
        places = [n for e, path in zip(examples, packed.paths, strict=True) for n in path[len(e.prompt) - 1 :]]
        near = self._mask(packed.visible(getattr(self.model.config, "sliding_window", None)))
        masks = {"full_attention": self._mask(packed.visible()), "sliding_attention": near} if self._kinds else near
        return self._of_tokens(
            examples, places, input_ids=packed.ids.to(self.device), position_ids=packed.depths.to(self.device),
            attention_mask=masks,
        )

    def _mask(self, visible: Tensor) -> Tensor:
        """0 where a token is seen, the lowest number elsewhere."""
        weights = next(self.model.parameters())
        mask = torch.zeros(visible.shape, dtype=weights.dtype)
        return mask.masked_fill(~visible, torch.finfo(mask.dtype).min).to(weights.device)

    def _decoder(self, prompts: Sequence[list[int]]) -> "ModelDecoder":
        ids, mask = self._pad_rows(prompts, left=True)
        decoder = ModelDecoder(self.model, "input_ids", {"attention_mask": mask}, grows=True)
        if self._takes_positions:
            decoder.inputs["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
        decoder.read(ids)
        return decoder


class Seq2SeqLayout(Layout):
    """Prompt in the encoder, each prompt once; target in the decoder. Both are padded on the right: BART counts
    positions from there."""

    def _log_probabilities(self, examples: Sequence[Example]) -> Tensor:
        prompts = {tuple(e.prompt): n for n, e in enumerate({tuple(e.prompt): e for e in examples}.values())}
        ids, mask = self._pad_rows([list(prompt) for prompt in prompts], left=False)
        rows = torch.tensor([prompts[tuple(e.prompt)] for e in examples], device=self.device)
        start = self.model.config.decoder_start_token_id
        targets, _ = self._pad_rows([[start, *e.target[:-1]] for e in examples], left=False)
        places = [n * targets.shape[1] + t for n, e in enumerate(examples) for t in range(len(e.target))]
        with self.autocast():
            hidden = self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        return self._of_tokens(
            examples, places, encoder_outputs=BaseModelOutput(last_hidden_state=hidden[rows]),
            attention_mask=mask[rows], decoder_input_ids=targets,
        )

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


@contextmanager
def _rows_of_input(layer: Any, rows: Tensor) -> Iterator[None]:
    """Within it `layer` is given only these rows of its input, and gives them without a batch dimension."""
    hook = layer.register_forward_pre_hook(lambda _, inputs: (inputs[0].flatten(0, 1)[rows],))
    try:
        yield
    finally:
        hook.remove()


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
