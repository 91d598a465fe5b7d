"""Beam search over a whole batch of prompts.

Each prompt is read once, whatever the number of beams; a prompt whose beams have all ended leaves the batch, so that
one long text does not hold up the others.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Hypothesis(NamedTuple):
    """The tokens of a text without its end, and the mean natural log-probability of its tokens, the end included."""

    tokens: list[int]
    score: float


# Given the prompts that are at work and their texts (prompts x beams x length), what is added to the log-probabilities
# of what may follow: prompts x beams x vocabulary.
Bias = Callable[[Sequence[int], Tensor], Tensor]


class Decoder(Protocol):
    """A model that has read some prompts and goes on token by token."""

    logits: Tensor  # what may follow each row: rows x vocabulary

    def advance(self, rows: Tensor, tokens: Tensor) -> None:
        """Keeps the given rows, in that order and as often as they are named, and adds a token to each."""
        ...


@torch.inference_mode()
def search(
    decoder: Decoder, beams: int, end: int, limit: int, bias: Bias | None = None
) -> list[list[Hypothesis]]:
    """For each row of `decoder` the `beams` texts of at most `limit` tokens that end first, best first.

    One beam is greedy decoding. No text is empty. A row of which nothing ends gives what there is at the limit. `bias`
    steers which texts are found; their scores stay those of the model.
    """
    first = decoder.logits.float().log_softmax(-1)
    first[:, end] = -torch.inf
    beams = min(beams, first.shape[1] - 1)
    alive = list(range(len(first)))
    nothing = torch.empty((len(first), 1, 0), dtype=torch.long, device=first.device)
    steered, tokens = (first if bias is None else first + bias(alive, nothing)[:, 0]).topk(beams)  # prompts x beams
    scores = first.gather(1, tokens)
    extra = steered - scores  # what the bias has added so far
    texts = tokens.unsqueeze(2)  # prompts x beams x length
    found: list[list[Hypothesis]] = [[] for _ in range(len(first))]
    rows = torch.arange(len(first), device=first.device).repeat_interleave(beams)
    for length in range(2, limit + 1):
        decoder.advance(rows, texts[:, :, -1].flatten())
        added = None if bias is None else bias(alive, texts)
        scores, extra, parents, tokens = _extend(scores, extra, decoder.logits, added, 2 * beams)
        _collect(found, alive, (tokens == end)[:, :beams], scores / length, texts, parents)
        going = torch.tensor([n for n, i in enumerate(alive) if len(found[i]) < beams], device=first.device)
        if len(going) == 0:
            alive = []
            break
        alive = [alive[n] for n in going.tolist()]
        scores, extra, parents, tokens, texts = (t[going] for t in (scores, extra, parents, tokens, texts))
        kept = (tokens == end).to(torch.int8).argsort(dim=1, stable=True)[:, :beams]  # the best that go on
        scores, extra, parents, tokens = (t.gather(1, kept) for t in (scores, extra, parents, tokens))
        texts = torch.cat([_of_parents(texts, parents), tokens.unsqueeze(2)], 2)
        rows = (going.unsqueeze(1) * beams + parents).flatten()
    for n, i in enumerate(alive):
        if not found[i]:
            found[i] = _unfinished(texts[n], scores[n])
    return [sorted(texts_of, key=lambda h: -h.score)[:beams] for texts_of in found]


def _extend(
    scores: Tensor, extra: Tensor, logits: Tensor, added: Tensor | None, count: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The best `count` continuations of each prompt's beams: (sums of log-probabilities, of biases, beams, tokens)."""
    following = logits.float().log_softmax(-1).view(*scores.shape, -1)
    size = following.shape[2]
    sums = (scores.unsqueeze(2) + following).flatten(1)
    if added is None:
        best, flat = sums.topk(count)
        return best, extra.gather(1, flat // size), flat // size, flat % size
    steered, flat = (sums + (extra.unsqueeze(2) + added).flatten(1)).topk(count)
    best = sums.gather(1, flat)
    return best, steered - best, flat // size, flat % size


def _collect(
    found: list[list[Hypothesis]], alive: Sequence[int], ended: Tensor, means: Tensor, texts: Tensor, parents: Tensor
) -> None:
    """Adds the texts that have just ended."""
    for n, j in ended.nonzero().tolist():
        found[alive[n]].append(Hypothesis(texts[n, parents[n, j]].tolist(), means[n, j].item()))


def _of_parents(texts: Tensor, parents: Tensor) -> Tensor:
    return texts.gather(1, parents.unsqueeze(2).expand(-1, -1, texts.shape[2]))


def _unfinished(texts: Tensor, scores: Tensor) -> list[Hypothesis]:
    length = texts.shape[1]
    return [Hypothesis(t, s / length) for t, s in zip(texts.tolist(), scores.tolist(), strict=True)]
