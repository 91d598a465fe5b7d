"""New heads in a teacher's answers: reading the lines, and the gates that each must pass.

The gates are those of Symbolic Knowledge Distillation (West et al. 2022: characters, beginning, duplicates) and of
Self-Instruct (Wang et al. 2023: ROUGE-L with every head so far).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from math import floor

from extraction.critics import ends_unfinished
from kg.normal import normal_form
from kg.recipe import Heads

_NUMBER = re.compile(r"\s*(?:\(?\d{1,4}[.):]|[-*•])\s*")
_PROSE = re.compile(r"[A-Za-z0-9 ',.\-$%&\"]+")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})
_PERSON = re.compile(r"PersonX(?!\w)")


def lines_of(answer: str) -> Iterator[str]:
    """The events of an answer, one a line, without list numbers, spare spaces and the closing full stop."""
    for line in answer.translate(_QUOTES).splitlines():
        event = " ".join(_NUMBER.sub("", line, count=1).split()).rstrip(".;, ")
        if event:
            yield event


class HeadGate:
    """Decides which heads are used. Remembers every head that passed."""

    def __init__(self, options: Heads, persons: bool) -> None:
        """`persons`: whether heads are events that begin with PersonX."""
        self._options = options
        self._persons = persons
        self._seen: set[str] = set()
        self._near = NearDuplicates(options.similarity)

    def add(self, head: str) -> bool:
        """Takes a given head without asking more of it than to be new."""
        key = normal_form(head)
        if key in self._seen:
            return False
        self._seen.add(key)
        self._near.add(_words(head))
        return True

    def reason(self, head: str) -> str:
        """Why the head is not used; empty, and the head remembered, when it is."""
        if reason := self._fault(head):
            return reason
        if self._near.has(_words(head)):
            return "too similar to another head"
        self.add(head)
        return ""

    def _fault(self, head: str) -> str:
        options = self._options
        if self._persons and not _PERSON.match(head):
            return "does not begin with PersonX"
        if not _PROSE.fullmatch(head):
            return "has characters that are not English prose"
        if len(head.split()) < options.min_words:
            return "has too few words"
        if len(head.split()) > options.max_words:
            return "has too many words"
        if ends_unfinished(head):
            return "is cut off"
        if normal_form(head) in self._seen:
            return "is there already"
        return ""


class NearDuplicates:
    """Finds whether a text's ROUGE-L F1 with any added one is above a threshold. Exact, without comparing with all.

    A text of m words that is near shares at least t = floor(m s / (2 - s)) + 1 of them in order, so it shares one of
    any m - t + 1: only texts with one of the m - t + 1 rarest words are compared (prefix filtering of set joins).
    """

    def __init__(self, threshold: float) -> None:
        """`threshold` in (0, 1]; with 1 nothing is near."""
        self._threshold = threshold
        self._texts: list[list[str]] = []
        self._postings: dict[str, list[int]] = {}

    def add(self, words: list[str]) -> None:
        for word in set(words):
            self._postings.setdefault(word, []).append(len(self._texts))
        self._texts.append(words)

    def has(self, words: list[str]) -> bool:
        """Whether an added text has a ROUGE-L F1 above the threshold with this one."""
        s, m = self._threshold, len(words)
        rare = sorted(words, key=lambda w: len(self._postings.get(w, ())))[: m - floor(m * s / (2 - s))]
        found = {i for word in set(rare) for i in self._postings.get(word, ())}
        return any(rouge_l(words, self._texts[i]) > s for i in found)


def rouge_l(a: list[str], b: list[str]) -> float:
    """ROUGE-L F1 of two lists of words (Lin 2004): 2 LCS / (|a| + |b|), in [0, 1]; 0 when both are empty."""
    return 2 * _lcs(a, b) / (len(a) + len(b)) if a or b else 0.0


def _lcs(a: list[str], b: list[str]) -> int:
    """Length of the longest common subsequence, a row of the table as the bits of one number (Hyyrö 2004)."""
    where = Counter[str]()
    for i, word in enumerate(a):
        where[word] += 1 << i
    full = (1 << len(a)) - 1
    row = full
    for word in b:
        matched = row & where[word]
        row = ((row + matched) | (row - matched)) & full
    return len(a) - row.bit_count()


def _words(head: str) -> list[str]:
    return re.findall(r"\w+", head.lower())


def new_heads(answers: Iterable[str], gate: HeadGate, count: int) -> Iterator[tuple[str, str]]:
    """(head, reason) for the events in the answers, until `count` are used; the reason is empty for those."""
    left = count
    for answer in answers:
        for event in lines_of(answer):
            if not left:
                return
            reason = gate.reason(event)
            left -= not reason
            yield event, reason
