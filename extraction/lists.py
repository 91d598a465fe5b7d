"""Lists in answers: where they are and what their members are, each with its characters.

Read are JSON (whole or cut off), numbered and bulleted lists in lines or in running text, members between semicolons or
commas, and one member a line. A list may follow sentences: "Wood is hard. The answers are: build; burn."
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from extraction.prose import MAX_WORD
from kg.records import Modality

MAX_ITEMS = 1000  # a longer list is a model repeating itself


@dataclass(frozen=True, slots=True)
class Item:
    """A member of a list: its words and the characters `start` to `end` that hold them, and how it is hedged."""

    text: str
    start: int
    end: int
    modality: Modality | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list found in a text.

    `rule` names its form, `ordered` tells numbered ones, `lead` is where the words begin that lead to it.
    """

    rule: str
    items: list[Item]
    lead: int
    ordered: bool = False


_MARKER = re.compile(
    r"(?:(?:^|(?<=[.!?;\n]))[\s*_#>]*(?:[A-Z]\w+, )?(?:so,? |thus,? |therefore,? |hence,? |then,? )?"
    r"(?:(?:the|my|our|your|possible|some|three|final|correct|here are the) )*(?:answers?|a|output)\b"
    r"(?: (?:is|are|include|could be|would be|may be))?\**\s*:\**)\s*",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\n\s*(?:event|situation|question|prompt|head|relation|input|example|q)\b[^\n:]{0,20}:", re.IGNORECASE
)
_NUMBER = re.compile(
    r"(?:(?<=\s)|^|(?<=[.;,:)]))\(?(?:step\s+)?(\d{1,3})(?:[.)]|:(?=\s))(?=\s*[^\s\d]|\s+\d)", re.IGNORECASE
)
_LETTER = re.compile(r"(?:(?<=\s)|^|(?<=[;,:]))\(?([a-z])\)(?=\s*\S)")
_BULLET = re.compile(r"^[ \t]*(?:[-*+•‣▪●◦○·–—→>・※✓✔■□]|\[[ x]\])[ \t]*(?=\S)", re.MULTILINE)
_INLINE_BULLET = re.compile(r"[•‣▪●◦・]\s*")
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*\s+(?=[A-Z\"'(])")
_FENCE = re.compile(r"```[A-Za-z]*\n?")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_TAG = re.compile(r"</?[a-zA-Z!]")
_CODE = re.compile(r"[{}<>=\\|^~]")
_SWITCH = re.compile(r"[a-z](?=[A-Z\d])|\d(?=[A-Za-z])")  # of letter case, or between letters and digits
_OPENING, _CLOSING = "\"'“‘«([{`*_", "\"'”’»)]}`*_"
_ANSWER_KEYS = frozenset(
    {"tail", "tails", "answer", "answers", "text", "value", "inference", "completion", "step", "steps", "object"}
)


def read_list(text: str) -> Listing | None:
    """The list that `text` holds, or None. The last "The answers are:" says where it begins."""
    text = before_next_example(text)
    markers = [m for m in _MARKER.finditer(text) if m.end() < len(text)]
    if not markers:
        return _json(text, 0) or _read(text, 0, marked=False)
    start, lead = markers[-1].end(), markers[-1].start()
    found = _json(text, start) or _read(text, start, marked=True)
    if found is None:
        found = Listing("marked", list(_items(text, [(start, _line_end(text, start))])), lead)
    return Listing(found.rule, found.items, lead, found.ordered) if found.items else None


def before_next_example(text: str) -> str:
    """`text` up to where its writer goes on with a prompt of its own: "\\nEvent: ..."."""
    stop = _LABEL.search(text, 1)
    return text[: stop.start()] if stop else text


def clean(text: str, start: int, end: int) -> Item | None:
    """The member in `text[start:end]` without the quotes, brackets, bullets and punctuation that surround it."""
    if bold := re.compile(r"\s*\*\*([^*\n]+?):?\*\*\s*(?::|[-–—] )").match(text, start, end):
        start, end = bold.span(1)
    before = (-1, -1)
    while before != (start, end):
        before = (start, end)
        while start < end and (text[start].isspace() or text[start] in "-•,;:"):
            start += 1
        while start < end and (text[end - 1].isspace() or text[end - 1] in ".;,!?:…。；"):
            end -= 1
        start, end = _unwrap(text, start, end)
    words = text[start:end]
    if not words or _unprintable(words) or _is_noise(words) or not any(c.isalnum() for c in words):
        return None
    return Item(" ".join(words.split()), start, end)


def _read(text: str, start: int, marked: bool) -> Listing | None:
    return (
        _numbered(text, start)
        or _bulleted(text, start)
        or _semicolons(text, start, marked)
        or _lines(text, start)
        or _commas(text, start, marked)
    )


def _unwrap(text: str, start: int, end: int) -> tuple[int, int]:
    """Takes off one pair of quotes, brackets or stars that stands around the whole span."""
    at = _OPENING.find(text[start]) if end - start > 1 else -1
    if at < 0 or text[end - 1] != _CLOSING[at]:
        return start, end
    inside = text[start + 1 : end - 1].strip("*_")
    return (start, end) if text[start] in inside or text[end - 1] in inside else (start + 1, end - 1)


def _unprintable(words: str) -> bool:
    return any((ord(c) < 32 and not c.isspace()) or 0xD800 <= ord(c) <= 0xDFFF or c == "\x7f" for c in words)


def _is_noise(words: str) -> bool:
    """Whether a member is markup, code, a link, a hash or another script, and no words of English."""
    latin = sum(c <= "\u024f" for c in words)
    return (
        2 * latin <= len(words)
        or bool(_TAG.search(words))
        or len(_CODE.findall(words)) > 0.05 * len(words)
        or any(len(word) > MAX_WORD or len(_SWITCH.findall(word)) > 2 for word in words.split())
    )


def _items(text: str, spans: list[tuple[int, int]]) -> Iterator[Item]:
    for index, (start, end) in enumerate(spans[:MAX_ITEMS]):
        if index == len(spans) - 1 > 0 and (
            joined := re.compile(r"\s*(?:and|or)\s+(?:also\s+)?").match(text, start, end)
        ):
            start = joined.end()
        item = clean(text, start, end)
        if item is not None and item.text.lower() not in {"etc", "and so on", "and", "or", "n/a"}:
            yield item


def _listing(rule: str, text: str, spans: list[tuple[int, int]], lead: int, ordered: bool = False) -> Listing | None:
    items = list(_items(text, spans))
    return Listing(rule, items, lead, ordered) if items else None


def _line_end(text: str, start: int) -> int:
    at = text.find("\n", start)
    return len(text) if at < 0 else at


def _numbered(text: str, start: int) -> Listing | None:
    """ "1. a 2. b", "(1) a, (2) b", "Step 1: a", "a) b) c)": markers that count up by one."""
    for rule, pattern, first in (("numbered", _NUMBER, 1), ("lettered", _LETTER, ord("a"))):
        marks: list[re.Match[str]] = []
        for match in pattern.finditer(text, start):
            value = int(match[1]) if rule == "numbered" else ord(match[1])
            if value == first + len(marks) and not _is_mention(text, match):
                marks.append(match)
        if len(marks) >= 2 or (marks and not text[start : marks[0].start()].strip()):
            ends = [*(m.start() for m in marks[1:]), _list_end(text, marks[-1].end())]
            spans = [(m.end(), end) for m, end in zip(marks, ends, strict=True)]
            return _listing(rule, text, spans, _lead(text, start, marks[0].start()), ordered=rule == "numbered")
    return None


def _is_mention(text: str, match: re.Match[str]) -> bool:
    """Whether a number is spoken of and begins no member: "go on with step 3. If not, ..."."""
    before = text[max(0, match.start() - 20) : match.start()]
    begins = not before.strip() or "\n" in before[len(before.rstrip()) :] or before.rstrip()[-1] in ".;:,!?)"
    named = "step" in match[0].lower() or before.rstrip().lower().endswith(("step", "steps"))
    return named and not begins


def _list_end(text: str, start: int) -> int:
    """Where the last member ends: at an empty line, or at the end of the text."""
    gap = re.compile(r"\n\s*\n").search(text, start + 1)
    return gap.start() if gap and text[start : gap.start()].strip() else len(text)


def _lead(text: str, start: int, end: int) -> int:
    """Where the words begin that lead to a list at `end`: the last sentence before it if that ends in a colon."""
    before = text[start:end].rstrip()
    if not before.endswith(":"):
        return end
    ends = [m.end() for m in _SENTENCE_END.finditer(before)]
    return start + max([0, *ends, before.rfind("\n") + 1])


def _bulleted(text: str, start: int) -> Listing | None:
    marks = list(_BULLET.finditer(text, start))
    if len(marks) < 2:
        marks = list(_INLINE_BULLET.finditer(text, start)) or marks
    if len(marks) < 2 and not (marks and not text[start : marks[0].start()].strip()):
        return None
    ends = [*(m.start() for m in marks[1:]), _list_end(text, marks[-1].end())]
    spans = [(m.end(), end) for m, end in zip(marks, ends, strict=True)]
    return _listing("bullets", text, spans, _lead(text, start, marks[0].start()))


def _semicolons(text: str, start: int, marked: bool) -> Listing | None:
    """ "a; b; c", from the sentence that the first semicolon is in to the end of the one with the last."""
    first, last = text.find(";", start), text.rfind(";")
    if first < 0:
        return None
    lead = max([start, *(m.end() for m in _SENTENCE_END.finditer(text, start, first))])
    colon = text.rfind(": ", lead, first)
    begin = colon + 1 if colon >= 0 else lead
    stop = _SENTENCE_END.search(text, last)
    end = stop.start() if stop else len(text)
    middle = text[first : last + 1]
    if not marked and (_SENTENCE_END.search(middle) or end < len(text.rstrip()) - 1):
        return None
    cuts = [begin - 1, *(i for i in range(begin, end) if text[i] == ";"), end]
    return _listing("semicolons", text, [(a + 1, b) for a, b in pairwise(cuts)], lead)


def _lines(text: str, start: int) -> Listing | None:
    """One short member a line; a first line that ends in a colon leads to the others."""
    spans = [m.span() for m in re.compile(r"[^\n]+").finditer(text, start) if m[0].strip()]
    if len(spans) > 1 and text[slice(*spans[0])].rstrip().endswith(":"):
        spans = spans[1:]
    if len(spans) < 2 or any(len(text[a:b].split()) > 15 or _SENTENCE_END.search(text, a, b) for a, b in spans):
        return None
    return _listing("lines", text, spans, start)


def _commas(text: str, start: int, marked: bool) -> Listing | None:
    """ "a, b, and c" where it is plainly a list: short members, three of them, the last one joined by "and" or "or"."""
    end = _line_end(text, start)
    if _SENTENCE_END.search(text, start, end) or text[end:].strip():
        return None
    lead = start
    if not marked and ": " in text[start:end]:
        start = text.index(": ", start) + 2
    cuts = [
        m.span()
        for m in re.compile(r",\s*(?:(?:and|or)\s+)?|\s+(?:and|or)\s+(?=\S+(?:\s\S+){0,3}\W*$)").finditer(
            text, start, end
        )
    ]
    if not any("," in text[a:b] for a, b in cuts):
        return None
    starts, ends = [start, *(b for _, b in cuts)], [*(a for a, _ in cuts), end]
    spans = list(zip(starts, ends, strict=True))
    lengths = [len(text[a:b].split()) for a, b in spans]
    joined = any(re.search(r"\b(?:and|or)\b", text[a:b]) for a, b in cuts[-1:])
    plain = max(lengths) <= (6 if marked or joined else 3) and (marked or lead < start or _bare(text[start:end]))
    if min(lengths) == 0 or not plain or len(spans) < (2 if marked else 3):
        return None
    return _listing("commas", text, spans, lead)


def split_joined(text: str, start: int, end: int) -> list[Item]:
    """The members of "a, b, and c" in `text[start:end]`; what is no such list is one member."""
    cuts = [m.span() for m in re.compile(r",\s*(?:(?:and|or)\s+)?").finditer(text, start, end)]
    spans = list(zip([start, *(b for _, b in cuts)], [*(a for a, _ in cuts), end], strict=True))
    listed = len(spans) > 2 and re.search(r"\b(?:and|or)\b", text[slice(*cuts[-1])])
    return list(_items(text, spans if listed else [(start, end)]))


def _bare(words: str) -> bool:
    """Whether the words do not begin as a sentence does, with a subject or a subordinate clause."""
    first = (words.split() or [""])[0].lower().rstrip(",")
    return not re.match(
        r"person[xyz]|(?:he|she|it|they|you|we|i|this|that|there|the|if|when|because|by|after|before|as|yes|no)$", first
    )


def _json(text: str, start: int) -> Listing | None:
    """Strings of a JSON list, or the answers of JSON objects; of a JSON text that is cut off, the complete ones."""
    fence = _FENCE.search(text, start)
    begin = fence.end() if fence else start
    opening = re.compile(r"\s*[\[{]").match(text, begin)
    if opening is None or not _STRING.search(text, begin):
        return None
    spans = [m.span() for m in _values(text, opening.end() - 1)][:MAX_ITEMS]
    items = []
    for a, b in spans:
        try:
            words = json.loads(text[a:b], strict=False)
        except ValueError:
            continue
        found = clean(words, 0, len(words))
        if found is not None:
            items.append(Item(found.text, a + 1, b - 1))
    return Listing("json", items, _lead(text, start, fence.start() if fence else begin)) if items else None


def _values(text: str, start: int) -> Iterator[re.Match[str]]:
    """The strings of a JSON text that are answers: members of lists, and values of keys that say so."""
    keys: list[str | None] = []  # for each open bracket the key that its members belong to
    at = start
    while at < len(text):
        char = text[at]
        if char == '"':
            match = _STRING.match(text, at)
            if match is None:
                return  # cut off inside a string
            at = match.end()
            if re.compile(r"\s*:").match(text, at):
                if keys:
                    keys[-1] = match[0][1:-1].lower()
            elif keys and (keys[-1] is None or keys[-1] in _ANSWER_KEYS):
                yield match
            continue
        if char == "[":
            keys.append(None)
        elif char == "{":
            keys.append("")
        elif char in "]}" and keys:
            keys.pop()
            if not keys:
                return
        at += 1
