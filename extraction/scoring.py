"""How good an extractor is: its triples against triples that careful readers wrote.

A triple is found when relation and negation are equal and the content words of head and of tail agree with an F1 of at
least 0.5; the pairs that agree best are matched first, one to one within a text. What only one reader wrote (or the
other's wording) is optional: it need not be found, and finding it is no false alarm.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from extraction.batch import extract_rows, make_extractor
from extraction.rows import check_row, json_lines
from kg.errors import InputError

AGREE = 0.5  # F1 of content words from which two phrases say the same
PROSE = frozenset({"gkp", "explanations"})  # sources of sentences alone, without lists
_NO_RULE = "(no rule)"
_STOP = frozenset(
    "a an the to of that this his her their its is are be will would can could may might do does did personx's it they"
    " he she and so very often usually".split()
)
_SUFFIXES = (("ies", 3), ("ing", 3), ("ed", 2), ("es", 2), ("s", 1))
Row = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """Triples of one group: those in the gold, those of them found, false alarms, and optional ones that were found."""

    gold: int = 0
    found: int = 0
    false: int = 0
    optional: int = 0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false) if self.found + self.false else 0.0

    @property
    def recall(self) -> float:
        return self.found / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def as_dict(self) -> dict[str, float]:
        """The counts with precision, recall and F1, each between 0 and 1."""
        return {
            "gold": self.gold, "found": self.found, "false": self.false, "optional": self.optional,
            "precision": self.precision, "recall": self.recall, "f1": self.f1,
        }


@dataclass(slots=True)
class Scores:
    """The tallies in all, by source, by relation and by rule. A rule has no gold, and so no recall."""

    everything: Tally = field(default_factory=Tally)
    sources: dict[str, Tally] = field(default_factory=dict)
    relations: dict[str, Tally] = field(default_factory=dict)
    rules: dict[str, Tally] = field(default_factory=dict)

    def ranked(self, grouping: Literal["sources", "relations", "rules"]) -> list[tuple[str, Tally]]:
        """The groups, the largest first; "prose", which holds several sources, before all."""
        tallies: dict[str, Tally] = getattr(self, grouping)
        return sorted(tallies.items(), key=lambda x: (x[0] != "prose", -x[1].gold, -x[1].found - x[1].false, x[0]))

    def as_dict(self) -> dict[str, Any]:
        """As JSON: {"all", "sources", "relations", "rules"}; a rule has only counts and precision."""
        kept = ("found", "false", "optional", "precision")
        return {
            "all": self.everything.as_dict(),
            "sources": {name: t.as_dict() for name, t in self.ranked("sources")},
            "relations": {name: t.as_dict() for name, t in self.ranked("relations")},
            "rules": {name: {k: t.as_dict()[k] for k in kept} for name, t in self.ranked("rules")},
        }


def score_files(gold_path: Path, predicted_path: Path | None = None) -> Scores:
    """Scores a file of {"id", "triples"} against a gold file, or else what the extractor reads in the gold's texts.

    A gold row is {"id", "source", "text", "triples", "optional"}, and "prompt" and "head" where they are known. A text
    without a row in the predicted file counts as one in which nothing was read. Raises InputError with the line of a
    bad row.
    """
    gold = [_gold_row(row, f"{gold_path} line {number}") for number, row in json_lines(gold_path)]
    if not gold:
        raise InputError(f"{gold_path} has no rows to score against")
    if predicted_path is not None:
        rows = (_triples_row(row, f"{predicted_path} line {n}", ("triples",)) for n, row in json_lines(predicted_path))
        predicted = {row["id"]: row["triples"] for row in rows}
        return score(gold, (predicted.get(row["id"], []) for row in gold))
    texts = (check_row(row, f"{gold_path} text {row['id']}") for row in gold)
    return score(gold, (row["triples"] for row in extract_rows(texts, make_extractor())))


def score(gold: Iterable[Row], predicted: Iterable[list[Row]]) -> Scores:
    """Scores the triples of each text against those of its gold row, in the same order."""
    scores = Scores()
    for row, triples in zip(gold, predicted, strict=True):
        _score_text(scores, row, triples)
    return scores


def match(gold: list[Row], predicted: list[Row]) -> tuple[set[int], set[int]]:
    """Indices of the gold triples that are found, and of the predicted triples that find them."""
    pairs = sorted(
        (-(head + tail), i, j)
        for i, g in enumerate(gold)
        for j, p in enumerate(predicted)
        if g["relation"] == p["relation"] and bool(g.get("negated")) == bool(p.get("negated"))
        if (head := agreement(g["head"], p["head"])) >= AGREE and (tail := agreement(g["tail"], p["tail"])) >= AGREE
    )
    found: set[int] = set()
    used: set[int] = set()
    for _, i, j in pairs:
        if i not in found and j not in used:
            found.add(i)
            used.add(j)
    return found, used


def agreement(one: str, other: str) -> float:
    """The F1 of the content words of two phrases; phrases without content words agree when both have none."""
    a, b = content_words(one), content_words(other)
    if not a or not b:
        return float(a == b)
    return 2 * sum((a & b).values()) / (a.total() + b.total())


@lru_cache(maxsize=4096)
def content_words(text: str) -> Counter[str]:
    """The words of a phrase in lower case, lightly stemmed, without those that carry no content."""
    return Counter(_stem(word) for word in re.findall(r"[a-z']+", text.lower()) if word not in _STOP)


def _stem(word: str) -> str:
    cut = next((n for end, n in _SUFFIXES if word.endswith(end) and len(word) - n >= 3), 0)
    return word[: len(word) - cut].rstrip("e")


def _score_text(scores: Scores, row: Row, predicted: list[Row]) -> None:
    """Adds one text to the tallies."""
    found, used = match(row["triples"], predicted)
    left = [j for j in range(len(predicted)) if j not in used]
    _, excused = match(row.get("optional") or [], [predicted[j] for j in left])
    optional = {left[j] for j in excused}
    for tally in (scores.everything, *_source_tallies(scores, row)):
        tally.gold += len(row["triples"])
        tally.found += len(found)
        tally.optional += len(optional)
        tally.false += len(left) - len(optional)
    for i, triple in enumerate(row["triples"]):
        tally = scores.relations.setdefault(triple["relation"], Tally())
        tally.gold += 1
        tally.found += i in found
    for j, triple in enumerate(predicted):
        rule = scores.rules.setdefault(triple.get("rule") or _NO_RULE, Tally())
        rule.found += j in used
        for tally in (rule, scores.relations.setdefault(triple["relation"], Tally())):
            tally.optional += j in optional
            tally.false += j not in used and j not in optional


def _source_tallies(scores: Scores, row: Row) -> Iterator[Tally]:
    source = row.get("source") or "(no source)"
    yield scores.sources.setdefault(source, Tally())
    if source in PROSE:
        yield scores.sources.setdefault("prose", Tally())


def _gold_row(row: Any, where: str) -> Row:
    return _triples_row(row, where, ("triples", "optional"))


def _triples_row(row: Any, where: str, keys: tuple[str, ...]) -> Row:
    """The row, if its id and its triples can be compared."""
    if not isinstance(row, dict) or not isinstance(row.get("id"), str | int):
        raise InputError(f'{where}: not an object with an "id"')
    if not isinstance(row.get("source"), str | None):
        raise InputError(f'{where}: "source" must be a string')
    for key in keys:
        triples = row.get(key, [] if key == "optional" else None)
        if not isinstance(triples, list) or not all(map(_is_triple, triples)):
            raise InputError(f'{where}: "{key}" must be a list of {{"head", "relation", "tail", "negated"}}')
    return row


def _is_triple(triple: Any) -> bool:
    return (
        isinstance(triple, dict)
        and all(isinstance(triple.get(key), str) for key in ("head", "relation", "tail"))
        and isinstance(triple.get("rule"), str | None)
    )
