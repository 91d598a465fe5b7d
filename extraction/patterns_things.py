"""What things are: their classes, their properties, and what is usually done to them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import clause, condition, coordinated, is_where, mark_of
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase, Sentence
from extraction.who import MADE, MADE_FOR, PLACED, is_described, is_part, places, states
from extraction.words import NO_STATE

if TYPE_CHECKING:
    from spacy.tokens import Token

_KINDS = frozenset({"type", "kind", "form", "sort", "example"})
_NO_PROPERTY = frozenset(
    {
        "use",
        "need",
        "require",
        "cause",
        "call",
        "name",
        "know",
        "publish",
        "release",
        "found",
        "bear",
        "write",
        "derive",
        "prevent",
        "hinder",
        "obstruct",
        "say",
        "ask",
        "suggest",
        "consider",
        "mention",
        "describe",
        "refer",
        "introduce",
    }
)
_NO_CLASS = frozenset(
    {
        "answer",
        "question",
        "option",
        "choice",
        "statement",
        "reason",
        "result",
        "cause",
        "part",
        "component",
        "member",
        "number",
    }
)


@pattern(
    "is",
    1,
    yes={
        "A weasel is a small mammal.": ("weasel", "HasProperty", "small mammal"),
        "Friends can be deceitful.": ("friend", "HasProperty", "deceitful"),
        "An activity is a type of action.": ("activity", "HasProperty", "action"),
        "Ice is not warm.": ("ice", "HasProperty", "warm"),
    },
    no=("The answer is a tribe.", "She is tall."),
)
def is_(sentence: Sentence) -> Iterator[Found]:
    """ "X is a Y", "X is ADJ": class and property."""
    for main in sentence.clauses:
        if main.verb.lemma_ != "be" or condition(main) is not None or "should" in main.modals:
            continue
        heads = states(sentence, main)
        for state in (t for t in main.verb.children if t.dep_ in ("attr", "acomp") and t.i > main.verb.i):
            if main.subject is not None and _is_inverted(main.subject, state):
                yield found(sentence.noun(state).text, "HasProperty", sentence.noun(main.subject), main.negated)
                continue
            for tail in _properties(sentence, state):
                for head in heads:
                    yield found(head, "HasProperty", tail, main.negated)


@pattern(
    "passive",
    1,
    yes={
        "Restaurants are usually run by people from that country.": (
            "restaurant",
            "HasProperty",
            "run by people from that country",
        ),
    },
    no=("Hammers are used to drive nails.", "The book was published in 1990."),
)
def passive(sentence: Sentence) -> Iterator[Found]:
    """ "X is V-ed": what is usually done to a thing."""
    for main in sentence.clauses:
        if not main.passive or main.past or main.verb.lemma_ in _NO_PROPERTY | MADE or condition(main) is not None:
            continue
        if main.verb.lemma_ in PLACED and places(main.verb):
            continue
        if main.verb.lemma_ in MADE_FOR and any(
            t.dep_ in ("xcomp", "advcl") and mark_of(t) == "to" and t.lemma_ != "be" for t in main.verb.children
        ):
            continue
        if main.modals & {"should", "must", "will", "would", "can", "could", "may", "might"}:
            continue
        for head in states(sentence, main):
            for tail in sentence.predicate(main.verb, "V"):
                yield found(head, "HasProperty", _after_be(tail), main.negated)


@pattern(
    "likely_passive",
    1,
    yes={
        "Products bought in excess are likely to be wasted.": ("product bought in excess", "HasProperty", "wasted"),
    },
)
def likely_passive(sentence: Sentence) -> Iterator[Found]:
    """ "X is likely to be V-ed / ADJ"."""
    for main in sentence.clauses:
        state = main.child("acomp")
        if main.verb.lemma_ != "be" or state is None or state.lower_ != "likely":
            continue
        aim = next((t for t in state.children if t.dep_ == "xcomp"), None)
        if aim is None or not (aim.lemma_ == "be" or clause(aim).passive) or is_described(main):
            continue
        if aim.lemma_ in PLACED and places(aim):
            continue
        for head in states(sentence, main):
            for tail in sentence.verbs(aim, "V"):
                yield found(head, "HasProperty", _after_be(tail), main.negated)


@pattern(
    "has_trait",
    1,
    yes={
        "The electron has a charge.": ("electron", "HasProperty", "charge"),
    },
    no=("Guitars have strings.",),
)
def has_trait(sentence: Sentence) -> Iterator[Found]:
    """ "X has Y" where Y is no part but a trait."""
    for main in sentence.clauses:
        if main.verb.lemma_ not in ("have", "contain") or main.past or condition(main) is not None:
            continue
        for trait in (t for t in main.verb.children if t.dep_ == "dobj" and not is_part(t) and t.pos_ == "NOUN"):
            for head in states(sentence, main):
                yield found(head, "HasProperty", sentence.noun(trait), main.negated)


def _properties(sentence: Sentence, state: "Token") -> Iterator[Phrase]:
    """The classes or properties that a complement says.

    Nouns without articles of their own are one class: "area or space".
    """
    joined = coordinated(state)
    if state.pos_ == "NOUN" and not all(any(t.dep_ == "det" for t in m.children) for m in joined):
        joined = [state]
    for member in joined:
        if _says_property(member, state):
            kind = _class(member)
            yield sentence.noun(kind, whole=len(joined) == 1 and kind.tag_ == "NN" and kind.pos_ == "NOUN")


def _is_inverted(subject: "Token", state: "Token") -> bool:
    """ "A fruit that is easily peeled is an orange": the class comes first."""
    bare = all(t.dep_ == "det" for t in state.children) and state.pos_ == "NOUN"
    return (
        bare
        and any(t.dep_ == "relcl" for t in subject.children)
        and any(t.lower_ in ("a", "an") for t in subject.children)
    )


def _says_property(member: "Token", state: "Token") -> bool:
    lemma = member.lemma_.lower()
    if member.lower_ in NO_STATE or lemma in _NO_CLASS:
        return False
    if member.pos_ == "ADJ" and any(t.dep_ == "det" and t.lower_ == "the" for t in member.children):
        return False
    if lemma in ("place", "building", "area", "location", "way", "method") and any(
        t.dep_ in ("relcl", "acl") and is_where(t) for t in member.children
    ):
        return False
    return member.pos_ in ("NOUN", "ADJ", "PROPN", "NUM", "VERB") or member == state


def _class(member: "Token") -> "Token":
    """ "action" of "a type of action"."""
    if member.lemma_ in _KINDS:
        for p in (
            p for t in member.children if t.dep_ == "prep" and t.lower_ == "of" for p in t.children if p.dep_ == "pobj"
        ):
            return p
    return member


def _after_be(phrase: Phrase) -> Phrase:
    """ "run by people" of "be run by people"."""
    for word in ("be ", "get "):
        if phrase.text.startswith(word):
            return Phrase(phrase.text.removeprefix(word), phrase.start, phrase.end)
    return phrase
