"""Where things are: "X is found in Y", "you can buy X at Y", "there is X in Y"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import coordinated, core, objects_of
from extraction.nouns import LIVES, PLACED, PLACES, is_country, is_part, is_site, places
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase, Sentence
from extraction.statements import Statement, thing
from extraction.words import FEELING_NOUNS, STRUCTURE, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_ACTIONS = word_set("use serve play wear eat teach perform build make")
_KEEPS = frozenset({"keep", "store", "put", "place"})
_PUTS = word_set("find see buy get put keep store place purchase")
_GETS = frozenset({"get", "buy", "purchase"})
_PRESENT = frozenset({"available", "present"})
_SPOTS = word_set("place location spot home setting")
_TOLD_WITH_PLACE = word_set("between near under underneath beneath behind above below outside beside")


@pattern(
    "at_place",
    4,
    yes={
        "Files are likely to be hanging in a cabinet.": ("file", "AtLocation", "cabinet"),
        "Lakes are likely to be in cold regions.": ("lake", "AtLocation", "cold region"),
        "Binders are used in offices.": ("binder", "AtLocation", "office"),
        "Peanut butter comes in glass jars.": ("peanut butter", "AtLocation", "glass jar"),
        "Meetings take place in offices.": ("meeting", "AtLocation", "office"),
        "Revolving doors are found in banks.": ("revolving door", "AtLocation", "bank"),
        "The mess is on the table.": ("mess", "AtLocation", "table"),
        "Toilets are usually available in public places.": ("toilet", "AtLocation", "public place"),
        "Vegetables need to be kept in the refrigerator.": ("vegetable", "AtLocation", "refrigerator"),
        "The cord is likely to be found in the garage.": ("cord", "AtLocation", "garage"),
        "Marmots are animals who live in tunnels.": ("marmot", "AtLocation", "tunnel"),
        "Cactuses are plants found in deserts.": ("cactus", "AtLocation", "desert"),
        "Valleys are between mountains.": ("valley", "AtLocation", "between mountain"),
    },
    no=(
        "He was in the garden.",
        "The mess was on the table.",
        "The meeting is in May.",
        "A ball is in motion.",
        "Dials are used in telephony.",
        "Shoes come in many sizes.",
        "The services were held in the church.",
        "A law is a rule that exists in writing.",
    ),
)
def at_place(s: Statement) -> Iterator[Found]:
    """ "X is found in Y", "X is on Y", "X lives in Y"."""
    if s.past or s.condition is not None or s.modals & {"would", "could"}:
        return
    carriers = list(_carriers(s))
    for place in (p for carrier in carriers for p in places(carrier)):
        if s.lemma in _ACTIONS and (not is_site(place) or is_country(place)):
            continue
        if s.lemma == "be" and _is_state(place):
            continue
        for head in s.things:
            yield found(head, "AtLocation", _named(s.sentence, place), s.negated != _is_excepted(place))


@pattern(
    "place_of",
    5,
    yes={
        "There are plenty of thick forests in the UK.": ("thick forest", "AtLocation", "uk"),
        "You would find a rosebush in a garden.": ("rosebush", "AtLocation", "garden"),
        "There are books in a library.": ("book", "AtLocation", "library"),
        "You can buy soap at a supermarket.": ("soap", "AtLocation", "supermarket"),
        "A woman would store a ticket in her purse.": ("ticket", "AtLocation", "her purse"),
        "You can put ham in the refrigerator.": ("ham", "AtLocation", "refrigerator"),
        "People get food from the grocery store.": ("food", "AtLocation", "grocery store"),
    },
)
def place_of(s: Statement) -> Iterator[Found]:
    """ "You can find X in Y", "There is X in Y", "People get X from Y"."""
    if s.lemma == "be" and s.child("expl") is not None:
        objects = s.children("attr", "nsubj")
    elif (s.lemma in _PUTS and s.person and not s.past) or (s.lemma in _KEEPS and s.agents):
        objects = s.children("dobj")
        objects += [t for v in s.children("ccomp") for t in v.children if t.dep_ == "nsubj" and t.i > s.verb.i]
    else:
        return
    for obj in objects if s.condition is None else ():
        spots = [*places(s.verb, fronted=True), *places(core(obj))]
        spots += places(obj) if core(obj) != obj else []
        if s.lemma in _GETS:
            spots += [t for t in (*objects_of(s.verb, {"from"}), *objects_of(obj, {"from"})) if is_site(t)]
        negated = s.negated or any(t.lower_ == "no" for t in obj.children)
        for place in spots:
            for member in coordinated(core(obj)):
                yield found(_without_place(s.sentence, member), "AtLocation", _named(s.sentence, place), negated)


@pattern(
    "place_has",
    3,
    yes={
        "London has many pubs.": ("pub", "AtLocation", "london"),
    },
    no=("Guitars have strings.", "Nevada has a law.", "Libraries have computers."),
)
def place_has(s: Statement) -> Iterator[Found]:
    """ "Paris has X": what is there in a city or country."""
    subject = s.subject
    if s.lemma not in ("have", "contain") or s.past or subject is None or not is_country(subject):
        return
    for obj in (t for t in map(core, s.children("dobj")) if t.tag_ == "NNS" and is_part(t)):
        for member in (t for t in coordinated(obj) if t.lemma_ not in STRUCTURE):
            head = thing(s.sentence, member).split(" to ")[0]
            yield found(head, "AtLocation", s.sentence.noun(subject), s.negated)


@pattern(
    "filled_with",
    2,
    yes={"A kitchen is normally filled with food.": ("food", "AtLocation", "kitchen")},
    no=("He is filled with joy.", "Balloons are filled with air."),
)
def filled_with(s: Statement) -> Iterator[Found]:
    """ "X is filled with Y": Y is there."""
    if not s.passive or s.past or s.lemma not in ("fill", "pack", "stock", "crowd") or not s.things:
        return
    if s.subject is None or not is_site(s.subject):
        return
    for goods in (m for first in objects_of(s.verb, {"with"}) for m in coordinated(first)):
        if goods.lemma_.lower() not in FEELING_NOUNS:
            yield found(thing(s.sentence, goods), "AtLocation", s.sentence.noun(s.subject), s.negated)


@pattern(
    "place_for",
    1,
    yes={"The family room is the ideal location for an indoor plant.": ("indoor plant", "AtLocation", "family room")},
    no=("The family room is a place for reading.", "College is a place for education."),
)
def place_for(s: Statement) -> Iterator[Found]:
    """ "X is a place for N"."""
    attribute = s.child("attr")
    if s.lemma != "be" or attribute is None or attribute.lemma_ not in _SPOTS or s.subject is None or not s.things:
        return
    for goods in (m for first in objects_of(attribute, {"for"}) for m in coordinated(first) if m.pos_ == "NOUN"):
        if goods.tag_ == "NN" and not any(t.dep_ == "det" for t in goods.children):
            continue
        yield found(thing(s.sentence, goods), "AtLocation", s.sentence.noun(s.subject), s.negated)


def _carriers(s: Statement) -> Iterator["Token"]:
    """The words that a place can hang on: the verb of being there, or "available"."""
    if s.lemma == "be":
        state = s.child("acomp")
        if s.child("attr") is None and state is None and "must" not in s.modals:
            yield s.verb
        elif state is not None and (state.lower_ in _PRESENT or _is_common_at_site(s, state)):
            yield from (s.verb, state)
    elif "must" in s.modals and not s.main.raised_modals:
        return
    elif s.lemma in LIVES or (s.passive and s.lemma in PLACED | _ACTIONS) or _takes_place(s.verb) or _comes_in(s):
        yield s.verb


def _is_common_at_site(s: Statement, state: "Token") -> bool:
    return state.lower_ == "common" and any(map(is_site, (*places(state), *places(s.verb))))


def _named(sentence: Sentence, place: "Token") -> Phrase:
    """A place without what is done there; "between mountains" keeps its preposition."""
    noun = sentence.noun(place)
    text = noun.text.split(" to ")[0] if any(t.dep_ in ("acl", "relcl") for t in place.children) else noun.text
    word = place.head.lower_ if place.head.dep_ == "prep" else ""
    return Phrase(f"{word} {text}" if word in _TOLD_WITH_PLACE else text, noun.start, noun.end)


def _is_excepted(place: "Token") -> bool:
    """ "a rug" of "on the floor, not on a rug"."""
    first = place.head.left_edge if place.head.dep_ == "prep" else place
    return first.i > 0 and first.nbor(-1).lower_ == "not" and first.i > 1 and first.nbor(-2).text == ","


def _is_state(place: "Token") -> bool:
    """ "in motion", "under oath", "at risk": a bare noun that is no place."""
    return place.tag_ == "NN" and not is_site(place) and not any(t.i < place.i for t in place.children)


def _takes_place(verb: "Token") -> bool:
    return verb.lemma_ == "take" and any(t.dep_ == "dobj" and t.lower_ == "place" for t in verb.children)


def _comes_in(s: Statement) -> bool:
    return s.lemma == "come" and any(t.lower_ == "in" for t in s.children("prep"))


def _without_place(sentence: Sentence, member: "Token") -> str:
    head = thing(sentence, member)
    for preposition in (*PLACES, "from"):
        head = head.split(f" {preposition} ")[0]
    return head


