"""Why persons do something, when that is no aim: "P because Q", "P because of N"."""

from collections.abc import Iterator

from extraction.grammar import clause
from extraction.patterns import Found, found, pattern
from extraction.statements import Statement


@pattern(
    "because",
    4,
    yes={
        "People wait because they have patience.": ("PersonX waits", "xReason", "PersonX has patience"),
        "A seal swims because it wants to stay warm.": ("seal swims", "xIntent", "to stay warm"),
    },
    no=(
        "This is because of the rain.",
        "A band plays because they are musicians.",
        "Sally was bored because she did not like the movie.",
        "The ball is red because it was painted.",
    ),
)
def because(s: Statement) -> Iterator[Found]:
    """ "P because Q"."""
    if s.subject is None or s.subject.lower_ in ("this", "it", "that") or s.told is None:
        return
    for given in s.main.adverbials("because"):
        wish = clause(given)
        if wish.verb.lemma_ == "want" and (aim := wish.child("xcomp")) is not None:
            for goal in s.sentence.verbs(aim, "to V", person=s.told.text.startswith("Person")):
                yield found(s.told.text, "xIntent", goal, wish.negated)
            continue
        tail = s.sentence.event(clause(given)) if _is_of_people(s) else None
        if tail is not None and tail.text.startswith("Person"):
            yield found(s.told.text, "xReason", tail)


@pattern(
    "because_of",
    2,
    yes={"People are late because of traffic.": ("PersonX is late", "xReason", "traffic")},
    no=("This is because of the rain.", "It happened because of him.", "The lake is deep because of the rain."),
)
def because_of(s: Statement) -> Iterator[Found]:
    """ "P because of N"."""
    if not _is_of_people(s):
        return
    for word in (t for carrier in (s.verb, *s.children("acomp")) for t in carrier.children if t.lower_ == "because"):
        for reason in (t for t in word.children if t.dep_ == "pobj" and t.pos_ == "NOUN"):
            if s.told is not None:
                head = s.told.text.split(" because ")[0]
                yield found(head, "xReason", s.sentence.noun(reason))


def _is_of_people(s: Statement) -> bool:
    """Whether a clause tells what persons in general do: "people V"."""
    return s.subject is not None and s.subject.lower_ == "people" and bool(s.person) and not s.past
