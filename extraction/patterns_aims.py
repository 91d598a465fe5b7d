"""Why persons and other agents do something: "P so that they can V", "the goal of V-ing is to W"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import clause, mark_of, objects_of
from extraction.patterns import Found, found, pattern
from extraction.statements import Statement
from extraction.words import word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_GOALS = word_set("goal aim purpose objective object intention point")
_WAYS = word_set("way method")
_NO_DEEDS = word_set("be have need use want like love hope wish seem tend")


@pattern(
    "so_that",
    1,
    yes={
        "People exercise so that they can stay healthy.": ("PersonX exercises", "xIntent", "to stay healthy"),
        "You can save money so you can buy a house.": ("PersonX saves money", "xIntent", "to buy a house"),
    },
    no=("It rained so much that the river rose.", "Fish have fins so that they can swim."),
)
def so_that(s: Statement) -> Iterator[Found]:
    """ "P so that they can V": why a person does something."""
    if s.subject is None or not s.person or s.past or s.lemma in _NO_DEEDS:
        return
    for given in s.main.adverbials("so", "that"):
        aim = clause(given)
        if not aim.modals & {"can", "could", "will", "would"} or not _is_so(given) or aim.negated:
            continue
        if aim.subject is None or not s.sentence.person(aim.subject) or given.i < s.verb.i:
            continue
        for deed in s.predicate("V-s", person=True)[:1]:
            for goal in s.sentence.verbs(given, "to V", person=True):
                yield found(f"{s.sentence.slot} {deed.text}", "xIntent", goal)


@pattern(
    "goal_of",
    1,
    yes={
        "The goal of studying is to learn.": ("PersonX studies", "xIntent", "to learn"),
        "The reason people exercise is to feel better.": ("PersonX exercises", "xIntent", "to feel better"),
        "The best way to avoid an early death is to avoid unhealthy habits.": (
            "PersonX avoids unhealthy habits",
            "xIntent",
            "to avoid an early death",
        ),
    },
    no=("The goal of the game is unclear.", "The car is to be sold."),
)
def goal_of(s: Statement) -> Iterator[Found]:
    """ "The goal of V-ing is to W", "the reason people V is to W", "the best way to W is to V"."""
    aim = s.child("xcomp", "ccomp", "attr", "acomp")
    if s.lemma != "be" or s.past or s.subject is None or aim is None or mark_of(aim) != "to":
        return
    if s.subject.lemma_ in _WAYS:
        for goal in (t for t in s.subject.children if t.dep_ in ("acl", "relcl") and mark_of(t) == "to"):
            yield from _way(s, goal, aim)
        return
    for head in _deeds(s, s.subject):
        for end in s.sentence.verbs(aim, "to V", person=True):
            yield found(head, "xIntent", end, s.negated)


@pattern(
    "for_fun",
    1,
    yes={"People play tennis for fun.": ("PersonX plays tennis", "xIntent", "to have fun")},
    no=("People wait for a bus.", "Cats play for fun."),
)
def for_fun(s: Statement) -> Iterator[Found]:
    """ "P for fun": an aim that is a noun."""
    if not s.person or s.past or s.passive or s.condition is not None or s.lemma in _NO_DEEDS:
        return
    for aim in objects_of(s.verb, {"for"}):
        if aim.lower_ in ("fun", "pleasure", "enjoyment", "entertainment", "relaxation", "protection", "money"):
            for deed in s.predicate("V-s", person=True)[:1]:
                noun = s.sentence.noun(aim)
                head = f"{s.sentence.slot} {deed.text.split(' for ')[0]}"
                yield Found(head, "xIntent", f"to have {noun.text}", noun.start, noun.end, s.negated)


def _way(s: Statement, goal: "Token", aim: "Token") -> Iterator[Found]:
    """ "The best way to W is to V": V-ing for W-ing; several Vs are its parts, and the only way is needed."""
    only = s.subject is not None and any(t.lower_ == "only" for t in s.subject.children)
    deeds = s.sentence.verbs(aim, "V-s", person=True)
    if only or len(deeds) > 1:
        for tail in s.sentence.verbs(aim, "to V" if only else "V", person=True):
            yield found(s.doing(goal), "xNeed" if only else "HasSubEvent", tail, s.negated)
        return
    for end in s.sentence.verbs(goal, "to V", person=True)[:1]:
        yield from (found(f"{s.sentence.slot} {deed.text}", "xIntent", end, s.negated) for deed in deeds)


def _is_so(given: "Token") -> bool:
    """Whether a clause begins with "so" or "so that"."""
    marks = [t.lower_ for t in given.children if t.i < given.i and t.dep_ in ("mark", "advmod", "cc")]
    return "so" in marks


def _deeds(s: Statement, subject: "Token") -> Iterator[str]:
    """The events that a goal is of: "studying" of "the goal of studying", "people V" of "the reason people V"."""
    if subject.lemma_ in _GOALS:
        for link in (t for t in subject.children if t.dep_ == "prep" and t.lower_ in ("of", "in", "for")):
            yield from (s.doing(t) for t in link.children if t.dep_ == "pcomp" and t.tag_ == "VBG")
    elif subject.lemma_ == "reason":
        for why in (t for t in subject.children if t.dep_ == "relcl"):
            inner = clause(why)
            if inner.subject is not None and s.sentence.person(inner.subject):
                yield from (f"{s.sentence.slot} {p.text}" for p in s.sentence.predicate(why, "V-s", person=True)[:1])
