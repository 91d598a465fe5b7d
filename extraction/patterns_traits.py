"""What things are: what is usually done to them, how they are seen, and what they have."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import core, is_aside, mark_of
from extraction.nouns import MADE, MADE_FOR, PLACED, denies, is_part, is_passive, places
from extraction.patterns import Found, found, pattern
from extraction.sentences import after_be
from extraction.statements import Statement
from extraction.words import NO_STATE, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_NO_PROPERTY = word_set(
    "use require cause call name know publish release found bear derive prevent hinder obstruct "
    "say ask suggest consider mention describe refer introduce interpret do define show "
    "separate divide fill"
)
_SEEMS = word_set("seem appear look smell taste sound")
_OPINIONS = word_set(
    "important natural impossible easier common reasonable plausible logical interesting safe clear best better good"
)
_REGARD = word_set("consider deem regard view see")


@pattern(
    "passive",
    5,
    yes={
        "Rap is a kind of hip-hop music, which is performed by an artist.": (
            "hip-hop music",
            "HasProperty",
            "performed by an artist",
        ),
        "Presents are given to people on their birthdays.": (
            "present",
            "HasProperty",
            "given to people on their birthdays",
        ),
        "Restaurants are usually run by people from that country.": (
            "restaurant",
            "HasProperty",
            "run by people from that country",
        ),
        "Products bought in excess are likely to be wasted.": ("product bought in excess", "HasProperty", "wasted"),
    },
    no=("Hammers are used to drive nails.", "The book was published in 1990.", "Pets are kept to guard homes."),
    general=True,
)
def passive(s: Statement) -> Iterator[Found]:
    """ "X is V-ed": what is usually done to a thing."""
    if not s.passive or s.main.inherited or s.lemma in _NO_PROPERTY | MADE or s.condition is not None:
        return
    if (s.main.finite.dep_ == "relcl" and not is_aside(s.main.finite)) or _is_process(s):
        return
    if s.modals & {"should", "must", "will", "would", "can", "could", "may", "might"}:
        return
    if (s.lemma in PLACED and places(s.verb)) or (s.lemma in MADE_FOR | {"keep", "need"} and _has_use(s)):
        return
    for head in s.states:
        for tail in s.predicate("V"):
            if tail.text.startswith(("be ", "get ")) and not tail.text.endswith(
                (" at", " in", " on", " to", " by", " from")
            ):
                yield found(head, "HasProperty", after_be(tail), s.negated)


@pattern(
    "considered",
    1,
    yes={
        "Good grades are often considered evidence of work.": ("good grade", "HasProperty", "evidence of work"),
        "Gold is regarded as precious.": ("gold", "HasProperty", "precious"),
        "People who lose are seen as failures.": ("PersonX loses", "xAttr", "failure"),
    },
)
def considered(s: Statement) -> Iterator[Found]:
    """ "X is considered Y", "X is regarded as Y"."""
    if not s.passive or s.past or s.lemma not in _REGARD or s.main.inherited:
        return
    through = [t for word in s.children("prep") if word.lower_ == "as" for t in word.children]
    for state in (t for t in [*s.children("oprd", "attr", "dobj"), *through] if t.pos_ in ("NOUN", "ADJ", "VERB")):
        for head in s.states:
            yield found(head, "HasProperty", s.sentence.kind(state), s.negated)
        if s.person and s.event:
            yield found(s.event, "xAttr", s.sentence.noun(state), s.negated)


@pattern(
    "seems",
    1,
    yes={
        "Space appears black.": ("space", "HasProperty", "black"),
        "Coins look like buttons.": ("coin", "HasProperty", "look like buttons"),
    },
    no=("He looks tired.", "It seems that it rains."),
)
def seems(s: Statement) -> Iterator[Found]:
    """ "X seems (looks, tastes) ADJ", "X looks like Y"."""
    if s.lemma not in _SEEMS or s.past or s.main.inherited or s.modals - {"can"}:
        return
    for state in (t for t in s.children("acomp", "oprd") if t.i > s.verb.i and t.pos_ in ("ADJ", "VERB")):
        for tail in s.sentence.complements(state):
            for head in s.states:
                yield found(head, "HasProperty", tail, s.negated)
    if any(t.lower_ == "like" and t.i > s.verb.i for t in s.children("prep")):
        for head in s.states:
            for tail in s.predicate("V"):
                yield found(head, "HasProperty", tail, s.negated)


@pattern(
    "known_for",
    1,
    yes={"Elephants are known for being playful.": ("elephant", "HasProperty", "playful")},
    no=("Paris is known for its art.",),
)
def known_for(s: Statement) -> Iterator[Found]:
    """ "X is known for being Y"."""
    if not s.passive or s.past or s.lemma != "know":
        return
    for being in (p for t in s.children("prep") if t.lower_ == "for" for p in t.children if p.dep_ == "pcomp"):
        for state in (t for t in being.children if being.lemma_ == "be" and t.dep_ in ("acomp", "attr")):
            for tail in s.sentence.complements(state):
                for head in s.states:
                    yield found(head, "HasProperty", tail, s.negated)


@pattern(
    "it_is_to",
    2,
    yes={"It is illegal to buy alcohol for minors.": ("buy alcohol for minors", "HasProperty", "illegal")},
    no=("It is likely to rain.", "It is possible to say this."),
)
def it_is_to(s: Statement) -> Iterator[Found]:
    """ "It is ADJ to V"."""
    state = s.child("acomp")
    if s.lemma != "be" or s.past or state is None or state.lower_ in NO_STATE | _OPINIONS:
        return
    if s.modals or s.condition is not None:
        return
    if s.subject is None or s.subject.lower_ != "it" or s.subject.i > s.verb.i:
        return
    for doing in (t for t in [*s.verb.children, *state.children] if t.dep_ in ("xcomp", "advcl", "ccomp")):
        if mark_of(doing) == "to" and doing.lemma_ not in ("say", "note", "assume", "be", "know", "see"):
            for head in s.sentence.verbs(doing, "V", person=True)[:1]:
                yield found(head.text, "HasProperty", s.sentence.noun(state), s.negated)


@pattern(
    "has_trait",
    5,
    yes={
        "Credit cards have a lot of benefits.": ("credit card", "HasProperty", "lot of benefits"),
        "The electron has a charge.": ("electron", "HasProperty", "charge"),
        "Everyone has a family.": ("person", "HasProperty", "family"),
    },
    no=("Guitars have strings.", "New Jersey has a law.", "The proton has a radius of 0.88 femtometers."),
    general=True,
)
def has_trait(s: Statement) -> Iterator[Found]:
    """ "X has Y" where Y is no part but a trait."""
    if s.lemma != "have" or s.past or s.condition is not None or s.subject is None:
        return
    if s.main.inherited or s.subject.ent_type_ in ("GPE", "LOC"):
        return
    for trait in (t for t in s.children("dobj") if t.pos_ == "NOUN" and not _is_measured(t) and _is_told(t)):
        for head in s.states:
            if head == "person" or not is_part(core(trait)):
                yield found(head, "HasProperty", s.sentence.noun(trait), s.negated or denies(trait))


def _is_process(s: Statement) -> bool:
    """Whether a passive tells what is done on one occasion: "the sugar is then boiled", "is removed to improve it"."""
    then = any(t.lower_ == "then" for t in s.children("advmod"))
    one = s.subject is not None and s.subject.pos_ == "NOUN" and [t.lower_ for t in s.subject.children] == ["the"]
    aim = any(mark_of(t) == "to" and t.lemma_ != "be" for t in s.children("advcl"))
    return then or aim or (one and s.sentence.context.antecedent != "")


def _is_told(noun: "Token") -> bool:
    """Whether something is said of a trait, or that there is one: "a negative charge", "a charge", "no charge"."""
    told = any(t.dep_ in ("relcl", "acl", "prep") for t in noun.children)
    many = core(noun) != noun or denies(noun)  # "a lot of benefits", "no light of its own"
    plain = (many or not told) and any(t.lower_ in ("a", "an", "no") for t in noun.children)
    return plain or any(t.dep_ == "amod" for t in noun.children)


def _is_measured(noun: "Token") -> bool:
    return any(d.like_num for t in noun.children if t.dep_ == "prep" for d in t.subtree)


def _has_use(s: Statement) -> bool:
    """Whether it tells what a thing is for: "designed to cut", but no "designed to be carried"."""
    aims = [t for t in s.children("xcomp", "advcl") if mark_of(t) == "to" and t.lemma_ != "be"]
    return any(not is_passive(t) for t in aims)
