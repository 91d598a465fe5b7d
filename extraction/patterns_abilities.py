"""What things and kinds of agent can do, and what they do in general."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import Clause, base_form, clause, condition, coordinated, mark_of, raised
from extraction.patterns import Found, found, pattern
from extraction.sentences import Sentence
from extraction.who import LIVES, PLACED, agents, described, places
from extraction.words import word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_NO_ABILITY = word_set(
    "have be cause lead result need require want like love mean include contain consist refer suggest "
    "indicate signify desire enjoy prefer seem appear become comprise depend prevent hinder obstruct belong "
    "differ come tend say feel hate dislike lie sit exist involve"
)
_NO_SKILL = word_set("be cause lead prevent have want like love contain include consist result need feel")


def _makes_do(verb: "Token") -> bool:
    """ "makes people feel": a cause and no ability."""
    return verb.lemma_ == "make" and any(t.dep_ == "ccomp" for t in verb.children)


@pattern(
    "able",
    1,
    yes={
        "Dentists are able to clean teeth.": ("dentist", "CapableOf", "clean teeth"),
        "A judge is capable of sending someone to prison.": ("judge", "CapableOf", "send someone to prison"),
        "Viruses are unable to reproduce alone.": ("virus", "CapableOf", "reproduce alone"),
    },
)
def able(sentence: Sentence) -> Iterator[Found]:
    """ "X is able to V", "X is capable of V-ing"."""
    for main in sentence.clauses:
        state = main.child("acomp")
        if main.verb.lemma_ != "be" or state is None or state.lower_ not in ("able", "unable", "capable", "incapable"):
            continue
        verbs = [t for t in state.children if t.dep_ == "xcomp"]
        verbs += [p for t in state.children if t.dep_ == "prep" for p in t.children if p.dep_ == "pcomp"]
        negated = main.negated or state.lower_ in ("unable", "incapable")
        for head in agents(sentence, main):
            for verb in verbs:
                for tail in sentence.verbs(verb, "V"):
                    yield found(head, "CapableOf", tail, negated)


@pattern(
    "can",
    2,
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
    },
    no=("She can swim.", "Friends can be deceitful."),
)
def can(sentence: Sentence) -> Iterator[Found]:
    """ "X can V"."""
    for main in sentence.clauses:
        if _makes_do(main.verb):
            continue
        if not main.modals & {"can", "could", "may", "might"} or main.verb.lemma_ in _NO_SKILL:
            continue
        if main.verb.lemma_ == "do" and main.child("dobj") is None:
            continue
        if (main.passive and main.verb.lemma_ in PLACED | {"use", "cause", "hinder", "obstruct"}) or condition(
            main
        ) is not None:
            continue
        for head in agents(sentence, main) or _who_can(sentence, main):
            for tail in sentence.predicate(main.verb, "V"):
                yield found(head, "CapableOf", tail, main.negated)


def _who_can(sentence: Sentence, main: Clause) -> list[str]:
    """ "person who V-s": which persons can do something."""
    subject = main.subject
    if subject is None or sentence.context.event or subject.lemma_.lower() not in ("person", "people", "individual"):
        return []
    if not any(t.dep_ in ("relcl", "acl") for t in subject.children) or "can" not in main.modals:
        return []
    return [sentence.noun(subject).text.replace("people ", "person ", 1)]


@pattern(
    "will",
    2,
    yes={
        "An old dog is likely to bite people.": ("old dog", "CapableOf", "bite people"),
        "Farmers will typically preserve their food.": ("farmer", "CapableOf", "preserve their food"),
        "Cats tend to sleep all day.": ("cat", "CapableOf", "sleep all day"),
    },
    no=("She will swim.", "Cars need to be washed."),
)
def will(sentence: Sentence) -> Iterator[Found]:
    """ "X will V", "X is likely to V", "X tends to V"."""
    for main in sentence.clauses:
        verb = raised(main)
        if verb is main.verb and not main.modals & {"will", "would"}:
            continue
        if verb.pos_ != "VERB" or verb.lemma_ in _NO_ABILITY or clause(verb).passive or condition(main) is not None:
            continue
        if (verb.lemma_ in LIVES and places(verb)) or _makes_do(verb):
            continue
        if main.subject is not None and described(main.subject) is not None:
            continue
        for head in agents(sentence, main):
            for tail in sentence.predicate(verb, "V"):
                yield found(head, "CapableOf", tail, main.negated)


@pattern(
    "habit",
    2,
    yes={
        "Birds fly.": ("bird", "CapableOf", "fly"),
        "The sun shines through the window.": ("sun", "CapableOf", "shine through the window"),
    },
    no=("Birds flew.", "He swims.", "Guitars have strings."),
)
def habit(sentence: Sentence) -> Iterator[Found]:
    """ "Birds fly": what a kind of agent or thing does in general."""
    for main in sentence.clauses:
        verb = main.verb
        if (
            verb.pos_ != "VERB"
            or verb.lemma_ in _NO_ABILITY
            or (verb.lemma_ == "do" and main.child("dobj") is None)
            or main.passive
            or main.modals
            or raised(main) is not verb
            or condition(main) is not None
        ):
            continue
        finite = (
            verb.tag_ in ("VBP", "VBZ")
            or (verb.tag_ == "VBD" and not main.past)
            or (verb.tag_ == "VB" and verb.dep_ == "conj")
            or any(t.lower_ in ("do", "does") for t in main.auxiliaries)
        )
        if (
            not finite
            or main.past
            or main.child("ccomp") is not None
            or (verb.lemma_ == "get" and main.child("acomp") is not None)
        ):
            continue
        aims = any(t.dep_ in ("advcl", "xcomp") and mark_of(t) == "to" for t in verb.children)
        if (aims and (verb.lemma_ == "use" or sentence.person(main.subject or verb))) or (
            verb.lemma_ in LIVES and places(verb)
        ):
            continue
        for head in agents(sentence, main):
            for tail in sentence.predicate(verb, "V"):
                yield found(head, "CapableOf", tail, main.negated)


@pattern(
    "but_not",
    1,
    yes={
        "Road signs in Ireland use kilometers, not miles.": ("road sign in ireland", "CapableOf", "use miles"),
        "Shops sell things, but not food.": ("shop", "CapableOf", "sell food"),
    },
    no=("Shops sell things and food.",),
)
def but_not(sentence: Sentence) -> Iterator[Found]:
    """ "X V-s Y, not Z": what X does not do."""
    for main in sentence.clauses:
        if main.past or main.verb.lemma_ in _NO_ABILITY or main.verb.pos_ != "VERB":
            continue
        for obj in (t for t in main.verb.children if t.dep_ == "dobj"):
            others = [t for t in obj.children if t.dep_ in ("appos", "conj") and _is_excluded(t)]
            others += [t for t in main.verb.children if t.dep_ == "conj" and t.pos_ == "NOUN" and _is_excluded(t)]
            for other in (m for first in others for m in coordinated(first)):
                name = sentence.noun(other, plural=True)
                for head in agents(sentence, main):
                    tail = f"{base_form(main.verb)} {name.text.removeprefix('not ')}"
                    yield Found(head, "CapableOf", tail, name.start, name.end, True)


def _is_excluded(t: "Token") -> bool:
    first = t.left_edge
    return first.lower_ == "not" or (first.i > 0 and first.nbor(-1).lower_ == "not")


@pattern(
    "class_that_acts",
    2,
    yes={
        "A preface is a part of a book that explains its purpose.": ("preface", "CapableOf", "explain its purpose"),
        "A shop is a place that sells things.": ("shop", "CapableOf", "sell things"),
    },
    no=("A weasel is a mammal that is small.",),
)
def class_that_acts(sentence: Sentence) -> Iterator[Found]:
    """ "X is a Y that V-s": what the class does, X does."""
    for main in sentence.clauses:
        attribute = main.child("attr")
        if main.verb.lemma_ != "be" or attribute is None or main.negated:
            continue
        for verb in (
            t
            for t in attribute.subtree
            if t.dep_ == "relcl"
            and t.tag_ in ("VBZ", "VBP")
            and t.lemma_ not in _NO_ABILITY | {"lay", "live", "reside"}
        ):
            if verb.head != attribute and attribute.lemma_ not in (
                "part",
                "kind",
                "type",
                "form",
                "piece",
                "component",
            ):
                continue
            inner = clause(verb)
            if any(t.dep_ == "dobj" and t.lower_ in ("place", "part") for t in verb.children):
                continue
            if (
                inner.subject is None
                or inner.subject.lower_ not in ("that", "who", "which")
                or inner.passive
                or inner.modals
            ):
                continue
            for head in agents(sentence, main):
                for tail in sentence.verbs(verb, "V"):
                    yield found(head, "CapableOf", tail, inner.negated)
