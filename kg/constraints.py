"""Words that a completion must or must not have: beam search is steered towards them, and the rest is dropped.

As in NeuroLogic decoding (Lu et al., NAACL 2021) what is asked for is a soft reward during the search and a hard test
at its end: a word that must come is preferred token by token until it is there, and no text ends without it.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kg.beams import Bias
from kg.errors import InputError

BAN = 1e4  # nats that what is forbidden costs
REWARD = 8.0  # nats that each token of a word that must come is worth
Tokens = list[int]


@dataclass(frozen=True, slots=True)
class Constraints:
    """`must`: words (or phrases) that each tail has; `must_not`: that none has.

    With `new_words` no tail has two consecutive words of its head.
    """

    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    new_words: bool = False

    def __post_init__(self) -> None:
        """Raises InputError for a word without a letter or digit."""
        for word in (*self.must, *self.must_not):
            if not re.search(r"\w", word):
                raise InputError(f"{word!r} is no word that a tail must or must not have")

    def banned(self, head: str) -> list[str]:
        """The words and phrases that no tail of this head may have."""
        return [*self.must_not, *(_pairs(head) if self.new_words else [])]

    def allow(self, head: str, tail: str) -> bool:
        """Whether the tail has what it must have, and nothing else."""
        has = [_has(tail, word) for word in self.must]
        return all(has) and not any(_has(tail, word) for word in self.banned(head))

    def steer(
        self, heads: Sequence[str], encode: Callable[[list[str]], list[Tokens]], size: int, end: int
    ) -> Callable[[Sequence[int]], Bias]:
        """The bias of the beam search for some of these heads, by their places.

        `encode` gives the tokens of texts as they follow a prompt; `size` is that of the vocabulary.
        """
        words = list(dict.fromkeys([*self.must, *(word for head in heads for word in self.banned(head))]))
        tokens = dict(zip(words, encode([f" {' '.join(word.split())}" for word in words]), strict=True))
        wanted = [tokens[word] for word in self.must]
        banned = [[tokens[word] for word in self.banned(head)] for head in heads]

        def of(places: Sequence[int]) -> Bias:
            return lambda alive, texts: _bias(texts, [banned[places[n]] for n in alive], wanted, size, end)

        return of


def _bias(texts: Tensor, banned: Sequence[list[Tokens]], wanted: list[Tokens], size: int, end: int) -> Tensor:
    found = torch.zeros(*texts.shape[:2], size, device=texts.device)
    for n, beams in enumerate(texts.tolist()):
        for beam, text in enumerate(beams):
            for tokens in banned[n]:
                if _begun(text, tokens) == len(tokens) - 1:
                    found[n, beam, tokens[-1]] -= BAN
            for tokens in wanted:
                if not _contains(text, tokens):
                    begun = _begun(text, tokens)
                    found[n, beam] -= REWARD * begun  # what is not gone on with is lost again
                    found[n, beam, tokens[0]] += REWARD
                    if begun:
                        found[n, beam, tokens[begun]] += REWARD * (begun + (tokens[begun] != tokens[0]))
                    found[n, beam, end] -= BAN
    return found


def _begun(text: Tokens, tokens: Tokens) -> int:
    """How many of the tokens the text ends with."""
    return next((n for n in range(min(len(tokens), len(text)), 0, -1) if text[-n:] == tokens[:n]), 0)


def _contains(text: Tokens, tokens: Tokens) -> bool:
    return any(text[i : i + len(tokens)] == tokens for i in range(len(text) - len(tokens) + 1))


def _has(text: str, word: str) -> bool:
    pattern = r"\s+".join(map(re.escape, word.split()))
    return re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE) is not None


def _pairs(head: str) -> list[str]:
    words = re.findall(r"\w+", head)
    return [f"{a} {b}" for a, b in itertools.pairwise(words)]
