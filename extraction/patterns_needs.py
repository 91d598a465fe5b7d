"""What must come first: "X needs to V", "to V one must W", "a student must V", "X requires Y"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import Clause, coordinated, mark_of
from extraction.patterns import Found, found, pattern
from extraction.patterns_minds import is_other
from extraction.sentences import Phrase, Sentence
from extraction.who import actor, described, event, is_role, thing, things

if TYPE_CHECKING:
    from spacy.tokens import Token


@pattern(
    "needs",
    2,
    yes={
        "If you travel abroad, you need to carry a passport.": (
            "PersonX travels abroad",
            "xNeed",
            "to carry a passport",
        ),
        "If you are hurt, you should see a doctor.": ("PersonX is hurt", "xNeed", "to see a doctor"),
    },
    no=("The car needs to be washed.",),
)
def needs(sentence: Sentence) -> Iterator[Found]:
    """ "X needs to V", "must V", "has to V"."""
    for main in sentence.clauses:
        who, head = actor(sentence, main), event(sentence, main)
        if not who or not head or is_other(who, sentence):
            continue
        if main.verb.lemma_ in ("need", "have") and (aim := main.child("xcomp")) is not None:
            phrases = sentence.verbs(aim, "to V", person=True)
        elif main.modals & {"must", "should"} and not main.passive:
            phrases = sentence.verbs(main.verb, "to V", person=True)
        else:
            continue
        for tail in phrases:
            yield found(head, "xNeed", tail, main.negated)


@pattern(
    "needs_for",
    2,
    yes={
        "A vending machine needs coins to work.": ("vending machine works", "xNeed", "to have coins"),
        "People will need plates to eat food.": ("PersonX eats food", "xNeed", "to have plates"),
    },
)
def needs_for(sentence: Sentence) -> Iterator[Found]:
    """ "X needs N to V": having N comes before V-ing."""
    for main in sentence.clauses:
        objects = [t for t in main.verb.children if t.dep_ == "dobj" and t.pos_ == "NOUN"]
        raised_ = [t for t in main.verb.children if t.dep_ == "ccomp" and mark_of(t) == "to"]
        objects += [o for t in raised_ for o in t.children if o.dep_ == "nsubj" and o.pos_ == "NOUN"]
        if main.verb.lemma_ not in ("need", "require") or not objects or main.subject is None:
            continue
        aims = [
            t
            for t in [*main.verb.children, *(d for o in coordinated(objects[0]) for d in o.children)]
            if t.dep_ in ("advcl", "xcomp", "acl", "relcl", "ccomp") and mark_of(t) == "to"
        ]
        people = sentence.person(main.subject)
        who = [people] if people else things(sentence, main)
        for aim in aims[:1]:
            goal = sentence.verbs(aim, "V-s", person=bool(people))[:1]
            for member in coordinated(objects[0]):
                have = sentence.noun(member, plural=True)
                for head in (f"{w} {g.text}" for w in who for g in goal):
                    yield Found(
                        head, "xNeed", f"to have {have.text.split(' to ')[0]}", have.start, have.end, main.negated
                    )


@pattern(
    "needs_first",
    2,
    yes={
        "To have fun, you should play a game.": ("PersonX has fun", "xNeed", "to play a game"),
        "People need to save money to buy a house.": ("PersonX buys a house", "xNeed", "to save money"),
        "To pretend, one must have imagination.": ("PersonX pretends", "xNeed", "to have imagination"),
    },
    no=("You need to sleep.",),
)
def needs_first(sentence: Sentence) -> Iterator[Found]:
    """ "X needs to V to W", "to W, one must V"."""
    for main in sentence.clauses:
        needed = main.verb if "should" in main.modals and not main.passive else _needed(main)
        if needed is None or main.subject is None or not sentence.person(main.subject):
            continue
        goals = [t for t in [*main.verb.children, *needed.children] if t.dep_ == "advcl" and mark_of(t) == "to"]
        if "should" in main.modals:
            goals = [t for t in goals if t.i < needed.i]
        for goal in goals[:1]:
            heads = sentence.verbs(goal, "V-s", person=True)[:1]
            for tail in sentence.predicate(needed, "to V", person=True):
                plain = _without(tail, sentence.verbs(goal, "to V", person=True))
                for head in heads:
                    yield found(f"{sentence.slot} {head.text}", "xNeed", plain, main.negated)


@pattern(
    "role_needs",
    2,
    yes={
        "Waiters are required to memorize the menu.": ("PersonX is a waiter", "xNeed", "to memorize the menu"),
        "A student in engineering must take science courses.": (
            "PersonX is a student in engineering",
            "xNeed",
            "to take science courses",
        ),
        "Hikers need to take breaks.": ("PersonX is a hiker", "xNeed", "to take breaks"),
    },
    no=("Doors must be locked.",),
)
def role_needs(sentence: Sentence) -> Iterator[Found]:
    """ "A student must V", "hikers need to V": an obligation of a role."""
    for main in sentence.clauses:
        subject, needed = main.subject, _needed(main) or _required(main)
        if subject is None or needed is None or sentence.context.event or not is_role(subject):
            continue
        if subject.tag_ != "NNS" and not any(t.lower_ in ("a", "an") for t in subject.children):
            continue
        name = thing(sentence, subject)
        if not name or described(subject) is not None:
            continue
        article = "an" if name[0] in "aeiou" else "a"
        for tail in sentence.predicate(needed, "to V"):
            yield found(f"{sentence.slot} is {article} {name}", "xNeed", tail, main.negated)


@pattern(
    "requires",
    2,
    yes={
        "Soccer requires kicking a ball.": ("soccer", "xNeed", "to kick a ball"),
        "Walking requires energy.": ("PersonX walks", "xNeed", "to have energy"),
        "To go fishing requires a rod.": ("PersonX goes fishing", "xNeed", "to have rod"),
    },
    no=("She requires help.",),
)
def requires(sentence: Sentence) -> Iterator[Found]:
    """ "X requires V-ing", "X requires N"."""
    for main in sentence.clauses:
        if main.verb.lemma_ not in ("require", "need") or main.past or main.passive or main.subject is None:
            continue
        if any(t.dep_ in ("advcl", "xcomp") and mark_of(t) == "to" for t in main.verb.children):
            continue
        heads = things(sentence, main)
        if main.subject.tag_ == "VBG" or (main.subject.dep_ == "csubj" and mark_of(main.subject) == "to"):
            heads = [f"{sentence.slot} {p.text}" for p in sentence.verbs(main.subject, "V-s", person=True)[:1]]
        for head in heads:
            for tail in _requirements(sentence, main.verb):
                yield found(head, "xNeed", tail, main.negated)


def _needed(main: Clause) -> "Token | None":
    """The verb that an obligation is about."""
    if "must" in main.modals:
        return None if main.passive else main.verb
    if main.verb.lemma_ not in ("need", "have") or main.modals & {"can", "could", "may", "might"}:
        return None
    aim = next((t for t in main.verb.children if t.dep_ == "xcomp" and mark_of(t) == "to"), None)
    return None if aim is None or any(t.dep_ == "auxpass" for t in aim.children) else aim


def _required(main: Clause) -> "Token | None":
    """The verb of "is required to V"."""
    if not main.passive or main.past or main.verb.lemma_ not in ("require", "oblige"):
        return None
    return next((t for t in main.verb.children if t.dep_ == "xcomp" and mark_of(t) == "to"), None)


def _requirements(sentence: Sentence, verb: "Token") -> Iterator[Phrase]:
    for t in verb.children:
        if t.dep_ in ("xcomp", "ccomp", "dobj") and t.tag_ == "VBG":
            yield from sentence.verbs(t, "to V")
        elif t.dep_ == "dobj" and t.pos_ in ("NOUN", "PROPN"):
            for member in coordinated(t):
                noun = sentence.noun(member, plural=True)
                yield Phrase(f"to have {noun.text}", noun.start, noun.end)


def _without(phrase: Phrase, ends: list[Phrase]) -> Phrase:
    """The phrase without a purpose at its end."""
    for end in ends:
        for text in (f" in order {end.text}", f" {end.text}"):
            if phrase.text.endswith(text):
                return Phrase(phrase.text.removesuffix(text), phrase.start, end.start - 1)
    return phrase
