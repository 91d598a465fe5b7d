"""Which parts of a text are English sentences, in pieces that a parser takes.

Code, noise and other languages are left out here, before they cost a parse.
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator

MAX_PIECE = 3000  # characters handed to the parser at once
SHORT = 24  # words; a longer text without any of the commonest words is no prose
MAX_WORD = 60  # characters; longer "words" are links, hashes and noise
_COMMON = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "and",
        "is",
        "are",
        "was",
        "be",
        "it",
        "that",
        "for",
        "on",
        "with",
        "as",
        "at",
        "by",
        "this",
        "they",
        "you",
        "he",
        "she",
        "his",
        "her",
        "their",
        "not",
        "or",
        "can",
        "will",
        "from",
        "have",
        "has",
        "when",
        "if",
        "which",
        "who",
        "people",
        "person",
        "would",
        "may",
        "often",
        "used",
        "than",
        "but",
        "because",
        "so",
        "do",
        "does",
        "one",
        "we",
        "i",
    ]
)
_BREAK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)]))")
_SENTENCE_END = re.compile(r"[.!?]\s|\n")
_AROUND = ".,;:!?\"'()"  # punctuation of a word
_ENDINGS = ("", "s", "es", "ing", "ed", "ly", "'s")
_NOISE = re.compile(r"[\ud800-\udfff\x00-\x08\x0e-\x1b]")  # half surrogates, control characters
_CODE = re.compile(r"[{}<>=\\|~^_@#$]")


def readable(text: str, known: Callable[[], Container[str]] = frozenset) -> Iterator[tuple[str, int]]:
    """(piece, offset) for each stretch of English prose in `text`. `known()` has English words in their base form."""
    at = 0
    for end in [*(m.start() for m in _BREAK.finditer(text)), len(text)]:
        for start, stop in _pieces(text, at, end):
            if is_english(text[start:stop], known):
                yield text[start:stop], start
        at = end


def is_english(text: str, known: Callable[[], Container[str]] = frozenset) -> bool:
    """Whether the text looks like English prose: letters, words of usual length, some of the commonest words.

    A short text without any of these, such as "Birds eat worms.", is English when all its words are known.
    """
    words = text.split()
    if len(words) < 2 or max(map(len, words)) > MAX_WORD:
        return False
    letters = sum(map(str.isalpha, text)) + text.count(" ")
    ascii_ = len(text) if text.isascii() else sum(map(str.isascii, text))
    if letters < 0.75 * len(text) or ascii_ < 0.8 * len(text) or len(_CODE.findall(text)) > 0.03 * len(text):
        return False
    if _NOISE.search(text):
        return False
    bare = [w.strip(_AROUND).lower() for w in words]
    common = sum(w in _COMMON for w in bare)
    if common >= max(1, len(words) // 12) or any(w.startswith("Person") for w in words):
        return True
    return not common and len(words) <= SHORT and _all_known(bare, known())


def _all_known(words: Iterable[str], known: Container[str]) -> bool:
    """Whether each word, or what is left of it without an ending, is known."""
    return all(
        any(word.removesuffix(ending) in known or f"{word.removesuffix(ending)}e" in known for ending in _ENDINGS)
        for word in words
    )


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of at most MAX_PIECE characters that end where a sentence does; a stretch without an end is left out."""
    while start < end:
        while start < end and text[start].isspace():
            start += 1
        if end - start <= MAX_PIECE:
            if start < end:
                yield start, end
            return
        cuts = [m.end() for m in _SENTENCE_END.finditer(text, start, start + MAX_PIECE)]
        if cuts:
            yield start, cuts[-1]
            start = cuts[-1]
        else:
            nxt = _SENTENCE_END.search(text, start + MAX_PIECE, end)
            start = nxt.end() if nxt else end
