"""Where things are: "X is found in Y", "you can buy X at Y", "there is X in Y"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import clause, coordinated, raised
from extraction.patterns import Found, found, pattern
from extraction.sentences import Sentence
from extraction.who import LIVES, PLACED, PLACES, agents, has_goods, is_part, is_site, places, thing, things
from extraction.words import STRUCTURE, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token


ACTIONS = word_set("use serve play wear eat teach perform build make")
_KEEPS = frozenset({"keep", "store", "put", "place"})
_PUTS = word_set("find see buy get put keep store place purchase")


@pattern(
    "at_place",
    2,
    yes={
        "Files are likely to be hanging in a cabinet.": ("file", "AtLocation", "cabinet"),
        "Lakes are likely to be in cold regions.": ("lake", "AtLocation", "cold region"),
        "Binders are used in offices.": ("binder", "AtLocation", "office"),
        "Peanut butter comes in glass jars.": ("peanut butter", "AtLocation", "glass jar"),
        "Meetings take place in offices.": ("meeting", "AtLocation", "office"),
        "Revolving doors are found in banks.": ("revolving door", "AtLocation", "bank"),
        "The mess was on the table.": ("mess", "AtLocation", "table"),
        "Toilets are usually available in public places.": ("toilet", "AtLocation", "public place"),
        "Vegetables need to be kept in the refrigerator.": ("vegetable", "AtLocation", "refrigerator"),
        "The cord is likely to be found in the garage.": ("cord", "AtLocation", "garage"),
    },
    no=("He was in the garden.", "The meeting is in May.", "Dials are used in telephony.", "Shoes come in many sizes."),
)
def at_place(sentence: Sentence) -> Iterator[Found]:
    """ "X is found in Y", "X is on Y", "X lives in Y"."""
    for main in sentence.clauses:
        verb = main.verb
        if "must" in main.modals:
            continue
        state = main.child("acomp")
        carriers = [verb]
        if verb.lemma_ == "be":
            if main.child("attr") is not None or (
                state is not None and state.lower_ not in ("available", "present", "likely")
            ):
                continue
            carriers += [state] if state is not None else []
            if (meant := raised(main)) is not verb and (_is_placed(meant) or _is_there(meant)):
                carriers = [meant]
        elif (meant := raised(main)) is not verb:
            carriers = [meant] if _is_placed(meant) else []
        elif (
            not _is_placed(verb)
            and not _takes_place(verb)
            and not _comes_in(verb)
            and not (main.passive and verb.lemma_ in ACTIONS)
        ):
            continue
        for carrier in carriers:
            for place in places(carrier):
                if carrier.lemma_ in ACTIONS and not is_site(place):
                    continue
                for head in things(sentence, main):
                    yield found(head, "AtLocation", sentence.noun(place), main.negated != _is_excepted(place))


@pattern(
    "place_of",
    2,
    yes={
        "You would find a rosebush in a garden.": ("rosebush", "AtLocation", "garden"),
        "There are books in a library.": ("book", "AtLocation", "library"),
        "You can buy soap at a supermarket.": ("soap", "AtLocation", "supermarket"),
        "A woman would store a ticket in her purse.": ("ticket", "AtLocation", "her purse"),
        "You can put ham in the refrigerator.": ("ham", "AtLocation", "refrigerator"),
    },
)
def place_of(sentence: Sentence) -> Iterator[Found]:
    """ "You can find X in Y", "There is X in Y"."""
    for main in sentence.clauses:
        verb = main.verb
        if verb.lemma_ == "be" and main.child("expl") is not None:
            objects = [t for t in verb.children if t.dep_ in ("attr", "nsubj")]
        elif (
            verb.lemma_ in _PUTS and main.subject is not None and sentence.person(main.subject) and not main.past
        ) or (verb.lemma_ in _KEEPS and agents(sentence, main)):
            objects = [t for t in verb.children if t.dep_ == "dobj"]
            objects += [
                t for v in verb.children if v.dep_ == "ccomp" for t in v.children if t.dep_ == "nsubj" and t.i > verb.i
            ]
        else:
            continue
        for obj in objects:
            for place in [*places(verb, fronted=True), *places(obj)]:
                for member in coordinated(obj):
                    if head := _without_place(sentence, member):
                        yield found(head, "AtLocation", sentence.noun(place), main.negated)


def _is_excepted(place: "Token") -> bool:
    """ "a rug" of "on the floor, not on a rug"."""
    first = place.head.left_edge if place.head.dep_ == "prep" else place
    return first.i > 0 and first.nbor(-1).lower_ == "not" and first.i > 1 and first.nbor(-2).text == ","


def _is_placed(verb: "Token") -> bool:
    """ "is found", "is sold", "lives", "hangs"."""
    return verb.lemma_ in LIVES or (clause(verb).passive and verb.lemma_ in PLACED)


def _takes_place(verb: "Token") -> bool:
    return verb.lemma_ == "take" and any(t.dep_ == "dobj" and t.lower_ == "place" for t in verb.children)


def _comes_in(verb: "Token") -> bool:
    return verb.lemma_ == "come" and any(t.dep_ == "prep" and t.lower_ == "in" for t in verb.children)


def _is_there(verb: "Token") -> bool:
    return verb.lemma_ == "be" and not any(t.dep_ in ("attr", "acomp") for t in verb.children)


@pattern(
    "class_at_place",
    1,
    yes={
        "Marmots are animals who live in tunnels.": ("marmot", "AtLocation", "tunnel"),
        "Cactuses are plants found in deserts.": ("cactus", "AtLocation", "desert"),
    },
    no=("A law is a rule that exists in writing.",),
)
def class_at_place(sentence: Sentence) -> Iterator[Found]:
    """ "X is a Y that lives in Z", "X is a Y found in Z"."""
    for main in sentence.clauses:
        attribute = main.child("attr")
        if main.verb.lemma_ != "be" or attribute is None or main.past or main.negated:
            continue
        for verb in (t for t in attribute.children if t.dep_ in ("relcl", "acl")):
            placed = verb.lemma_ in PLACED and verb.tag_ in ("VBN", "VBD")
            inner = clause(verb).subject
            if not (placed or verb.lemma_ in ("live", "reside", "grow")) or (
                inner is not None and inner.lower_ not in ("that", "which", "who")
            ):
                continue
            for place in places(verb):
                for head in things(sentence, main):
                    yield found(head, "AtLocation", sentence.noun(place))


@pattern(
    "place_has",
    1,
    yes={
        "London has many pubs.": ("pub", "AtLocation", "london"),
        "Libraries have computers.": ("computer", "AtLocation", "library"),
    },
    no=("Guitars have strings.", "Nevada has a law.", "Houses have windows."),
)
def place_has(sentence: Sentence) -> Iterator[Found]:
    """ "Paris has X": what is there in a city or country."""
    for main in sentence.clauses:
        subject = main.subject
        if main.verb.lemma_ not in ("have", "contain") or main.past or subject is None or not has_goods(subject):
            continue
        for obj in (t for t in main.verb.children if t.dep_ == "dobj" and t.tag_ == "NNS" and is_part(t)):
            for member in (t for t in coordinated(obj) if t.lemma_ not in STRUCTURE):
                head = thing(sentence, member).split(" to ")[0]
                yield found(head, "AtLocation", sentence.noun(subject), main.negated)


def _without_place(sentence: Sentence, member: "Token") -> str:
    head = thing(sentence, member)
    for preposition in PLACES:
        head = head.split(f" {preposition} ")[0]
    return head
