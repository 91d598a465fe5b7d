"""Person slots and the names that stand for them in a prompt.

A language model writes better about Alex than about PersonX, so prompts are verbalised with names (Symbolic Knowledge
Distillation, West et al. 2022) and answers turned back. The way back keeps a map to the characters of the verbatim
answer.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from random import Random

Names = tuple[tuple[str, str], ...]

SLOTS = ("PersonX", "PersonY", "PersonZ")
# Given names used for all genders, none of them an English word that an answer may hold for another reason.
_NAMES = (
    "Alex", "Avery", "Blake", "Cameron", "Casey", "Charlie", "Corey", "Devin", "Dylan", "Elliot", "Emerson", "Finley",
    "Frankie", "Harley", "Hayden", "Jamie", "Jesse", "Kai", "Kendall", "Lee", "Logan", "Mickey", "Morgan", "Parker",
    "Peyton", "Quinn", "Reese", "Riley", "Rory", "Sam", "Sasha", "Shannon", "Skyler", "Spencer", "Taylor", "Terry",
    "Toni",
)
_SEVEN_LETTERS = ("Michael", "Richard", "Patrick", "Matthew", "Timothy", "Gregory", "Raymond", "Leonard")
_SLOT = re.compile(r"(?<!\w)(?:[Pp]erson ?([XYZ])|person([xyz]))(?!\w)")


def pick_names(head: str, seed: int = 0) -> Names:
    """((slot, name), ...) for PersonX and PersonY, and PersonZ where `head` has it.

    PersonX and PersonY always get one, so that an answer can name the other person. The same head and seed give the
    same names; none of them occurs in `head`. (A head that holds nearly all of our names keeps its slots.)
    """
    lowered = head.lower()
    free = [name for name in _NAMES if name.lower() not in lowered]
    Random(f"{seed} {head.encode('utf-8', 'surrogatepass')!r}").shuffle(free)
    wanted = [s for s in SLOTS if s != "PersonZ" or s in slots_of(head)]
    return tuple(zip(wanted, free, strict=False))


def slots_of(text: str) -> set[str]:
    """The slots that occur in `text`, in whatever spelling (PersonX, Person X, personx)."""
    return {_slot(match) for match in _SLOT.finditer(text)}


def verbalise(text: str, names: Names) -> str:
    """`text` with its slots as names: "PersonX's hat" -> "Alex's hat". Slots without a name stay."""
    by_slot = dict(names)
    return _SLOT.sub(lambda m: by_slot.get(_slot(m), m[0]), text)


def disguise(text: str) -> tuple[str, dict[str, str]]:
    """`text` with a given name of the same length for each slot, for a parser that knows no slots; and slot by name."""
    free = (name for name in _SEVEN_LETTERS if name not in text)
    names = dict(zip([s for s in SLOTS if s in text], free, strict=False))
    named = re.sub(r"(?<!\w)Person[XYZ](?!\w)", lambda m: names.get(m[0], m[0]), text)
    return named, {name: slot for slot, name in names.items()}


@dataclass(frozen=True, slots=True)
class Restored:
    """A text with slots for names. `_starts` and `_shifts` describe the pieces that it was put together from."""

    text: str
    _pieces: tuple[tuple[int, int, int, int], ...]  # (start, end) here and (start, end) in the verbatim text

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the verbatim text that `text[start:end]` came from.

        A span that cuts a slot covers the whole name. An empty span stays empty.
        """
        first = self._locate(start, last=False)
        return (first, first) if end <= start else (first, max(first, self._locate(end, last=True)))

    def _locate(self, at: int, last: bool) -> int:
        index = bisect_right(self._pieces, (at - 1 if last else at, float("inf"))) - 1
        if index < 0:
            return at
        _, end, before, after = self._pieces[index]
        if at >= end:
            return after + at - end
        return after if last else before


def restore(text: str, names: Names) -> Restored:
    """`text` with names turned back into slots, as whole words and with their case: "Alex's" -> "PersonX's".

    Slots in other spellings (Person X, personx) are written as slots too.
    """
    if not names and "erson" not in text:
        return Restored(text, ())
    by_name = {name: slot for slot, name in names}
    out: list[str] = []
    pieces: list[tuple[int, int, int, int]] = []
    at = length = 0
    for match in _restorer(tuple(by_name)).finditer(text):
        slot = by_name.get(match[0]) or _slot(match)
        out += (text[at : match.start()], slot)
        length += match.start() - at
        pieces.append((length, length + len(slot), match.start(), match.end()))
        length += len(slot)
        at = match.end()
    return Restored("".join([*out, text[at:]]), tuple(pieces))


@lru_cache(maxsize=4096)
def _restorer(names: tuple[str, ...]) -> re.Pattern[str]:
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name)
    return re.compile(rf"{_SLOT.pattern}|(?<!\w)(?:{known})(?!\w)" if known else _SLOT.pattern)


def _slot(match: re.Match[str]) -> str:
    return "Person" + (match[1] or match[2]).upper()
