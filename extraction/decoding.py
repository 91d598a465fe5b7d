"""A batch of prompts on their way through a model, token by token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from extraction.prefix import PrefixDecoder
from extraction.transcript import Transcript
from kg.sampling import choose

CROWD = 0.75  # finished rows leave the batch when at most this share of its rows is still at work


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn, which token ids end an answer, and how many tokens it may have."""

    temperature: float
    top_p: float
    max_tokens: int
    ends: frozenset[int]


@dataclass(slots=True)
class Row:
    """One prompt at work: its tokens, its random stream, and its answer so far."""

    prompt_id: str
    ids: list[int]
    random: Random
    transcript: Transcript
    steps: int = field(default=0)

    @property
    def done(self) -> bool:
        """Whether the answer is finished."""
        return self.transcript.stopped

    def take(self, token: int, log_probability: float, sampling: Sampling) -> None:
        """Appends a drawn token to the answer, or ends it."""
        self.steps += 1
        if token in sampling.ends:
            self.transcript.finish()
            return
        self.transcript.add(token, log_probability)
        if self.steps == sampling.max_tokens:
            self.transcript.finish()


def decode_shared(decoder: PrefixDecoder, rows: list[Row], sampling: Sampling) -> Iterator[Row]:
    """Answers all rows over their common beginning; yields each when it is done."""
    decoder.start([r.ids for r in rows], sampling.max_tokens)
    tokens = [r.ids[-1] for r in rows]
    while rows:
        open_before = [not r.done for r in rows]
        tokens = _advance(rows, decoder.step(tokens), sampling)
        yield from (r for r, was_open in zip(rows, open_before, strict=True) if was_open and r.done)
        at_work = [i for i, r in enumerate(rows) if not r.done]
        if len(at_work) <= CROWD * len(rows):
            rows, tokens = [rows[i] for i in at_work], [tokens[i] for i in at_work]
            if rows:
                decoder.keep(at_work)


def decode_by_generate(model: Any, rows: list[Row], sampling: Sampling, padding: int) -> Iterator[Row]:
    """Answers rows by the model's own `generate`, with our draws: for the encoder of a sequence-to-sequence model."""
    longest = max(len(r.ids) for r in rows)
    ids = torch.tensor([[*r.ids, *[padding] * (longest - len(r.ids))] for r in rows], device=model.device)
    mask = torch.tensor([[1] * len(r.ids) + [0] * (longest - len(r.ids)) for r in rows], device=model.device)
    model.generate(
        input_ids=ids, attention_mask=mask, do_sample=False, num_beams=1, max_new_tokens=sampling.max_tokens,
        pad_token_id=padding, logits_processor=LogitsProcessorList([_Draw(rows, sampling)]),
        stopping_criteria=StoppingCriteriaList([_Done(rows)]),
    )
    for row in rows:
        row.transcript.finish()
    yield from rows


def _advance(rows: Sequence[Row], logits: torch.Tensor, sampling: Sampling) -> list[int]:
    """Draws the next token of each row that is still at work."""
    draws = [0.0 if r.done else r.random.random() for r in rows]
    tokens, log_probabilities = choose(logits, draws, sampling.temperature, sampling.top_p)
    for row, token, log_probability in zip(rows, tokens, log_probabilities, strict=True):
        if not row.done:
            row.take(token, log_probability, sampling)
    return tokens


class _Draw(LogitsProcessor):
    """Makes `generate` take the tokens that we draw."""

    def __init__(self, rows: list[Row], sampling: Sampling) -> None:
        self._rows, self._sampling = rows, sampling

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        drawn = torch.tensor(_advance(self._rows, scores, self._sampling), device=scores.device)
        return torch.full_like(scores, float("-inf")).scatter_(1, drawn[:, None], 0.0)


class _Done(StoppingCriteria):
    """Ends `generate` when all answers are finished."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:  # noqa: ARG002
        return torch.tensor([r.done for r in self._rows], device=input_ids.device)
