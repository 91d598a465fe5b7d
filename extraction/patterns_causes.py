"""What causes, results from and hinders what, persons' minds aside."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from extraction.grammar import SUBJECTS, clause, coordinated, core, members, objects_of
from extraction.nouns import is_doing
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase
from extraction.statements import Statement, thing
from extraction.words import EMPTY_HEADS, FEELING_NOUNS, FEELINGS, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_NO_EFFECT = word_set(
    "be cause lead result contribute make require need involve include mean take use have bring refer prevent "
    "become seem signify indicate show suggest imply"
)
_LINKS = {"lead": "to", "result": "in", "contribute": "to"}
_DETAILS = frozenset({"det", "poss", "compound", "npadvmod", "amod"})
_HINDERS = word_set("prevent hinder obstruct stop impede block interrupt")


@pattern(
    "causes",
    4,
    yes={
        "Smoking causes cancer.": ("smoking", "Causes", "cancer"),
        "Heavy rain leads to floods.": ("heavy rain", "Causes", "flood"),
        "Floods are caused by heavy rain.": ("heavy rain", "Causes", "flood"),
        "War is likely to lead to deaths.": ("war", "Causes", "death"),
        "Happiness comes from success.": ("success", "Causes", "happiness"),
        "Diving into a pool can lead to drowning.": ("diving into a pool", "Causes", "drowning"),
        "The delay is due to the weather.": ("weather", "Causes", "delay"),
        "Lactose intolerance is due to a shortage of lactase.": (
            "shortage of lactase",
            "Causes",
            "lactose intolerance",
        ),
        "A hurricane is a storm that can cause harm.": ("hurricane", "Causes", "harm"),
        "Anger is bad because it leads to violence.": ("anger", "Causes", "violence"),
        "Polio is caused by a virus that invades the brain.": ("virus", "Causes", "polio"),
    },
    no=("Milk comes from cows.", "Eating too much causes one to gain weight."),
)
def causes(s: Statement) -> Iterator[Found]:
    """ "X causes Y", "leads to", "results in", "is caused by"."""
    if s.subject is None or s.sentence.person(s.subject) or s.condition is not None:
        return
    for origin in _origins(s) if s.subject.pos_ != "PRON" else ():
        for cause in coordinated(origin):
            yield found(_name(s, cause), "Causes", s.sentence.noun(s.subject), s.negated)
    if s.passive:
        yield from _caused(s)
        return
    for tail in _effects(s):
        heads = [_name(s, t) for t in coordinated(s.subject) if _can_cause(t)]
        if s.subject.pos_ == "PRON" and s.subject.lower_ in ("it", "they"):
            heads = s.things
        for head in heads:
            yield found(head, "Causes", tail, s.negated)


@pattern(
    "gerund_effect",
    3,
    yes={
        "Bringing suit against a rival could aggravate the rivalry.": (
            "bringing suit against a rival",
            "Causes",
            "aggravate the rivalry",
        ),
        "Brushing your teeth improves your health.": (
            "PersonX brushes PersonX's teeth",
            "xEffect",
            "improves PersonX's health",
        ),
    },
    no=("Running is healthy.", "Losing a friend can cause sadness.", "Walking requires energy."),
)
def gerund_effect(s: Statement) -> Iterator[Found]:
    """ "V-ing can V", "V-ing helps to V": what an action does."""
    verb, subject = s.verb, s.subject
    if subject is None or not (is_doing(subject) or s.deed) or s.condition is not None or s.past or s.passive:
        return
    if not s.deed and any(t.i < subject.i and t.dep_ in _DETAILS for t in subject.children):
        return
    if helped := verb.lemma_ == "help":
        verb = s.child("xcomp", "ccomp") or verb
    if verb.pos_ != "VERB" or verb.lemma_ in _NO_EFFECT or s.child("dative") is not None or s.main.inherited:
        return
    own = any(t.tag_ == "PRP$" or t.lower_ == "one" for t in verb.subtree if t.i > verb.i)
    if verb.tag_ == "VBG":
        return
    if own and s.deed and not any(t.dep_ in SUBJECTS for t in verb.children if t.i > s.verb.i):
        for tail in s.sentence.predicate(verb, "V-s", person=True):
            yield found(s.deed, "xEffect", tail, s.negated)
    elif is_doing(subject) and s.modals and not helped and any(t.dep_ in ("dobj", "ccomp") for t in verb.children):
        for tail in s.sentence.predicate(verb, "V"):
            yield found(s.sentence.gerund(subject).text, "Causes", tail, s.negated)


@pattern(
    "result_of",
    3,
    yes={
        "Frustration is the result of failing to win.": ("PersonX fails to win", "xReact", "frustration"),
        "The brightest areas are the result of light pollution.": ("light pollution", "Causes", "brightest area"),
    },
)
def result_of(s: Statement) -> Iterator[Found]:
    """ "X is the result of Y", "X is the cause of Y"."""
    attribute = s.child("attr")
    if s.lemma != "be" or s.subject is None or attribute is None or attribute.lemma_ not in ("result", "cause"):
        return
    subject, own = thing(s.sentence, s.subject) or next(iter(s.things), ""), s.sentence.noun(s.subject)
    if not subject:
        return
    result = attribute.lemma_ == "result"
    for doing in (p for t in attribute.children if t.dep_ == "prep" for p in t.children if p.dep_ == "pcomp"):
        if result and s.subject.lemma_.lower() in FEELING_NOUNS:
            yield found(s.doing(doing), "xReact", own, s.negated)
        elif result:
            yield found(s.sentence.gerund(doing).text, "Causes", own, s.negated)
    for doing in (p for t in attribute.children if t.dep_ == "prep" and not result for p in t.children):
        if doing.dep_ == "pcomp" and doing.tag_ == "VBG":
            yield found(subject, "Causes", s.sentence.gerund(doing), s.negated)
    for other in (s.sentence.noun(m) for first in objects_of(attribute, {"of"}) for m in members(first)):
        if result:
            yield found(other.text, "Causes", own, s.negated)
        else:
            yield found(subject, "Causes", other, s.negated)


@pattern(
    "hinders",
    2,
    yes={
        "Bad weather can prevent the flight.": ("flight", "HinderedBy", "bad weather"),
        "Vision can be obstructed by darkness.": ("vision", "HinderedBy", "darkness"),
        "A dead battery can prevent a car from starting.": ("car starts", "HinderedBy", "dead battery"),
    },
)
def hinders(s: Statement) -> Iterator[Found]:
    """ "X prevents Y", "Y is hindered by X"."""
    if s.lemma not in _HINDERS or s.subject is None:
        return
    if s.passive:
        about = s.sentence.context.event if s.subject.lower_ in ("it", "this") else thing(s.sentence, s.subject)
        for agent in (a for first in _by_whom(s) for a in members(first)):
            yield found(about, "HinderedBy", s.sentence.noun(agent), s.negated)
        return
    obj = s.child("dobj")
    doing = next((p for t in s.children("prep") if t.lower_ == "from" for p in t.children if p.dep_ == "pcomp"), None)
    if obj is not None and doing is not None and thing(s.sentence, s.subject):
        who = s.sentence.person(obj) or s.sentence.noun(obj).text
        for what in s.sentence.verbs(doing, "V-s")[:1]:
            for hindrance in (s.sentence.noun(t) for t in coordinated(s.subject)):
                yield found(f"{who} {what.text}", "HinderedBy", hindrance, s.negated)
    elif obj is not None and _is_hindered(s, obj):
        for target in coordinated(obj):
            yield found(s.sentence.noun(target).text, "HinderedBy", s.sentence.noun(s.subject), s.negated)


def _caused(s: Statement) -> Iterator[Found]:
    """ "Y is caused by X"."""
    if s.lemma not in ("cause", "trigger", "induce", "provoke") or s.subject is None:
        return
    own = s.sentence.noun(s.subject)
    for cause in (c for first in _by_whom(s) for c in coordinated(first)):
        for result in s.things:
            yield Found(_name(s, cause), "Causes", result, own.start, own.end, s.negated)


def _name(s: Statement, cause: "Token") -> str:
    """A cause without what a relative clause says about it: "virus" of "a virus that invades cells"."""
    return s.sentence.brief(cause).text


def _by_whom(s: Statement) -> list["Token"]:
    return [p for t in s.children("agent") for p in t.children if p.dep_ == "pobj"]


def _can_cause(token: "Token") -> bool:
    return token.pos_ in ("NOUN", "PROPN", "VERB") and core(token).lemma_.lower() not in EMPTY_HEADS


def _origins(s: Statement) -> list["Token"]:
    """What a clause says that its subject comes from: "is due to N", "results from N", "comes from N" of a feeling."""
    state = s.child("acomp")
    if s.lemma == "be" and state is not None and state.lower_ == "due":
        named = [p for t in state.children if t.lower_ == "to" for p in t.children if p.dep_ == "pobj"]
        return [p for p in named if p.pos_ in ("NOUN", "PROPN")]
    comes = s.lemma == "come" and s.subject is not None and s.subject.lemma_.lower() in FEELING_NOUNS
    if comes or s.lemma in ("result", "stem", "arise"):
        return [t for t in objects_of(s.verb, {"from"}) if t.pos_ in ("NOUN", "PROPN")]
    return []


def _effects(s: Statement) -> Iterator[Phrase]:
    inner = s.child("ccomp") if s.lemma == "make" else s.child("ccomp", "xcomp")
    if s.lemma in ("make", "cause") and inner is not None:
        made = s.sentence.event(replace(clause(inner), negated=False))
        mind = inner.lemma_ == "feel" or inner.lower_ in FEELINGS or _is_own(s, inner)
        if made is not None and not mind and (s.lemma == "cause" or inner.pos_ == "VERB"):
            yield made
        return
    for result in _led_to_doing(s):
        yield s.sentence.gerund(result)
    obj = s.child("dobj") if s.lemma in ("cause", "trigger", "induce", "provoke") else _led_to(s)
    doing = s.subject is not None and s.subject.tag_ == "VBG"
    if obj is not None and (s.sentence.person(obj) or obj.pos_ == "PRON"):
        return
    if obj is not None and not (doing and obj.lemma_ in FEELING_NOUNS):
        yield from s.sentence.complements(obj)


def _is_hindered(s: Statement, obj: "Token") -> bool:
    """Whether "X prevents Y" says that Y is kept from happening."""
    plain = s.subject is not None and bool(thing(s.sentence, s.subject)) and s.child("prep") is None
    return plain and obj.pos_ == "NOUN" and s.lemma in ("prevent", "hinder", "impede", "obstruct")


def _is_own(s: Statement, inner: "Token") -> bool:
    """Whether an action causes something of the person who does it."""
    subject = clause(inner).subject
    return bool(s.deed and subject is not None and s.sentence.person(subject))


def _led_to_doing(s: Statement) -> list["Token"]:
    """ "drowning" of "leads to drowning"."""
    links = [t for t in s.children("prep") if s.lemma in _LINKS and t.lower_ == _LINKS[s.lemma]]
    return [p for t in links for p in t.children if p.dep_ == "pcomp"]


def _led_to(s: Statement) -> "Token | None":
    """ "floods" of "leads to floods"; a road that leads to a city causes nothing."""
    link = _LINKS.get(s.lemma)
    obj = next(iter(objects_of(s.verb, {link} if link else set())), None)
    return None if obj is not None and obj.ent_type_ in ("GPE", "LOC", "FAC") else obj
