"""Causes that are said beside a clause or within a noun phrase: "N caused by M", "N that causes M", "P due to N"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import clause, coordinated, objects_of
from extraction.patterns import Found, found, pattern
from extraction.statements import Statement, thing
from extraction.words import word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_CAUSED = frozenset({"cause", "trigger", "induce", "provoke"})
_OCCURS = word_set("occur happen arise form develop result come emerge")


@pattern(
    "caused_by",
    1,
    yes={
        "Doctors treat infections caused by bacteria.": ("bacteria", "Causes", "infection"),
        "He suffers from a disease caused by a virus.": ("virus", "Causes", "disease"),
    },
    no=("Doctors treat infections found in bacteria.",),
)
def caused_by(s: Statement) -> Iterator[Found]:
    """ "N caused by M" within a clause."""
    if s.main is not s.sentence.clauses[0]:
        return
    for word in s.sentence.span:
        if word.dep_ != "acl" or word.lemma_ not in _CAUSED or word.head.pos_ != "NOUN" or word.head.dep_ == "attr":
            continue
        noun = _whole(word.head)
        result = s.sentence.noun(noun)
        text = result.text.split(f" {word.lower_} ")[0].strip(" ,")
        for agent in (p for t in word.children if t.dep_ == "agent" for p in t.children if p.dep_ == "pobj"):
            for cause in (s.sentence.brief(m) for m in coordinated(agent) if m.pos_ in ("NOUN", "PROPN")):
                yield Found(cause.text, "Causes", text, result.start, word.idx)


@pattern(
    "which_causes",
    1,
    yes={"The mouth contains bacteria that cause gum disease.": ("bacteria", "Causes", "gum disease")},
    no=("A hurricane is a storm that causes harm.", "He met people who cause trouble."),
)
def which_causes(s: Statement) -> Iterator[Found]:
    """ "N that causes M" within a clause."""
    if s.main is not s.sentence.clauses[0]:
        return
    for word in s.sentence.span:
        noun = word.head
        if word.dep_ != "relcl" or noun.dep_ in ("attr", "nsubj", "nsubjpass") or noun.pos_ != "NOUN":
            continue
        if word.lemma_ not in _CAUSED:
            continue
        inner = clause(word)
        if inner.subject is None or inner.subject.lower_ != "that" or inner.passive or inner.past:
            continue
        for result in (m for t in word.children if t.dep_ == "dobj" for m in coordinated(t)):
            if result.pos_ in ("NOUN", "PROPN") and not s.sentence.person(noun):
                yield found(s.sentence.brief(noun).text, "Causes", s.sentence.noun(result), inner.negated)


@pattern(
    "due_to",
    1,
    yes={
        "The population grows as a result of migration.": ("migration", "Causes", "population grows"),
        "Erosion occurs due to rain.": ("rain", "Causes", "erosion"),
    },
    no=("The rent is due to the owner.",),
)
def due_to(s: Statement) -> Iterator[Found]:
    """ "P due to N", "P as a result of N"."""
    if s.subject is None or s.past or s.lemma == "be" or s.subject.pos_ == "PRON":
        return
    for origin in (o for carrier in (s.verb, *s.children("dobj")) for o in _origin(carrier)):
        for cause in coordinated(origin):
            told = s.sentence.noun(s.subject) if s.lemma in _OCCURS else s.told
            if told is None:
                return
            text = told.text.split(" due to ")[0].split(" as a result ")[0]
            if not told.text.startswith("Person") and thing(s.sentence, cause):
                yield Found(s.sentence.brief(cause).text, "Causes", text, told.start, told.end, s.negated)


def _whole(noun: "Token") -> "Token":
    """ "cold" of "a cold is an infection of the throat caused by a virus"."""
    while noun.dep_ == "pobj" and noun.head.lower_ == "of" and noun.head.head.pos_ == "NOUN":
        noun = noun.head.head
    if noun.dep_ == "attr":
        return next((t for t in noun.head.children if t.dep_ == "nsubj" and t.pos_ in ("NOUN", "PROPN")), noun)
    return noun


def _origin(carrier: "Token") -> Iterator["Token"]:
    for word in carrier.children:
        if word.dep_ in ("prep", "advmod", "acomp") and word.lower_ == "due":
            yield from (p for p in objects_of(word, {"to"}) if p.pos_ in ("NOUN", "PROPN"))
            yield from (p for t in word.children if t.lower_ == "to" for p in t.children if p.dep_ == "pobj")
        if word.dep_ == "prep" and word.lower_ == "as":
            for result in (p for p in word.children if p.dep_ == "pobj" and p.lemma_ == "result"):
                yield from objects_of(result, {"of"})
