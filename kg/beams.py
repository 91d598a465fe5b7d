"""Beam search over a whole batch of prompts, plain or diverse (Vijayakumar et al. 2018, arXiv 1610.02424).

Each prompt is read once, whatever the number of beams. The beams of a prompt are searched in groups, of which plain
search has one; the groups of all prompts go through the model together. A group whose beams have all ended leaves the
batch, so that one long text does not hold up the others.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Hypothesis(NamedTuple):
    """The tokens of a text without its end, and the mean natural log-probability of its tokens, the end included."""

    tokens: list[int]
    score: float


# Given the prompt of each group that is at work and the texts of its beams (groups x beams x length), what is added to
# the log-probabilities of what may follow: groups x beams x vocabulary.
Bias = Callable[[Sequence[int], Tensor], Tensor]


class Decoder(Protocol):
    """A model that has read some prompts and goes on token by token."""

    logits: Tensor  # what may follow each row: rows x vocabulary

    def advance(self, rows: Tensor, tokens: Tensor) -> None:
        """Keeps the given rows, in that order and as often as they are named, and adds a token to each."""
        ...


class _Beams(NamedTuple):
    """Groups of beams and what may follow them."""

    scores: Tensor  # sums of log-probabilities: groups x beams
    steered: Tensor  # the same with what bias and diversity have added, by which the best are chosen
    following: Tensor  # log-probabilities: groups x beams x vocabulary
    guided: Tensor  # the same with the bias


class _Step(NamedTuple):
    """The best continuations of groups, best first; all are groups x continuations."""

    scores: Tensor
    steered: Tensor
    parents: Tensor  # the beams that are continued
    tokens: Tensor


@torch.inference_mode()
def search(
    decoder: Decoder, beams: int, end: int, limit: int, bias: Bias | None = None, groups: int = 1,
    diversity: float = 0.0,
) -> list[list[Hypothesis]]:
    """For each row of `decoder` the `beams` texts of at most `limit` tokens that end first, best first.

    One beam is greedy decoding. No text is empty. A row of which nothing ends gives what there is at the limit. `bias`
    steers which texts are found; their scores stay those of the model.

    Several `groups`, each with an equal share of the beams, choose their tokens one after the other: a token costs a
    group `diversity` nats for each beam of the groups before it that goes on with this token at the same place (Hamming
    diversity). Two groups may find the same text.
    """
    following = decoder.logits.float().log_softmax(-1)
    following[:, end] = -torch.inf
    prompts, size = following.shape
    width = min(beams // groups, size - 1)
    following = following.repeat(groups, 1)
    alive = list(range(len(following)))  # the groups at work: the first of each prompt, then the second of each, ...
    rows = torch.arange(prompts, device=following.device).repeat(groups).unsqueeze(1)  # of the decoder: groups x beams
    scores = steered = following.new_zeros(rows.shape)
    texts = rows.new_empty((*rows.shape, 0))  # groups x beams x length
    found: list[list[Hypothesis]] = [[] for _ in alive]
    for length in range(1, limit + 1):
        if length > 1:
            decoder.advance(rows.flatten(), texts[:, :, -1].flatten())
            rows = torch.arange(rows.numel(), device=rows.device).view(rows.shape)
            following = decoder.logits.float().log_softmax(-1)
        following = following.view(*rows.shape, size)
        guided = following if bias is None else following + bias([i % prompts for i in alive], texts)
        group = _Beams(scores, steered, following, guided)
        count = 2 * width if length > 1 else width  # half of them may end
        step = _extend(group, count) if groups == 1 else _in_turn(group, alive, prompts, count, width, end, diversity)
        _collect(found, alive, (step.tokens == end)[:, :width], step.scores / length, texts, step.parents)
        going = [n for n, i in enumerate(alive) if len(found[i]) < width]
        alive = [alive[n] for n in going]
        if not alive:
            break
        kept = _best_that_go_on(step.tokens, end, width)
        scores, steered, parents, tokens = (t.gather(1, kept)[going] for t in step)
        texts = torch.cat([_of_parents(texts[going], parents), tokens.unsqueeze(2)], 2)
        rows = rows[going].gather(1, parents)
    for n, i in enumerate(alive):
        if not found[i]:
            found[i] = _unfinished(texts[n], scores[n])
    best = [sorted(texts_of, key=lambda h: -h.score)[:width] for texts_of in found]
    return [sorted((h for own in best[n::prompts] for h in own), key=lambda h: -h.score) for n in range(prompts)]


def _extend(group: _Beams, count: int) -> _Step:
    """The best `count` continuations of each group."""
    size = group.following.shape[2]
    steered, flat = (group.steered.unsqueeze(2) + group.guided).flatten(1).topk(count)
    parents = flat // size
    return _Step(
        group.scores.gather(1, parents) + group.following.flatten(1).gather(1, flat), steered, parents, flat % size
    )


def _in_turn(
    groups: _Beams, alive: Sequence[int], prompts: int, count: int, width: int, end: int, diversity: float
) -> _Step:
    """As `_extend`, but each group of a prompt pays for the tokens with which the beams of those before it go on."""
    owners = torch.tensor([i % prompts for i in alive], device=groups.scores.device)
    taken = groups.following.new_zeros((prompts, groups.following.shape[2]))  # by how many beams
    starts = [n for n in range(len(alive)) if n == 0 or alive[n - 1] // prompts < alive[n] // prompts]
    steps = []
    for start, stop in pairwise([*starts, len(alive)]):
        group, own = _Beams(*(t[start:stop] for t in groups)), owners[start:stop]
        steps.append(_extend(group._replace(guided=group.guided - diversity * taken[own].unsqueeze(1)), count))
        tokens = steps[-1].tokens
        going = tokens.gather(1, _best_that_go_on(tokens, end, width))
        taken[own] = taken[own].scatter_add(1, going, torch.ones_like(going, dtype=taken.dtype))
    return _Step(*map(torch.cat, zip(*steps, strict=True)))


def _best_that_go_on(tokens: Tensor, end: int, count: int) -> Tensor:
    """Places of the first `count` continuations of each group that do not end."""
    return (tokens == end).to(torch.int8).argsort(dim=1, stable=True)[:, :count]


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
