"""What things and kinds of agent can do, and what they do in general."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import base_form, coordinated, mark_of
from extraction.nouns import LIVES, PLACED, described, places
from extraction.patterns import Found, found, pattern
from extraction.statements import Statement
from extraction.words import word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_NO_ABILITY = word_set(
    "have be cause lead result need require want like love mean include contain consist refer suggest "
    "signify desire enjoy prefer seem appear become comprise depend prevent hinder obstruct belong "
    "differ come tend say feel hate dislike lie sit exist involve begin start end share "
    "represent star"
)
_NO_SKILL = word_set(
    "be cause lead prevent have want like love contain include consist result need feel refer "
    "mean seem"
)


@pattern(
    "can",
    4,
    yes={
        "A person can use a block of time.": ("person", "CapableOf", "use a block of time"),
        "A person who avoids greens can take supplements.": (
            "person who avoids greens",
            "CapableOf",
            "take supplements",
        ),
        "Cats can get lost.": ("cat", "CapableOf", "get lost"),
        "A camera can use film or digital media.": ("camera", "CapableOf", "use film"),
        "A virus cannot execute its infection stick.": ("virus", "CapableOf", "execute its infection stick"),
        "Dentists are able to clean teeth.": ("dentist", "CapableOf", "clean teeth"),
        "A judge is capable of sending someone to prison.": ("judge", "CapableOf", "send someone to prison"),
        "Viruses are unable to reproduce alone.": ("virus", "CapableOf", "reproduce alone"),
    },
    no=("She can swim.", "Friends can be deceitful.", "The person may suffocate."),
    general=True,
)
def can(s: Statement) -> Iterator[Found]:
    """ "X can V", "X is able to V", "X is capable of V-ing"."""
    if not s.may_be or s.lemma in _NO_SKILL or _makes_do(s.verb) or _does_so(s) or s.condition is not None:
        return
    barred = s.main.inherited or s.lemma in PLACED | {"use", "cause", "hinder", "obstruct"}
    if s.passive and ("can" not in s.modals or barred):
        return
    for head in s.agents or (s.which_persons if "can" in s.modals else []):
        for tail in s.predicate("V"):
            yield found(head, "CapableOf", tail, s.negated)


@pattern(
    "will",
    4,
    yes={
        "An old dog is likely to bite people.": ("old dog", "CapableOf", "bite people"),
        "Farmers will typically preserve their food.": ("farmer", "CapableOf", "preserve their food"),
        "Cats tend to sleep all day.": ("cat", "CapableOf", "sleep all day"),
    },
    no=("She will swim.", "Cars need to be washed.", "The air would then cool."),
    general=True,
)
def will(s: Statement) -> Iterator[Found]:
    """ "X will V", "X is likely to V", "X tends to V"."""
    if "would" in s.modals or (s.verb is s.main.finite and "will" not in s.modals):
        return
    if s.verb.pos_ != "VERB" or s.may_be or s.lemma in _NO_ABILITY or s.passive or s.condition is not None:
        return
    if (s.lemma in LIVES and places(s.verb)) or _makes_do(s.verb) or _follows(s):
        return
    if s.subject is not None and described(s.subject) is not None:
        return
    for head in s.agents:
        for tail in s.predicate("V"):
            yield found(head, "CapableOf", tail, s.negated)


@pattern(
    "habit",
    5,
    yes={
        "A fuel pump is what pushes the gas.": ("fuel pump", "CapableOf", "push the gas"),
        "Birds fly.": ("bird", "CapableOf", "fly"),
        "The sun shines through the window.": ("sun", "CapableOf", "shine through the window"),
        "A preface is a part of a book that explains its purpose.": ("preface", "CapableOf", "explain its purpose"),
        "A shop is a place that sells things.": ("shop", "CapableOf", "sell things"),
        "A jury is a group of people who judge a person.": ("jury", "CapableOf", "judge a person"),
    },
    no=("Birds flew.", "He swims.", "Guitars have strings.", "A weasel is a mammal that is small."),
    general=True,
)
def habit(s: Statement) -> Iterator[Found]:
    """ "Birds fly": what a kind of agent or thing does in general."""
    verb = s.verb
    if verb.pos_ != "VERB" or s.lemma in _NO_ABILITY or s.passive or s.modals or verb is not s.main.finite:
        return
    if not _is_present(s) or s.condition is not None or _does_so(s) or _says(s):
        return
    if (s.lemma == "get" and s.child("acomp") is not None) or (s.lemma in LIVES and places(verb)):
        return
    aims = any(mark_of(t) == "to" for t in s.children("advcl", "xcomp"))
    if aims and (s.lemma == "use" or s.person):
        return
    for head in s.agents:
        for tail in s.predicate("V"):
            yield found(head, "CapableOf", tail, s.negated)


@pattern(
    "but_not",
    1,
    yes={
        "Road signs in Ireland use kilometers, not miles.": ("road sign in ireland", "CapableOf", "use miles"),
        "Shops sell things, but not food.": ("shop", "CapableOf", "sell food"),
    },
    no=("Shops sell things and food.",),
    general=True,
)
def but_not(s: Statement) -> Iterator[Found]:
    """ "X V-s Y, not Z": what X does not do."""
    if s.past or s.lemma in _NO_ABILITY or s.verb.pos_ != "VERB":
        return
    for obj in s.children("dobj"):
        others = [t for t in obj.children if t.dep_ in ("appos", "conj") and _is_excluded(t)]
        others += [t for t in s.children("conj") if t.pos_ == "NOUN" and _is_excluded(t)]
        for other in (m for first in others for m in coordinated(first)):
            name = s.sentence.noun(other, plural=True)
            for head in s.agents:
                tail = f"{base_form(s.verb)} {name.text.removeprefix('not ')}"
                yield Found(head, "CapableOf", tail, name.start, name.end, True)


def _makes_do(verb: "Token") -> bool:
    """ "makes people feel": a cause and no ability. "makes the air cleaner" is one."""
    return verb.lemma_ == "make" and any(t.dep_ == "ccomp" and t.pos_ == "VERB" for t in verb.children)


def _does_so(s: Statement) -> bool:
    """ "do" alone, which stands for another verb."""
    return s.lemma == "do" and s.child("dobj") is None


def _says(s: Statement) -> bool:
    """ "says that P", "makes people P"."""
    inner = s.child("ccomp")
    return inner is not None and not (s.lemma == "make" and inner.pos_ == "ADJ" and s.child("nsubj") is not None)


def _follows(s: Statement) -> bool:
    """ "would then V": a consequence of what was told before."""
    return "would" in s.modals and any(t.lower_ == "then" for t in s.children("advmod"))


def _is_present(s: Statement) -> bool:
    verb = s.verb
    joined = verb.tag_ == "VB" and verb.dep_ == "conj"
    present = verb.tag_ in ("VBP", "VBZ") or (verb.tag_ == "VBD" and not s.past)
    return not s.past and (joined or present or any(t.lower_ in ("do", "does") for t in s.main.auxiliaries))


def _is_excluded(t: "Token") -> bool:
    first = t.left_edge
    return first.lower_ == "not" or (first.i > 0 and first.nbor(-1).lower_ == "not")
