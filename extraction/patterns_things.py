"""What things are: their classes, their properties, and what is usually done to them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import Clause, clause, condition, coordinated, is_name, is_where, mark_of, objects_of
from extraction.patterns import Found, found, pattern
from extraction.patterns_minds import feelings_of
from extraction.sentences import Phrase, Sentence
from extraction.who import MADE, MADE_FOR, PLACED, is_described, is_part, is_role, places, states
from extraction.words import FIRST_NAMES, NO_STATE, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_KINDS = frozenset({"type", "kind", "form", "sort", "example"})
_NO_PROPERTY = word_set(
    "use need require cause call name know publish release found bear write derive prevent hinder obstruct "
    "say ask suggest consider mention describe refer introduce interpret do give define"
)
_NO_CLASS = word_set(
    "answer question option choice statement reason result cause part component constituent ingredient member number"
)

_OPINIONS = word_set("common reasonable plausible logical interesting safe clear best better good")


@pattern(
    "is",
    2,
    yes={
        "A weasel is a small mammal.": ("weasel", "HasProperty", "small mammal"),
        "Friends can be deceitful.": ("friend", "HasProperty", "deceitful"),
        "An activity is a type of action.": ("activity", "HasProperty", "action"),
        "Ice is not warm.": ("ice", "HasProperty", "warm"),
        "Cats are careful when they walk.": ("cat", "HasProperty", "careful"),
        "Milk is high in sugar.": ("milk", "HasProperty", "high in sugar"),
        "Balcony railings are more common in flats than in houses.": (
            "balcony railing",
            "HasProperty",
            "more common in flats than in houses",
        ),
        "The Office is a sitcom that aired from 2005 to 2013.": ("office", "HasProperty", "sitcom"),
        "Kanji is a form of writing.": ("kanji", "HasProperty", "writing"),
        "People who hike are fit.": ("person who hike", "HasProperty", "fit"),
    },
    no=("The answer is a tribe.", "She is tall."),
)
def is_(sentence: Sentence) -> Iterator[Found]:
    """ "X is a Y", "X is ADJ": class and property."""
    for main in sentence.clauses:
        if main.verb.lemma_ != "be" or _depends(sentence, main) or "should" in main.modals:
            continue
        heads = states(sentence, main) or _named(sentence, main) or _which_persons(sentence, main)
        for state in (t for t in main.verb.children if t.dep_ in ("attr", "acomp") and t.i > main.verb.i):
            if main.subject is not None and _is_inverted(main.subject, state):
                yield found(sentence.noun(state).text, "HasProperty", sentence.noun(main.subject), main.negated)
                continue
            for tail in _properties(sentence, main, state):
                for head in heads:
                    yield found(head, "HasProperty", tail, main.negated)


@pattern(
    "passive",
    2,
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
        if (
            main.verb.dep_ == "relcl"
            or not main.passive
            or main.past
            or main.verb.lemma_ in _NO_PROPERTY | MADE
            or condition(main) is not None
        ):
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
                if tail.text.startswith(("be ", "get ")) and not tail.text.endswith(
                    (" at", " in", " on", " to", " by", " from")
                ):
                    yield found(head, "HasProperty", _after_be(tail), main.negated)


@pattern(
    "defined_as",
    1,
    yes={
        "A second is defined as a unit of time.": ("second", "HasProperty", "unit of time"),
        "Winter is known as the season of cold.": ("winter", "HasProperty", "season of cold"),
    },
)
def defined_as(sentence: Sentence) -> Iterator[Found]:
    """ "X is defined as Y"."""
    for main in sentence.clauses:
        if main.passive and not main.past and main.verb.lemma_ in ("define", "know", "describe"):
            for kind in (t for t in objects_of(main.verb, {"as"}) if t.tag_ in ("NN", "NNS")):
                for head in states(sentence, main):
                    yield found(head, "HasProperty", sentence.kind(kind), main.negated)


@pattern(
    "is_when",
    1,
    yes={"A strike is when a player misses the ball.": ("strike", "HasProperty", "when a player misses the ball")},
    no=("That is when it rains.",),
)
def is_when(sentence: Sentence) -> Iterator[Found]:
    """ "X is when P": what is meant by X."""
    for main in sentence.clauses:
        if main.verb.lemma_ != "be" or main.past or main.child("attr", "acomp") is not None:
            continue
        for given in (t for t in main.verb.children if t.dep_ in ("advcl", "ccomp") and t.i > main.verb.i):
            if given.left_edge.lower_ == "when" and given.left_edge.i == main.verb.i + 1:
                for head in states(sentence, main):
                    yield found(head, "HasProperty", sentence.gerund(given), main.negated)


@pattern(
    "called",
    1,
    yes={
        "The act of talking to someone is called a conversation.": (
            "conversation",
            "HasProperty",
            "act of talking to someone",
        ),
    },
    no=("He is called Bob.", "The city is called Rome."),
)
def called(sentence: Sentence) -> Iterator[Found]:
    """ "X is called Y", where X tells what Y is."""
    for main in sentence.clauses:
        name, subject = main.child("oprd", "attr", "dobj"), main.subject
        if not main.passive or main.past or main.verb.lemma_ != "call" or name is None or subject is None:
            continue
        described_ = any(t.dep_ in ("relcl", "prep", "acl") for t in subject.children)
        if described_ and name.tag_ in ("NN", "NNS") and subject.pos_ == "NOUN":
            yield found(sentence.noun(name).text, "HasProperty", sentence.kind(subject), main.negated)


@pattern(
    "it_is_to",
    1,
    yes={"It is illegal to buy alcohol for minors.": ("buy alcohol for minors", "HasProperty", "illegal")},
    no=("It is likely to rain.", "It is possible to say this."),
)
def it_is_to(sentence: Sentence) -> Iterator[Found]:
    """ "It is ADJ to V"."""
    for main in sentence.clauses:
        state = main.child("acomp")
        if main.verb.lemma_ != "be" or main.past or state is None or state.lower_ in NO_STATE | _OPINIONS:
            continue
        if main.subject is None or main.subject.lower_ != "it" or main.subject.i > main.verb.i:
            continue
        for doing in (t for t in [*main.verb.children, *state.children] if t.dep_ in ("xcomp", "advcl", "ccomp")):
            if mark_of(doing) == "to" and doing.lemma_ not in ("say", "note", "assume", "be", "know", "see"):
                for head in sentence.verbs(doing, "V", person=True)[:1]:
                    yield found(head.text, "HasProperty", sentence.noun(state), main.negated)


@pattern(
    "likely_passive",
    2,
    yes={
        "Submarines are likely to be a type of ship.": ("submarine", "HasProperty", "type of ship"),
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
        if places(aim) and (aim.lemma_ in PLACED or (aim.lemma_ == "be" and not _complements(aim))):
            continue
        tails = [sentence.kind(t) for t in _complements(aim)] if aim.lemma_ == "be" else []
        for head in states(sentence, main):
            for tail in tails or map(_after_be, sentence.verbs(aim, "V")):
                yield found(head, "HasProperty", tail, main.negated)


@pattern(
    "has_trait",
    2,
    yes={
        "The electron has a charge.": ("electron", "HasProperty", "charge"),
    },
    no=("Guitars have strings.", "New Jersey has a law."),
)
def has_trait(sentence: Sentence) -> Iterator[Found]:
    """ "X has Y" where Y is no part but a trait."""
    for main in sentence.clauses:
        if (
            main.verb.lemma_ not in ("have", "contain")
            or main.past
            or condition(main) is not None
            or main.subject is None
        ):
            continue
        if main.subject.ent_type_ in ("GPE", "LOC"):
            continue
        for trait in (t for t in main.verb.children if t.dep_ == "dobj" and not is_part(t) and t.pos_ == "NOUN"):
            for head in states(sentence, main):
                yield found(head, "HasProperty", sentence.noun(trait), main.negated)


def _depends(sentence: Sentence, main: Clause) -> bool:
    """Whether a copula only holds on a condition that is about something else than its subject."""
    given = condition(main)
    if given is None:
        return False
    subject = clause(given).subject
    own = subject is None or (subject.lower_ in ("it", "they") and subject.i > main.verb.i)
    return not own or main.subject is None or bool(sentence.person(main.subject))


def _which_persons(sentence: Sentence, main: Clause) -> list[str]:
    """ "person who V-s" with a trait; what such a person feels is an event's."""
    if main.subject is None or not is_described(main) or main.past or any(feelings_of(sentence, main)):
        return []
    name = sentence.noun(main.subject).text
    return [f"person{name[6:]}" if name.startswith("people") else name.replace(" people", " person")]


def _named(sentence: Sentence, main: Clause) -> list[str]:
    """A subject that was taken for a person's name, but is said to be of a class of things: "Kanji is a form ..."."""
    subject, state = main.subject, main.child("attr")
    if subject is None or state is None or main.past or not is_name(subject) or is_role(state):
        return []
    if subject.lower_ in FIRST_NAMES or not any(t.lower_ in ("a", "an") for t in state.children):
        return []
    return [sentence.noun(subject).text]


def _properties(sentence: Sentence, main: Clause, state: "Token") -> Iterator[Phrase]:
    """The classes or properties that a complement says.

    Nouns without articles of their own are one class: "area or space".
    """
    joined = coordinated(state)
    if state.pos_ == "NOUN" and not all(any(t.dep_ == "det" for t in m.children) for m in joined):
        joined = [state]
    for member in joined:
        if _says_property(member, state):
            kind = _class(member)
            phrase = sentence.kind(kind, whole=len(joined) == 1 and kind.tag_ == "NN" and kind.pos_ == "NOUN")
            behind = next((t for t in main.verb.children if t.dep_ == "prep" and t.i == member.i + 1), None)
            if behind is not None and behind.lower_ == "because":
                behind = None
            if member.pos_ == "ADJ" and behind is not None and member is joined[-1]:
                more = sentence.gerund(behind)
                phrase = Phrase(f"{phrase.text} {more.text}", phrase.start, more.end)
            if phrase.text not in ("place", "area", "person"):
                yield phrase


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


def _complements(verb: "Token") -> list["Token"]:
    return [m for t in verb.children if t.dep_ in ("attr", "acomp") for m in coordinated(t)]


def _after_be(phrase: Phrase) -> Phrase:
    """ "run by people" of "be run by people"."""
    for word in ("be ", "get "):
        if phrase.text.startswith(word):
            return Phrase(phrase.text.removeprefix(word), phrase.start, phrase.end)
    return phrase
