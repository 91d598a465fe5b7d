"""Why something is so, when that is no aim: "P because Q", "P because of N"."""

from collections.abc import Iterator

from extraction.grammar import clause
from extraction.patterns import Found, found, pattern
from extraction.statements import Statement


@pattern(
    "because",
    3,
    yes={
        "Sally was bored because she did not like the movie.": (
            "PersonX is bored",
            "xReason",
            "PersonX does not like the movie",
        ),
        "A seal swims because it wants to stay warm.": ("seal swims", "xIntent", "to stay warm"),
    },
    no=("This is because of the rain.", "A band plays because they are musicians."),
)
def because(s: Statement) -> Iterator[Found]:
    """ "P because Q"."""
    if s.subject is None or s.subject.lower_ in ("this", "it", "that"):
        return
    for given in s.main.adverbials("because"):
        if s.told is None:
            return
        wish = clause(given)
        if wish.verb.lemma_ == "want" and (aim := wish.child("xcomp")) is not None:
            for goal in s.sentence.verbs(aim, "to V", person=s.told.text.startswith("Person")):
                yield found(s.told.text, "xIntent", goal, wish.negated)
            continue
        tail = s.sentence.event(clause(given))
        same = tail is not None and s.told.text.startswith("Person") == tail.text.startswith("Person")
        if tail is not None and same and not tail.text.startswith(("it ", "they ", "this ", "that ")):
            yield found(s.told.text, "xReason", tail)


@pattern(
    "because_of",
    1,
    yes={
        "Cities are visible because of their bright lights.": (
            "cities are visible",
            "xReason",
            "their bright light",
        ),
    },
    no=("This is because of the rain.", "It happened because of him."),
)
def because_of(s: Statement) -> Iterator[Found]:
    """ "P because of N"."""
    if s.subject is None or s.subject.lower_ in ("this", "it", "that") or s.past:
        return
    for word in (t for carrier in (s.verb, *s.children("acomp")) for t in carrier.children if t.lower_ == "because"):
        for reason in (t for t in word.children if t.dep_ == "pobj" and t.pos_ == "NOUN"):
            if s.told is not None:
                head = s.told.text.split(" because ")[0]
                yield found(head, "xReason", s.sentence.noun(reason))
