"""The register of sentence patterns: small named functions that read one construction each.

A pattern takes a `Statement` and yields what it finds, or nothing. It carries a version, sentences
that it must read and sentences that it must not; these examples are its tests. A general pattern ("X V-s: X can V") is
tried on statements from which no other pattern read anything. To add one, write a function with `@pattern(...)` in one
of the modules named in `_MODULES`, or in a new one that is added there.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from extraction.grammar import Clause
from extraction.modality import modality_of
from extraction.questions import Asked
from extraction.sentences import Context, Phrase, Sentence
from extraction.statements import Statement, statements_of, thing
from kg.records import Modality

if TYPE_CHECKING:
    from spacy.tokens import Doc

_MODULES = tuple(
    f"extraction.patterns_{name}"
    for name in (
        "minds", "needs", "events", "reasons", "sequence", "results", "aims", "conditions", "causes", "origins",
        "classes", "traits", "places", "parts", "abilities", "uses",
    )
)

NOT_READ = {
    "isFilledBy": "its head has a blank, which only a prompt has: the reader of lists takes what an answer puts there",
    "NotDesires": "a denied wish is read as Desires, negated",
}  # relations of ATOMIC 2020 without a pattern, and why sentences do not state them

_BROKEN = re.compile(r"^[^(]*\)|,,|\([^)]*$|^instead of ")
_FORMULA = re.compile(r"[=≠≈≤≥∑√]|\\w")


@dataclass(frozen=True, slots=True)
class Found:
    """A triple that a pattern reads, with the characters of its tail in the document.

    `clauses` are those that say it, where that is not the statement's own alone. Modality and entities are as in
    `kg.records.Candidate`; `find` adds them.
    """

    head: str
    relation: str
    tail: str
    start: int
    end: int
    negated: bool = False
    rule: str = ""
    clauses: tuple[Clause, ...] = ()
    modality: Modality | None = None
    head_entity: str | None = None
    tail_entity: str | None = None


Reader = Callable[[Statement], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One construction. `yes` maps sentences to (head, relation, tail) that must be read, `no` must give nothing."""

    name: str
    version: int
    read: Reader
    yes: dict[str, tuple[str, str, str]]
    no: tuple[str, ...]
    general: bool

    @property
    def rule(self) -> str:
        return f"{self.name}@{self.version}"


def pattern(
    name: str,
    version: int,
    yes: dict[str, tuple[str, str, str]],
    no: tuple[str, ...] = (),
    general: bool = False,
) -> Callable[[Reader], Pattern]:
    """Makes a function a pattern, with its examples."""
    return lambda read: Pattern(name, version, read, yes, no, general)


@cache
def all_patterns() -> tuple[Pattern, ...]:
    """Every pattern, in the order in which they are tried: the general ones come last."""
    modules = [import_module(module) for module in _MODULES]
    found_ = [p for module in modules for p in vars(module).values() if isinstance(p, Pattern)]
    return tuple(sorted(found_, key=lambda p: p.general))


def found(head: str, relation: str, tail: Phrase, negated: bool = False, clauses: tuple[Clause, ...] = ()) -> Found:
    """A triple with a phrase as its tail."""
    return Found(head, relation, tail.text, tail.start, tail.end, negated, clauses=clauses)


def find(doc: "Doc", asked: Asked | None = None, slots: Mapping[str, str] | None = None) -> Iterator[Found]:
    """What the patterns read in a document, sentence by sentence.

    What a prompt asked for tells whom it is about; `slots` are the slots that names in the document stand for.
    """
    context = context_of(asked, slots or {})
    for span in doc.sents:
        sentence = Sentence(span, context)
        if sentence.is_question or _FORMULA.search(sentence.text):
            continue
        yield from _read(sentence)
        context = _after(sentence, context)


def _read(sentence: Sentence) -> Iterator[Found]:
    seen: set[tuple[str, str, str]] = set()
    for statement in statements_of(sentence):
        for result in _read_statement(statement):
            key = (result.head, result.relation, result.tail)
            if key not in seen:
                seen.add(key)
                yield result


def _read_statement(statement: Statement) -> Iterator[Found]:
    outer = statement.main.outer
    if outer is not None and outer.lemma_ != "be" and statement.condition is None:  # "it means that P" only argues
        return
    taken = False
    for item in all_patterns():
        if item.general and taken:
            continue
        for result in item.read(statement):
            if result.head and result.tail and not _BROKEN.search(f"{result.head} {result.tail}"):
                taken = taken or not item.general
                entities = statement.sentence.entities
                yield replace(
                    result, rule=item.rule, modality=modality_of(*(result.clauses or (statement.main,))),
                    head_entity=entities.get(result.head), tail_entity=entities.get(result.tail),
                )


def context_of(asked: Asked | None, slots: Mapping[str, str]) -> Context:
    """What a prompt says about whom an answer tells."""
    if asked is None:
        return Context(slots=slots)
    person = "Person" in asked.head or asked.relation.head == "Event"
    return Context(event=asked.head, slots=slots) if person else Context(thing=asked.head, slots=slots)


def _after(sentence: Sentence, context: Context) -> Context:
    """The context of the next sentence: its pronouns mean the subject of this one."""
    subject = sentence.clauses[0].subject if sentence.clauses else None
    if subject is None or subject.pos_ not in ("NOUN", "PROPN"):
        return context
    named = thing(sentence, subject)
    attribute = sentence.clauses[0].child("attr")
    told = {attribute.lemma_.lower(): named} if attribute is not None and named and not sentence.clauses[0].past else {}
    many = subject.tag_ in ("NNS", "NNPS")
    return replace(context, antecedent=named, many=many, known_as={**context.known_as, **told})
