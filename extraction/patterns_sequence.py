"""What comes before what, and what the steps of an action are."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from extraction.grammar import clause, mark_of
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase
from extraction.statements import Statement

if TYPE_CHECKING:
    from spacy.tokens import Token

_LISTED = re.compile(
    r"(?:in (?:this|the following) order|(?:process|steps?|stages?)[^:,;]*?(?: is| are)?)\s?(?::|,| -)\s"
)
_SPLIT = re.compile(r"\s*(?:,\s*and then|,\s*then|,\s*and|;|,|\band then\b|\bthen\b)\s+")
_PROCESS = re.compile(r"(?:process|steps?|stages?) (?:of|to|in|for) (\w+)")


@pattern(
    "before_or_after",
    1,
    yes={
        "You go to the pub before going to the bar.": (
            "PersonX goes to the pub",
            "isBefore",
            "PersonX goes to the bar",
        ),
        "The money is counted before the bank closes.": ("money is counted", "isBefore", "bank closes"),
        "One should give thanks after receiving a gift.": (
            "PersonX receives a gift",
            "isBefore",
            "PersonX gives thanks",
        ),
    },
    no=(
        "He slept after eating.",
        "People feel good after running.",
        "You must shop before you eat.",
        "The seahorse carries the eggs before they hatch.",
    ),
)
def before_or_after(s: Statement) -> Iterator[Found]:
    """ "P before Q", "P after V-ing": two events in their order."""
    if s.subject is None or s.past or s.feelings or s.lemma == "be" or s.modals & {"must", "can", "could"}:
        return
    if not (s.passive or s.sentence.person(s.subject)):
        return
    for word in s.children("prep", "advcl"):
        when = word.lower_ if word.dep_ == "prep" else mark_of(word)
        if when not in ("before", "after") or word.i < s.verb.i:
            continue
        if (when == "after" and "should" not in s.modals) or (word.dep_ == "advcl") != s.passive:
            continue  # what comes after of itself is an effect
        other, told = _other(s, word), _plain_event(s)
        if other is None or told is None or other.text.startswith(("it ", "they ", "this ")):
            continue
        first, second = (told, other) if when == "before" else (other, told)
        yield found(first.text, "isBefore", second)


@pattern(
    "and_then",
    1,
    yes={
        "The clothes are washed and then dried.": ("clothes are washed", "isBefore", "clothes are dried"),
        "You mix the flour and then bake the cake.": ("PersonX mixes the flour", "isBefore", "PersonX bakes the cake"),
    },
    no=("He ate and then slept.", "Cats eat and sleep."),
)
def and_then(s: Statement) -> Iterator[Found]:
    """ "P and then Q": two events of one subject."""
    verb = s.main.finite
    if s.subject is None or (s.past and verb.tag_ != "VBD") or s.condition is not None:
        return
    if verb.dep_ != "conj" or verb.head.pos_ not in ("VERB", "AUX"):
        return
    if not any(t.lower_ in ("then", "finally", "afterwards") and t.i < verb.i for t in verb.children):
        return
    before = clause(verb.head)
    first, second = s.sentence.event(before), s.sentence.event(s.main)
    if before.past or (verb.tag_ == "VBD" and not before.passive) or first is None or second is None:
        return
    subject, _, did = first.text.partition(" is ") if " is " in first.text else first.text.partition(" are ")
    if did and verb.tag_ in ("VBN", "VBD") and not s.passive:
        be = "is" if f"{subject} is " in first.text else "are"
        second = Phrase(f"{subject} {be} {s.sentence.gerund(verb).text.removeprefix('then ')}", verb.idx, second.end)
    yield found(first.text.split(" and then ")[0], "isBefore", second)


@pattern(
    "listed_steps",
    1,
    yes={
        "Laundry is done in this order: wash clothes, empty pockets, iron, fold.": (
            "wash clothes",
            "isBefore",
            "empty pockets",
        ),
        "The process of making wings is: bake the wings, toss them in sauce, and remove the bones.": (
            "making wings",
            "HasSubEvent",
            "bake the wings",
        ),
    },
    no=("The process is slow, but it works.", "Words are sorted in this order."),
)
def listed_steps(s: Statement) -> Iterator[Found]:
    """ "V-ing is done in this order: A, B, C": the steps of an action, one before the other."""
    text, base = s.sentence.text, s.sentence.span.start_char
    if s.subject is None or s.main is not s.sentence.clauses[0] or not (":" in text or "order" in text):
        return
    match = _LISTED.search(text)
    if match is None or (":" not in match[0] and "order" not in match[0]) or s.subject.idx - base > match.end():
        return
    steps = list(_steps(text, match.end(), base))
    if len(steps) < 2:
        return
    head = _activity(s, text[: match.end()])
    for step in steps if head else ():
        yield found(head, "HasSubEvent", step)
    for first, second in pairwise(steps):
        yield found(first.text, "isBefore", second)


def _other(s: Statement, word: "Token") -> Phrase | None:
    """The event of "before going to the bar" or "before a play starts"."""
    if word.dep_ == "advcl":
        inner = clause(word)
        return s.sentence.event(inner) if inner.subject is not None else _doing(s, word)
    verb = next((t for t in word.children if t.dep_ == "pcomp"), None)
    return _doing(s, verb) if verb is not None else None


def _doing(s: Statement, verb: "Token") -> Phrase | None:
    """The event of a verb without a subject, which the subject of the statement does."""
    if verb.tag_ != "VBG" or s.subject is None:
        return None
    who = s.sentence.person(s.subject) or s.sentence.subject_text(s.subject)
    plural = not s.sentence.person(s.subject) and s.subject.tag_ in ("NNS", "NNPS")
    phrases = s.sentence.predicate(verb, "plural" if plural else "V-s", person=bool(s.sentence.person(s.subject)))
    return next((Phrase(f"{who} {p.text}", p.start, p.end) for p in phrases), None)


def _plain_event(s: Statement) -> Phrase | None:
    """The statement as an event without what it comes before or after."""
    told = s.told
    if told is None:
        return None
    for cut in (" before ", " after "):
        told = Phrase(told.text.split(cut)[0], told.start, told.end)
    return told


def _steps(text: str, at: int, base: int) -> Iterator[Phrase]:
    end = len(text.rstrip(" .\n"))
    for match in (*_SPLIT.finditer(text, at, end), None):
        stop = match.start() if match is not None else end
        step = text[at:stop].strip()
        if step:
            yield Phrase(step[:1].lower() + step[1:], base + at, base + stop)
        at = match.end() if match is not None else end


def _activity(s: Statement, lead: str) -> str:
    """What the steps are of: "moving a box" of "moving a box is done in this order"."""
    subject = s.subject
    if subject is None or subject.lemma_ in ("order", "step", "sequence"):
        return ""
    if _PROCESS.search(lead):
        doing = [p for t in subject.children if t.dep_ == "prep" for p in t.children if p.dep_ in ("pcomp", "pobj")]
        return s.sentence.gerund(doing[0]).text if doing else ""
    return s.deed or next(iter(s.things), "")
