"""Drawing the next token of many answers at once, exactly and without sorting a whole vocabulary.

A draw is a point u in [0, 1) on the tokens that sampling allows, laid side by side in the order of their ids with the
probable ones first. It depends on the probabilities alone, so the same u gives the same token whatever else is in the
batch. Nucleus (top-p) sampling: Holtzman et al. 2020, arXiv 1904.09751.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import torch

from kg.beams import Decoder, Hypothesis
from kg.errors import TeacherError

HEAD = 256  # so many of the most probable tokens are looked at first; nearly every draw falls among them
ROWS = 8  # rows that are turned into float32 at a time, to stay in the processor's cache


@torch.inference_mode()
def draw(
    decoder: Decoder, streams: Sequence[Sequence[Random]], end: int, limit: int, temperature: float = 1.0,
    top_p: float = 0.9,
) -> list[list[Hypothesis]]:
    """For each row of `decoder` a text of at most `limit` tokens from each of its random streams, in their order.

    No text is empty. What a stream gives depends on its row alone. Raises TeacherError as `choose` does.
    """
    owners = [row for row, own in enumerate(streams) for _ in own]
    randoms = [stream for own in streams for stream in own]
    texts: list[list[int]] = [[] for _ in randoms]
    going = list(range(len(randoms)))
    rows = torch.tensor(owners, device=decoder.logits.device)
    logits = decoder.logits[rows]
    ended = logits.float().log_softmax(-1)[:, end].exp()
    sums = torch.log1p(-ended).tolist()  # the first token is drawn from what is left without the end
    logits = logits.index_fill(1, torch.tensor([end], device=rows.device), -torch.inf)
    for length in range(1, limit + 1):
        tokens, values = choose(logits, [randoms[i].random() for i in going], temperature, top_p)
        kept = []
        for n, (i, token, value) in enumerate(zip(going, tokens, values, strict=True)):
            sums[i] += value
            if token != end:
                texts[i].append(token)
                kept.append(n)
        going = [going[n] for n in kept]
        if not going or length == limit:
            break
        places = torch.tensor(kept, device=rows.device)
        decoder.advance(rows[places] if length == 1 else places, torch.tensor(tokens, device=rows.device)[places])
        logits = decoder.logits
    cut = set(going)
    found: list[list[Hypothesis]] = [[] for _ in streams]
    for i, row in enumerate(owners):
        found[row].append(Hypothesis(texts[i], sums[i] / (len(texts[i]) + (i not in cut))))
    return found


@torch.inference_mode()
def choose(
    logits: torch.Tensor, draws: Sequence[float], temperature: float, top_p: float
) -> tuple[list[int], list[float]]:
    """For each row of `logits` (rows, vocabulary) a token and its natural log-probability.

    `draws` holds one number in [0, 1) a row. Temperature 0 takes the most probable token. The log-probability is the
    model's own: at temperature 1 and over the whole vocabulary. Raises TeacherError when a logit is not a number.
    """
    top, total, warm_total = _totals(logits, temperature or 1.0)
    if not bool(torch.isfinite(total).all()):
        raise TeacherError("the model's output is not a number; set the teacher's dtype to float32")
    tokens = logits.argmax(-1) if temperature == 0 else _draw(logits, draws, temperature, top_p, top, warm_total)
    picked = logits.gather(1, tokens[:, None])[:, 0].float() - top - total.log()
    return tokens.tolist(), picked.tolist()


def _totals(logits: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each row its highest logit m, the sum of exp(x - m), and the sum of exp((x - m) / temperature)."""
    top = logits.amax(-1).float()
    sums, warm = [], []
    for start in range(0, len(logits), ROWS):
        part = logits[start : start + ROWS].float() - top[start : start + ROWS, None]
        if temperature != 1.0:
            warm.append((part / temperature).exp_().sum(-1))
        sums.append(part.exp_().sum(-1))
    total = torch.cat(sums)
    return top, total, torch.cat(warm) if warm else total


def _draw(
    logits: torch.Tensor, draws: Sequence[float], temperature: float, top_p: float, top: torch.Tensor,
    total: torch.Tensor,
) -> torch.Tensor:
    size = min(HEAD, logits.shape[1])
    values, ids = logits.topk(size)
    head = ((values.float() - top[:, None]) / temperature).exp().double() / total[:, None].double()
    before = head.cumsum(-1) - head
    head = head.masked_fill(before >= top_p, 0.0)  # the smallest set whose probability reaches top_p
    ids, order = ids.sort(-1)
    reached = head.gather(1, order).cumsum(-1)
    mass = reached[:, -1]
    whole = mass.clone()
    open_rows = (mass < top_p).nonzero()[:, 0].tolist() if size < logits.shape[1] else []
    tails = {}
    for row in open_rows:  # the nucleus is larger than the head
        tail = _Tail(logits[row], top[row], total[row], temperature, ids[row])
        whole[row] = 1.0 if top_p >= 1 else mass[row] + tail.within(top_p - float(mass[row]))
        tails[row] = tail
    point = torch.tensor(draws, dtype=torch.float64, device=logits.device) * whole
    at = torch.searchsorted(reached, point[:, None], right=True).clamp_(max=size - 1)
    tokens = ids.gather(1, at)[:, 0]
    for row, tail in tails.items():
        if point[row] >= mass[row]:
            tokens[row] = tail.at(float(point[row] - mass[row]))
    return tokens


class _Tail:
    """The tokens of one row that are not in its head. Only looked at when the head does not suffice."""

    def __init__(self, logits: torch.Tensor, top: Any, total: Any, temperature: float, head: torch.Tensor) -> None:
        self._parts = (logits, top, total, temperature, head)
        self._kept: torch.Tensor | None = None

    def _probabilities(self) -> torch.Tensor:
        logits, top, total, temperature, head = self._parts
        found: torch.Tensor = ((logits.float() - top) / temperature).exp().double() / total.double()
        return found.index_fill_(0, head, 0.0)

    def within(self, mass: float) -> float:
        """Keeps the smallest set of tokens whose probability reaches `mass`; returns its probability."""
        found = self._probabilities()
        ordered, ids = found.sort(descending=True)
        drop = ordered.cumsum(-1) - ordered >= mass
        self._kept = found.index_fill_(0, ids[drop], 0.0)
        return float(self._kept.sum())

    def at(self, point: float) -> int:
        """The token at `point` when the kept tokens lie side by side in the order of their ids."""
        found = self._kept if self._kept is not None else self._probabilities()
        reached = found.cumsum(-1)
        last = int(found.nonzero()[-1, 0])
        return min(int(torch.searchsorted(reached, reached.new_tensor(point), right=True)), last)
