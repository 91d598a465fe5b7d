"""What things are used for: "X is used to V", "used for", "needed to", "people use X to V", "a place where"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import Clause, clause, coordinated, is_where, mark_of, objects_of
from extraction.nouns import MADE_FOR, is_activity, is_human, is_part, is_passive, is_pointed_at, is_role
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase, Sentence
from extraction.statements import Statement, thing
from extraction.words import word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_USED = frozenset({"use", "need", "require"})
_KEPT = MADE_FOR | {"keep"}
_USEFUL = word_set("useful convenient ideal suitable handy helpful great perfect good essential necessary needed")
_STANDS = word_set("locate happen occur find live grow exist be situate keep display go end")
_SITES = word_set("place building area location room facility tool")
_TOOLS = word_set("source device tool machine instrument appliance equipment method means system substance")
_WAYS = frozenset({"way", "method", "means"})
_GIVES = word_set("prescribe have wear install carry")
_PUTS = frozenset({"put", "keep", "store", "place"})
_MEANS = word_set("describe refer denote indicate mean signify")  # what a word is used for
_OWNERS = ("their ", "your ", "his ", "her ", "its ")


@pattern(
    "used_to",
    4,
    yes={
        "Newspapers can be used as mulch.": ("newspaper", "ObjectUse", "mulch"),
        "Candles are used to get rid of insects.": ("candle", "ObjectUse", "get rid of insects"),
        "Nylon is used to make clothing and ropes.": ("nylon", "ObjectUse", "make clothing"),
        "Security guards are needed to protect the entrance.": ("security guard", "ObjectUse", "protect the entrance"),
        "A camera is used for taking pictures.": ("camera", "ObjectUse", "take pictures"),
        "An auditorium is used for public events.": ("auditorium", "ObjectUse", "public event"),
        "Self-help books are written to inspire people.": ("self-help book", "ObjectUse", "inspire people"),
        "Pets are often kept to guard homes.": ("pet", "ObjectUse", "guard homes"),
        "An auditorium is a large room that is used for plays.": ("auditorium", "ObjectUse", "play"),
        "Creationism is a tactic used to interfere with learning.": (
            "creationism",
            "ObjectUse",
            "interfere with learning",
        ),
    },
    no=("He used to smoke.", "The term is used to describe a state.", "Bags are designed to be carried."),
)
def used_to(s: Statement) -> Iterator[Found]:
    """ "X is used (needed) to V", "X is used for V-ing / N"."""
    if not s.passive or s.lemma not in _USED | _KEPT or (s.lemma == "require" and is_role(s.subject)):
        return
    aims = [t for t in s.children("xcomp") if mark_of(t) == "to"]
    if any(t.lemma_ in _MEANS or (s.lemma in _KEPT and is_passive(t)) for t in aims):
        return
    for head in s.things:
        for tail in _uses(s.sentence, s.verb, s.lemma in _USED or s.lemma == "keep"):
            yield found(head, "ObjectUse", tail, s.negated)
        for as_what in objects_of(s.verb, {"as"}) if s.lemma == "use" and not s.past else ():
            yield found(head, "ObjectUse", s.sentence.noun(as_what), s.negated)


@pattern(
    "used_in",
    1,
    yes={
        "Levels are used in carpentry and metalworking.": ("level", "ObjectUse", "carpentry"),
        "A bow is a weapon used in hunting.": ("bow", "ObjectUse", "hunting"),
    },
    no=("Binders are used in offices.", "The word is used in France."),
)
def used_in(s: Statement) -> Iterator[Found]:
    """ "X is used in V-ing (an activity)"."""
    if not s.passive or s.lemma != "use" or s.past or is_pointed_at(s.subject):
        return
    for word in (t for t in s.children("prep") if t.lower_ in ("in", "during")):
        for doing in (t for p in word.children if p.dep_ in ("pobj", "pcomp") for t in coordinated(p)):
            if is_activity(doing):
                for head in s.things:
                    yield found(head, "ObjectUse", s.sentence.noun(doing), s.negated)


@pattern(
    "function_of",
    2,
    yes={"The function of a computer is to perform computations.": ("computer", "ObjectUse", "perform computations")},
)
def function_of(s: Statement) -> Iterator[Found]:
    """ "The function of X is to V"."""
    subject = s.subject
    if s.lemma != "be" or subject is None or subject.lemma_ not in ("function", "purpose", "role", "job", "use"):
        return
    for aim in (t for t in s.children("xcomp", "acl") if mark_of(t) == "to"):
        for whole in objects_of(subject, {"of"}):
            for tail in s.sentence.verbs(aim, "V"):
                yield found(s.sentence.noun(whole).text, "ObjectUse", tail, s.negated)


@pattern(
    "serves_as",
    1,
    yes={"Abandoned houses serve as shelter for mice.": ("abandoned house", "ObjectUse", "serve as shelter for mice")},
    no=("He serves as a captain.", "Cafes serve coffee."),
)
def serves_as(s: Statement) -> Iterator[Found]:
    """ "X serves as Y"."""
    if s.lemma in ("serve", "act", "function") and not s.past and any(t.lower_ == "as" for t in s.children("prep")):
        for head in s.things:
            for tail in s.predicate("V"):
                yield found(head, "ObjectUse", tail, s.negated)


@pattern(
    "use_to",
    2,
    yes={
        "People use their hands to hold things.": ("hand", "ObjectUse", "hold things"),
        "Use a razor to shave your beard.": ("razor", "ObjectUse", "shave your beard"),
    },
)
def use_to(s: Statement) -> Iterator[Found]:
    """ "People use X to V", "Use X to V"."""
    for verb in (t for t in s.verb.subtree if t.lemma_ == "use" and t.tag_ in ("VB", "VBP", "VBZ", "VBG")):
        tool = next((t for t in verb.children if t.dep_ == "dobj" and t.pos_ in ("NOUN", "PROPN", "VERB")), None)
        aims = [*verb.children, *(tool.children if tool is not None else ())]
        aims = [t for t in aims if t.dep_ in ("xcomp", "advcl", "acl", "relcl") and mark_of(t) == "to"]
        for member in coordinated(tool) if tool is not None and aims else ():
            head = s.sentence.noun(member).text.split(" to ")[0] + _with(s.sentence, verb, member)
            for owner in _OWNERS:
                head = head.removeprefix(owner)
            said_by = () if verb == s.verb else (clause(verb),)
            for tail in s.sentence.verbs(aims[0], "V"):
                yield found(head, "ObjectUse", tail, clauses=said_by)


@pattern(
    "tool_for",
    2,
    yes={
        "Doctors prescribe drugs to prevent diseases.": ("drug", "ObjectUse", "prevent diseases"),
        "Radio stations have microphones to amplify a voice.": ("microphone", "ObjectUse", "amplify a voice"),
    },
    no=("Students have a chance to learn.", "People need plates to eat food."),
    general=True,
)
def tool_for(s: Statement) -> Iterator[Found]:
    """ "Y prescribes (has, wears) X to V": what X is for."""
    if s.lemma not in _GIVES or s.negated or s.past or not s.agents:
        return
    for tool in (t for t in s.children("dobj") if t.pos_ == "NOUN" and is_part(t)):
        aims = [*s.verb.children, *tool.children]
        aims = [t for t in aims if t.dep_ in ("advcl", "acl", "relcl", "xcomp") and mark_of(t) == "to"]
        aims += [p for t in tool.children if t.lower_ == "for" for p in t.children if p.dep_ == "pcomp"]
        for aim in aims:
            head = s.sentence.noun(tool).text.split(" to ")[0].split(" for ")[0]
            for tail in s.sentence.verbs(aim, "V"):
                yield found(head, "ObjectUse", tail)


@pattern(
    "useful_for",
    2,
    yes={
        "Refrigerators are useful for preserving food.": ("refrigerator", "ObjectUse", "preserve food"),
        "A pump is necessary to maintain the flow.": ("pump", "ObjectUse", "maintain the flow"),
    },
    no=("Fruit is good for you.", "It is necessary to sleep.", "Losing weight is necessary to be fit."),
)
def useful_for(s: Statement) -> Iterator[Found]:
    """ "X is useful for V-ing", "X is necessary to V"."""
    state = s.child("acomp")
    if s.lemma != "be" or state is None or state.lower_ not in _USEFUL or s.subject is None:
        return
    if s.subject.tag_ == "VBG" or s.subject.lower_ == "it":
        return
    doing = [p for t in state.children if t.lower_ == "for" for p in t.children if p.dep_ == "pcomp"]
    doing += [t for t in (*state.children, *s.verb.children) if t.dep_ in ("xcomp", "advcl") and mark_of(t) == "to"]
    for tail in (p for t in doing[:1] for p in s.sentence.verbs(t, "V")):
        for head in s.things:
            yield found(head, "ObjectUse", tail, s.negated)


@pattern(
    "tool_of_class",
    2,
    yes={
        "Greeting is a way of showing respect.": ("greeting", "ObjectUse", "show respect"),
        "Refrigerators are devices for cooling food.": ("refrigerator", "ObjectUse", "cool food"),
    },
    no=("Parks are places for children.", "Taking pills is a way to reduce pain."),
)
def tool_of_class(s: Statement) -> Iterator[Found]:
    """ "X is a device for V-ing (to V)"."""
    attribute = s.child("attr")
    if s.lemma != "be" or attribute is None or attribute.lemma_ not in _TOOLS | _WAYS or _is_doing(s):
        return
    links = ("for", "of") if attribute.lemma_ in _WAYS else ("for",)
    doing = [p for t in attribute.children if t.lower_ in links for p in t.children if p.dep_ == "pcomp"]
    doing += [t for t in attribute.children if t.dep_ in ("acl", "relcl") and mark_of(t) == "to"]
    for tail in (p for t in doing for p in s.sentence.verbs(t, "V")):
        for head in s.things:
            yield found(head, "ObjectUse", tail, s.negated)


@pattern(
    "is_where",
    2,
    yes={
        "Linen closets are where people store their sheets.": ("linen closet", "ObjectUse", "store their sheets"),
        "The landfill is where the trash goes.": ("trash", "AtLocation", "landfill"),
        "Barber shops are where men go to cut their hair.": ("barber shop", "ObjectUse", "cut their hair"),
    },
    no=("This is where people sleep.",),
)
def is_where_(s: Statement) -> Iterator[Found]:
    """ "X is where people V"."""
    if s.lemma != "be" or s.child("attr", "acomp") is not None:
        return
    for verb in (t for t in s.children("advcl", "ccomp") if t.i > s.verb.i):
        given = clause(verb)
        subject = given.subject
        if subject is None or not is_where(verb) or verb.lemma_ == "be" or subject.lower_ == "they":
            continue
        anyone = _is_anyone(s.sentence, subject)
        for head in s.things:
            for tail in s.sentence.verbs(_done_there(verb), "V") if anyone else ():
                yield found(head, "ObjectUse", tail, s.negated, (s.main, given))
            if not anyone:
                yield from _what_is_there(s, given, subject, head, "")


@pattern(
    "place_where",
    4,
    yes={
        "Living rooms are places for families to relax.": ("living room", "ObjectUse", "relax"),
        "Libraries are places where information is stored.": ("library", "ObjectUse", "store information"),
        "A hotel is a place where guests stay.": ("hotel", "ObjectUse", "stay"),
        "A gym is a place to exercise.": ("gym", "ObjectUse", "exercise"),
        "A store is a place where you can buy books.": ("store", "ObjectUse", "buy books"),
        "A street is a place where shops are located.": ("shop", "AtLocation", "street"),
    },
)
def place_where(s: Statement) -> Iterator[Found]:
    """ "X is a place where P", "X is a place to V"."""
    attribute = s.child("attr")
    if s.lemma != "be" or attribute is None or attribute.lemma_ not in _SITES:
        return
    for verb in (t for t in attribute.children if t.dep_ in ("relcl", "acl")):
        given = clause(verb)
        anyone = given.subject is not None and _is_anyone(s.sentence, given.subject)
        anyone = anyone and (is_where(verb) or mark_of(verb) == "for")  # "places for families to relax"
        best = any(t.tag_ in ("JJR", "JJS") for t in attribute.children)
        for head in s.things if not best else ():
            if mark_of(verb) == "to" or anyone:
                for tail in s.sentence.verbs(_done_there(verb), "V"):
                    yield found(head, "ObjectUse", tail, s.negated, (s.main, given))
                yield from _what_is_put_there(s, verb)
            elif given.subject is not None and is_where(verb):
                yield from _what_is_there(s, given, given.subject, head, attribute.lemma_)


def _is_doing(s: Statement) -> bool:
    """Whether the subject is an action: a way to do something is no tool."""
    return s.subject is not None and s.subject.tag_ == "VBG"


def _what_is_there(s: Statement, given: Clause, subject: "Token", head: str, kind: str) -> Iterator[Found]:
    """What stands at a place, or is done there: "where shops are located", "where information is stored"."""
    for obj in coordinated(subject):
        name = s.sentence.noun(obj)
        if given.verb.lemma_ in _STANDS:
            place = s.sentence.noun(s.subject) if s.subject is not None else name
            yield Found(name.text, "AtLocation", head, place.start, place.end, s.negated, clauses=(s.main, given))
        elif given.passive and kind != "area":
            goods = obj.lower_ if obj.tag_ == "NNS" else name.text
            end = given.verb.idx + len(given.verb)
            tail = f"{given.verb.lemma_} {goods}"
            yield Found(head, "ObjectUse", tail, name.start, end, s.negated, clauses=(s.main, given))


def _what_is_put_there(s: Statement, verb: "Token") -> Iterator[Found]:
    """ "chairs" of "porches are a common place to put chairs"."""
    goods = [m for t in verb.children if t.dep_ == "dobj" for m in coordinated(t)]
    for name in (thing(s.sentence, t) for t in goods if verb.lemma_ in _PUTS):
        if name and s.subject is not None:
            yield found(name, "AtLocation", s.sentence.noun(s.subject), s.negated)


def _done_there(verb: "Token") -> "Token":
    """ "cut" of "where men go to cut their hair"."""
    aims = [t for t in verb.children if t.dep_ in ("advcl", "xcomp") and mark_of(t) == "to"]
    return aims[0] if verb.lemma_ in ("go", "come") and aims else verb


def _is_anyone(sentence: Sentence, subject: "Token") -> bool:
    return bool(sentence.person(subject)) or is_human(subject) or is_role(subject)


def _uses(sentence: Sentence, verb: "Token", also_for: bool = True) -> Iterator[Phrase]:
    for t in verb.children:
        if t.dep_ in ("xcomp", "advcl") and mark_of(t) == "to" and (also_for or t.lemma_ != "be"):
            yield from sentence.verbs(t, "V")
        elif also_for and t.dep_ == "prep" and t.lower_ == "for":
            for p in t.children:
                if p.dep_ == "pcomp":
                    yield from sentence.verbs(p, "V")
                elif p.dep_ == "pobj" and p.lemma_ not in ("purpose", "thing", "reason", "way"):
                    yield from (sentence.noun(m) for m in coordinated(p) if m.lower_ not in ("etc", "etc."))


def _with(sentence: Sentence, verb: "Token", tool: "Token") -> str:
    """ " with a sensitive setting", when that stands right behind the tool and the parser gave it to the verb."""
    behind = next((t for t in verb.children if t.dep_ == "prep" and t.lower_ == "with" and t.i == tool.i + 1), None)
    noun = next((t for t in behind.children if t.dep_ == "pobj"), None) if behind is not None else None
    return f" with {sentence.noun(noun, plural=True).text}" if noun is not None else ""
