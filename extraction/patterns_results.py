"""What comes of an action for the person who does it: "V-ing makes you ADJ", "V-ing gives you N"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import clause, coordinated
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase
from extraction.statements import Statement, feelings_of
from extraction.words import FEELING_NOUNS, FEELINGS

if TYPE_CHECKING:
    from spacy.tokens import Token

_MAKES = frozenset({"make", "cause", "help", "let", "allow", "enable", "get", "lead", "force", "leave"})
_GIVES = frozenset({"give", "bring", "earn", "provide", "offer", "teach", "gain"})


@pattern(
    "makes_one",
    1,
    yes={
        "Eating too much food causes one to gain weight.": ("PersonX eats too much food", "xEffect", "gains weight"),
        "Spending all your money will make you poor.": (
            "PersonX spends all PersonX's money",
            "xEffect",
            "becomes poor",
        ),
        "Running makes you stronger.": ("PersonX runs", "xEffect", "becomes stronger"),
    },
    no=("Heat makes metal expand.", "Running makes you tired.", "Beer makes you fat.", "Running makes noise."),
)
def makes_one(s: Statement) -> Iterator[Found]:
    """ "V-ing makes you ADJ", "V-ing causes you to V": what an action does to the person who does it."""
    if s.lemma not in _MAKES or not s.deed or s.condition is not None or s.past or s.passive:
        return
    inner = _made_of_person(s)
    if inner is None or inner.lemma_ == "feel" or inner.lower_ in FEELINGS:
        return
    if any(True for _ in feelings_of(s.sentence, clause(inner))):
        return
    head = s.sentence.context.event or s.deed
    for tail in _becomes(s, inner) if inner.pos_ in ("ADJ", "NOUN") else _does(s, inner):
        yield found(head, "xEffect", tail, s.negated)


@pattern(
    "gives_one",
    1,
    yes={
        "Reading a newspaper gives you knowledge about current events.": (
            "PersonX reads a newspaper",
            "xEffect",
            "gains knowledge about current events",
        ),
    },
    no=("Helping others gives you joy.", "Cows give us milk."),
)
def gives_one(s: Statement) -> Iterator[Found]:
    """ "V-ing gives you N": what a person gains by an action."""
    if s.lemma not in _GIVES or not s.deed or s.condition is not None or s.past or s.passive:
        return
    receiver = s.child("dative")
    if receiver is None or not s.sentence.person(receiver):
        return
    head = s.sentence.context.event or s.deed
    for obj in (m for t in s.children("dobj") for m in coordinated(t) if m.lemma_.lower() not in FEELING_NOUNS):
        gift = s.sentence.noun(obj, plural=True)
        yield Found(head, "xEffect", f"gains {gift.text}", gift.start, gift.end, s.negated)


def _made_of_person(s: Statement) -> "Token | None":
    """The predicate that the verb brings about for a person: "stronger" of "makes you stronger"."""
    for inner in (t for t in s.children("ccomp", "xcomp") if t.i > s.verb.i):
        subject = clause(inner).subject
        if subject is not None and subject.i > s.verb.i and s.sentence.person(subject):
            return inner
    for obj in s.children("dobj"):  # "causes one to gain weight", where the parser takes it for a relative clause
        if s.sentence.person(obj):
            return next((t for t in obj.children if t.dep_ in ("relcl", "acl") and t.tag_ == "VB"), None)
    return None


def _becomes(s: Statement, state: "Token") -> Iterator[Phrase]:
    for member in coordinated(state):
        told = s.sentence.noun(member)
        yield Phrase(f"becomes {told.text}", told.start, told.end)


def _does(s: Statement, verb: "Token") -> list[Phrase]:
    return s.sentence.verbs(verb, "V-s", person=True)
