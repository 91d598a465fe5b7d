"""What causes, results from and hinders what, persons' minds aside."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import Clause, clause, condition, coordinated, members
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase, Sentence
from extraction.who import thing
from extraction.words import FEELING_NOUNS, FEELINGS

if TYPE_CHECKING:
    pass


@pattern(
    "thing_consequence",
    1,
    yes={
        "When a ball rebounds, it bounces back.": ("ball rebounds", "Causes", "ball bounces back"),
    },
)
def thing_consequence(sentence: Sentence) -> Iterator[Found]:
    """ "When P, Q" about things."""
    for main in sentence.clauses:
        given = condition(main)
        if (
            given is None
            or main.subject is None
            or (sentence.person(main.subject) and main.subject.lower_ not in ("they",))
        ):
            continue
        first = clause(given)
        if first.subject is None or sentence.person(first.subject) or not thing(sentence, first.subject):
            continue
        head, tail = sentence.event(first), sentence.event(main)
        if head is None or tail is None:
            continue
        if main.subject.pos_ == "PRON" and main.subject.lower_ not in ("it", "they"):
            continue
        if main.subject.lower_ in ("it", "they"):
            name = sentence.noun(first.subject, whole=True).text if first.subject.tag_ == "NN" else first.subject.lower_
            verbs = sentence.verbs(main.verb, "V-s" if first.subject.tag_ == "NN" else "plural")
            for phrase in verbs[:1]:
                tail = Phrase(f"{name} {phrase.text}", phrase.start, phrase.end)
        yield found(head.text, "Causes", tail, main.negated)


@pattern(
    "causes",
    1,
    yes={
        "Smoking causes cancer.": ("smoking", "Causes", "cancer"),
        "Heavy rain leads to floods.": ("heavy rain", "Causes", "flood"),
        "Floods are caused by heavy rain.": ("heavy rain", "Causes", "flood"),
    },
)
def causes(sentence: Sentence) -> Iterator[Found]:
    """ "X causes Y", "leads to", "results in", "is caused by"."""
    for main in sentence.clauses:
        verb = main.verb
        if main.subject is None or sentence.person(main.subject):
            continue
        if main.passive:
            agent = next((p for t in verb.children if t.dep_ == "agent" for p in t.children if p.dep_ == "pobj"), None)
            if verb.lemma_ == "cause" and agent is not None:
                tail = sentence.noun(main.subject)
                for cause in coordinated(agent):
                    yield found(sentence.noun(cause).text, "Causes", tail, main.negated)
            continue
        heads = [sentence.noun(t).text for t in coordinated(main.subject) if t.pos_ in ("NOUN", "PROPN", "VERB")]
        for tail in _effects(sentence, main):
            for head in heads:
                yield found(head, "Causes", tail, main.negated)


@pattern(
    "result_of",
    1,
    yes={
        "The brightest areas are the result of light pollution.": ("light pollution", "Causes", "brightest area"),
    },
)
def result_of(sentence: Sentence) -> Iterator[Found]:
    """ "X is the result of Y", "X is the cause of Y"."""
    for main in sentence.clauses:
        attribute = main.child("attr")
        if (
            main.verb.lemma_ != "be"
            or main.subject is None
            or attribute is None
            or attribute.lemma_ not in ("result", "cause")
        ):
            continue
        subject = thing(sentence, main.subject)
        others = [
            p
            for t in attribute.children
            if t.dep_ == "prep" and t.lower_ == "of"
            for p in t.children
            if p.dep_ == "pobj"
        ]
        for other in (sentence.noun(m) for first in others for m in members(first)):
            own = sentence.noun(main.subject)
            if subject and attribute.lemma_ == "result":
                yield found(other.text, "Causes", own, main.negated)
            elif subject:
                yield found(subject, "Causes", other, main.negated)


@pattern(
    "hinders",
    1,
    yes={
        "Bad weather can prevent the flight.": ("flight", "HinderedBy", "bad weather"),
        "Vision can be obstructed by darkness.": ("vision", "HinderedBy", "darkness"),
    },
)
def hinders(sentence: Sentence) -> Iterator[Found]:
    """ "X prevents Y", "Y is hindered by X"."""
    for main in sentence.clauses:
        if (
            main.verb.lemma_ not in ("prevent", "hinder", "obstruct", "stop", "impede", "block", "interrupt")
            or main.subject is None
        ):
            continue
        if main.passive:
            agents = [p for t in main.verb.children if t.dep_ == "agent" for p in t.children if p.dep_ == "pobj"]
            about = sentence.context.event if main.subject.lower_ in ("it", "this") else thing(sentence, main.subject)
            for agent in (a for first in agents for a in members(first)):
                yield found(about, "HinderedBy", sentence.noun(agent), main.negated)
        elif (
            (obj := main.child("dobj")) is not None
            and thing(sentence, main.subject)
            and obj.pos_ == "NOUN"
            and main.child("prep") is None
        ):
            for target in coordinated(obj):
                yield found(sentence.noun(target).text, "HinderedBy", sentence.noun(main.subject), main.negated)


def _effects(sentence: Sentence, main: Clause) -> Iterator[Phrase]:
    verb = main.verb
    if verb.lemma_ == "make" and (inner := main.child("ccomp")) is not None and inner.lower_ not in FEELINGS:
        made = sentence.event(clause(inner))
        if made is not None and inner.pos_ == "VERB":
            yield made
        return
    if verb.lemma_ == "cause":
        inner = main.child("ccomp", "xcomp")
        if inner is not None:
            phrase = sentence.event(clause(inner))
            if phrase is not None:
                yield phrase
            return
        obj = main.child("dobj")
    else:
        link = {"lead": "to", "result": "in", "contribute": "to"}.get(verb.lemma_)
        obj = next(
            (p for t in verb.children if t.dep_ == "prep" and t.lower_ == link for p in t.children if p.dep_ == "pobj"),
            None,
        )
        if obj is not None and verb.lemma_ == "lead" and obj.ent_type_ in ("GPE", "LOC", "FAC"):
            return
    if obj is not None and not (
        main.subject is not None and main.subject.tag_ == "VBG" and obj.lemma_ in FEELING_NOUNS
    ):
        yield from sentence.complements(obj)
