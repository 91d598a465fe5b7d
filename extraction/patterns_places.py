"""Where things are: "X is found in Y", "you can buy X at Y", "there is X in Y"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import clause, coordinated, raised
from extraction.patterns import Found, found, pattern
from extraction.sentences import Sentence
from extraction.who import PLACED, PLACES, places, thing, things

if TYPE_CHECKING:
    from spacy.tokens import Token


_PUTS = frozenset({"find", "see", "buy", "get", "put", "keep", "store", "place", "purchase"})


@pattern(
    "at_place",
    1,
    yes={
        "Revolving doors are found in banks.": ("revolving door", "AtLocation", "bank"),
        "The mess was on the table.": ("mess", "AtLocation", "table"),
        "Toilets are usually available in public places.": ("toilet", "AtLocation", "public place"),
        "Vegetables need to be kept in the refrigerator.": ("vegetable", "AtLocation", "refrigerator"),
        "The cord is likely to be found in the garage.": ("cord", "AtLocation", "garage"),
    },
    no=("He was in the garden.", "The meeting is in May."),
)
def at_place(sentence: Sentence) -> Iterator[Found]:
    """ "X is found in Y", "X is on Y", "X lives in Y"."""
    for main in sentence.clauses:
        verb = main.verb
        state = main.child("acomp")
        carriers = [verb]
        if verb.lemma_ == "be":
            if main.child("attr") is not None or (
                state is not None and state.lower_ not in ("available", "present", "likely")
            ):
                continue
            carriers += [state] if state is not None else []
            if (meant := raised(main)) is not verb and clause(meant).passive and meant.lemma_ in PLACED:
                carriers = [meant]
        elif (meant := raised(main)) is not verb:
            carriers = [meant] if clause(meant).passive and meant.lemma_ in PLACED else []
        elif not (main.passive and verb.lemma_ in PLACED | {"use"}) and verb.lemma_ not in (
            "live",
            "lie",
            "sit",
            "exist",
            "belong",
            "occur",
            "stay",
            "stand",
            "hang",
            "grow",
            "reside",
            "happen",
        ):
            continue
        for carrier in carriers:
            for place in places(carrier):
                for head in things(sentence, main):
                    yield found(head, "AtLocation", sentence.noun(place), main.negated)


@pattern(
    "place_of",
    1,
    yes={
        "You would find a rosebush in a garden.": ("rosebush", "AtLocation", "garden"),
        "There are books in a library.": ("book", "AtLocation", "library"),
        "You can buy soap at a supermarket.": ("soap", "AtLocation", "supermarket"),
        "You can put ham in the refrigerator.": ("ham", "AtLocation", "refrigerator"),
    },
)
def place_of(sentence: Sentence) -> Iterator[Found]:
    """ "You can find X in Y", "There is X in Y"."""
    for main in sentence.clauses:
        verb = main.verb
        if verb.lemma_ == "be" and main.child("expl") is not None:
            objects = [t for t in verb.children if t.dep_ in ("attr", "nsubj")]
        elif verb.lemma_ in _PUTS and main.subject is not None and sentence.person(main.subject) and not main.past:
            objects = [t for t in verb.children if t.dep_ == "dobj"]
        else:
            continue
        for obj in objects:
            for place in [*places(verb, fronted=True), *places(obj)]:
                for member in coordinated(obj):
                    if head := _without_place(sentence, member):
                        yield found(head, "AtLocation", sentence.noun(place), main.negated)


def _without_place(sentence: Sentence, member: "Token") -> str:
    head = thing(sentence, member)
    for preposition in PLACES:
        head = head.split(f" {preposition} ")[0]
    return head
