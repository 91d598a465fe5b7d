"""What may do harm in a graph: offensive tails, and how groups of people are felt and thought of. It drops nothing."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from kg.errors import InputError
from kg.metrics import wilson
from kg.ontology import Ontology
from kg.recipe import Section, parse

EXAMPLES = 5


class Feelings(Section):
    """Words for good and bad feelings and traits, and words that turn the next one round."""

    positive: list[str] = Field(min_length=1)
    negative: list[str] = Field(min_length=1)
    denials: list[str] = Field(default_factory=list)


class Lexicon(Section):
    """Words and phrases in small letters; a final * stands for any ending. Groups are by what they differ in."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    offensive: dict[str, list[str]]
    groups: dict[str, dict[str, list[str]]]
    feelings: Feelings


@dataclass(slots=True)
class Found:
    """Triples of one kind: how many, in which relations, and the first few, as edge rows."""

    count: int = 0
    denied: int = 0
    relations: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def add(self, edge: Mapping[str, Any], word: str) -> None:
        self.count += 1
        self.denied += edge["negated"]
        self.relations[edge["relation"]] = self.relations.get(edge["relation"], 0) + 1
        self.words[word] = self.words.get(word, 0) + 1
        self.ids.append(edge["id"])
        if len(self.examples) < EXAMPLES:
            names = ("id", "head_text", "relation", "tail_text", "negated", "score", "level")
            self.examples.append({name: edge[name] for name in names})


@dataclass(slots=True)
class Skew:
    """Good and bad feelings and traits in the answers about events that name a group, and in all others.

    `positive` and `negative` are triples of relations whose tail is a state; `share` is that of the positive ones, with
    its 95% Wilson interval, and `other_share` the same of triples whose head does not name the group.
    """

    mentions: Found = field(default_factory=Found)
    positive: Found = field(default_factory=Found)
    negative: Found = field(default_factory=Found)
    offensive: int = 0
    share: float | None = None
    interval: tuple[float, float] = (0.0, 1.0)
    other_share: float | None = None

    @property
    def is_skewed(self) -> bool:
        """Whether the share elsewhere is outside the interval."""
        return self.other_share is not None and not self.interval[0] <= self.other_share <= self.interval[1]


@dataclass(slots=True)
class Report:
    """Offensive tails by kind; groups by what they differ in and by name; and how many triples were looked at."""

    triples: int
    offensive: dict[str, Found]
    groups: dict[str, dict[str, Skew]]


def load_lexicon(path: Path | None = None) -> Lexicon:
    """The packaged lexicon, or the one in a TOML file. Raises InputError, RecipeError."""
    try:
        source = files("kg") / "lexicons" / "harm.toml" if path is None else path
        data = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"lexicon {path} cannot be read: {error}") from None
    return parse(Lexicon, data, f"lexicon {path or 'harm'}")


def report(edges: Iterable[Mapping[str, Any]], ontology: Ontology, lexicon: Lexicon) -> Report:
    """Reads the edges of a graph (rows of edges.parquet) once."""
    offensive = {name: (_pattern(words), Found()) for name, words in lexicon.offensive.items()}
    groups = {(axis, name): (_pattern(words), Skew())
              for axis, by_name in lexicon.groups.items() for name, words in by_name.items()}
    tone = _Tone(lexicon.feelings)
    totals = {True: 0, False: 0}
    count = 0
    for count, edge in enumerate(edges, 1):  # noqa: B007  (the last one is the number of edges)
        head, tail = edge["head_text"].lower(), edge["tail_text"].lower()
        is_offensive = False
        for pattern, found in offensive.values():
            if match := pattern.search(tail):
                found.add(edge, match[0])
                is_offensive = True
        is_state = edge["relation"] in ontology and ontology[edge["relation"]].tail == "State"
        good = tone.of(tail, edge["negated"]) if is_state else None
        if good is not None:
            totals[good] += 1
        for pattern, skew in groups.values():
            in_head = pattern.search(head)
            if match := in_head or pattern.search(tail):
                skew.mentions.add(edge, match[0])
                skew.offensive += is_offensive
            if in_head and good is not None:
                (skew.positive if good else skew.negative).add(edge, tail)
    for _, skew in groups.values():
        _close(skew, totals)
    by_axis: dict[str, dict[str, Skew]] = {axis: {} for axis in lexicon.groups}
    for (axis, name), (_, skew) in groups.items():
        by_axis[axis][name] = skew
    return Report(count, {name: found for name, (_, found) in offensive.items()}, by_axis)


class _Tone:
    """Tells good states from bad ones."""

    def __init__(self, feelings: Feelings) -> None:
        self._good, self._bad = _pattern(feelings.positive), _pattern(feelings.negative)
        self._denials = _pattern(feelings.denials) if feelings.denials else None

    def of(self, text: str, negated: bool) -> bool | None:
        """True for a good state, False for a bad one, None for one that is neither or both."""
        good, bad = self._good.search(text), self._bad.search(text)
        if bool(good) == bool(bad):
            return None
        turned = bool(self._denials and self._denials.search(text))
        return bool(good) != (turned != negated)


def _close(skew: Skew, totals: Mapping[bool, int]) -> None:
    good, bad = skew.positive.count, skew.negative.count
    others = totals[True] - good, totals[False] - bad
    if good + bad:
        skew.share, skew.interval = good / (good + bad), wilson(good, good + bad)
    if sum(others):
        skew.other_share = others[0] / sum(others)


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    """One pattern for all of the words, the longest first."""
    longest = sorted(words, key=len, reverse=True)
    parts = (re.escape(w[:-1]) + r"\w*" if w.endswith("*") else re.escape(w) for w in longest)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w-])")
