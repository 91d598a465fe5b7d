"""What must come first: "X needs to V", "to V one must W", "a student must V", "X requires Y"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import coordinated, mark_of
from extraction.nouns import is_human, is_role
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase
from extraction.statements import Statement, role

if TYPE_CHECKING:
    from spacy.tokens import Token

_DONE_WITH = frozenset({"use", "have", "get", "take", "buy", "find", "make", "learn", "know", "understand", "wear"})
_ANYONE = frozenset({"people", "everyone", "everybody", "humans"})
_NECESSARY = frozenset({"necessary", "essential", "crucial", "vital", "required", "needed"})


@pattern(
    "must",
    2,
    yes={
        "If you travel abroad, you need to carry a passport.": (
            "PersonX travels abroad",
            "xNeed",
            "to carry a passport",
        ),
        "If you are hurt, you should see a doctor.": ("PersonX is hurt", "xNeed", "to see a doctor"),
        "To have fun, you should play a game.": ("PersonX has fun", "xNeed", "to play a game"),
        "People need to save money to buy a house.": ("PersonX buys a house", "xNeed", "to save money"),
        "People must shop for food before they eat.": ("PersonX eats", "xNeed", "to shop for food"),
        "You need to have ambition to complete a job.": ("PersonX completes a job", "xNeed", "to have ambition"),
        "If you want to win, you must practice.": ("PersonX wins", "xNeed", "to practice"),
        "People should make rational decisions.": ("person", "xNeed", "to make rational decisions"),
        "Dogs need to drink water to survive.": ("dogs survive", "xNeed", "to drink water"),
        "Waiters are required to memorize the menu.": ("PersonX is a waiter", "xNeed", "to memorize the menu"),
        "A student in engineering must take science courses.": (
            "PersonX is a student in engineering",
            "xNeed",
            "to take science courses",
        ),
    },
    no=("The car needs to be washed.", "You need to sleep.", "Doors must be locked."),
)
def must(s: Statement) -> Iterator[Found]:
    """ "X must V", "X needs to V", "X is required to V"."""
    needed = _needed(s)
    if needed is None or s.subject is None or s.past or s.main.outer is not None:
        return
    goal = _goal(s, needed)
    head = _head(s, goal)
    if head.startswith("it "):
        return
    for tail in s.sentence.predicate(needed, "to V", person=bool(s.person)) if head else ():
        ends = s.sentence.verbs(goal, "to V", person=True) if goal is not None and mark_of(goal) == "to" else []
        yield found(head, "xNeed", _without(tail, ends), s.negated)


@pattern(
    "needs_for",
    3,
    yes={
        "A vending machine needs coins to work.": ("vending machine works", "xNeed", "to have coins"),
        "People will need plates to eat food.": ("PersonX eats food", "xNeed", "to have plates"),
    },
)
def needs_for(s: Statement) -> Iterator[Found]:
    """ "X needs N to V": having N comes before V-ing."""
    objects = [t for t in s.children("dobj") if t.pos_ == "NOUN"]
    raised = [t for t in s.children("ccomp") if mark_of(t) == "to"]
    objects += [o for t in raised for o in t.children if o.dep_ == "nsubj" and o.pos_ == "NOUN"]
    if s.lemma not in ("need", "require") or not objects or s.subject is None or s.subject.pos_ == "PROPN":
        return
    aims = [
        t
        for t in [*s.verb.children, *(d for o in coordinated(objects[0]) for d in o.children)]
        if t.dep_ in ("advcl", "xcomp", "acl", "relcl", "ccomp") and mark_of(t) == "to"
    ]
    person = s.sentence.person(s.subject)
    for aim in aims[:1]:
        goal = s.sentence.verbs(aim, "V-s", person=bool(person))[:1]
        heads = [f"{who} {g.text}" for who in ([person] if person else s.things) for g in goal]
        for member in coordinated(objects[0]):
            have = s.sentence.noun(member, plural=True)
            for head in heads:
                yield Found(head, "xNeed", f"to have {have.text.split(' to ')[0]}", have.start, have.end, s.negated)


@pattern(
    "requires",
    3,
    yes={
        "Soccer requires kicking a ball.": ("soccer", "xNeed", "to kick a ball"),
        "Walking requires energy.": ("PersonX walks", "xNeed", "to have energy"),
        "To go fishing requires a rod.": ("PersonX goes fishing", "xNeed", "to have rod"),
        "Children require a healthy diet.": ("PersonX is a child", "xNeed", "to have healthy diet"),
    },
    no=("She requires help.",),
)
def requires(s: Statement) -> Iterator[Found]:
    """ "X requires V-ing", "X requires N"."""
    subject = s.subject
    if s.lemma not in ("require", "need") or s.past or s.passive or s.main.inherited:
        return
    if subject is None or subject.pos_ == "PROPN":
        return
    if any(mark_of(t) == "to" for t in s.children("advcl", "xcomp", "ccomp")):
        return
    heads = [role(s.sentence, subject)] if is_human(subject) else s.things
    if subject.tag_ == "VBG" or (subject.dep_ == "csubj" and mark_of(subject) == "to"):
        heads = [s.doing(subject)]
    for head in filter(None, heads):
        for tail in _requirements(s):
            yield found(head, "xNeed", tail, s.negated)


@pattern(
    "it_is_necessary",
    1,
    yes={
        "It is important to understand the past to understand the present.": (
            "PersonX understands the present",
            "xNeed",
            "to understand the past",
        ),
    },
    no=("It is important to sleep.", "It is fun to run to the park."),
)
def it_is_necessary(s: Statement) -> Iterator[Found]:
    """ "It is important to V to W": V-ing comes before W-ing."""
    state = s.child("acomp")
    if s.lemma != "be" or s.past or s.subject is None or s.subject.lower_ != "it" or state is None:
        return
    if state.lower_ not in _NECESSARY | {"important"}:
        return
    for deed in (t for t in (*s.verb.children, *state.children) if t.dep_ in ("xcomp", "advcl") and mark_of(t) == "to"):
        goal = next((t for t in deed.children if t.dep_ in ("advcl", "xcomp") and mark_of(t) == "to"), None)
        if goal is None or not any(deed.i < t.i < goal.i and t.dep_ == "dobj" for t in deed.children):
            continue
        ends = s.sentence.verbs(goal, "to V", person=True)
        for tail in s.sentence.predicate(deed, "to V", person=True):
            yield found(s.doing(goal), "xNeed", _without(tail, ends), s.negated)


@pattern(
    "needs_done",
    1,
    yes={
        "Food needs to be refrigerated to stay fresh.": ("food stays fresh", "xNeed", "to be refrigerated"),
        "Dogs need to be taken for walks.": ("dog", "xNeed", "to be taken for walks"),
    },
    no=("The car needed to be washed.", "Dogs are taken for walks."),
)
def needs_done(s: Statement) -> Iterator[Found]:
    """ "X needs to be V-ed (to W)": what must be done with a thing."""
    subject = s.subject
    if not s.passive or "must" not in s.main.raised_modals or s.past or subject is None or s.main.inherited:
        return
    if s.condition is not None or s.main.outer is not None:
        return
    goal = next((t for t in s.children("advcl", "xcomp") if mark_of(t) == "to" and t.i > s.verb.i), None)
    ends = s.sentence.verbs(goal, "to V") if goal is not None else []
    plural = subject.tag_ == "NNS"
    events = s.sentence.verbs(goal, "plural" if plural else "V-s")[:1] if goal is not None else []
    for name in s.things[:1]:
        head = f"{s.sentence.subject_text(subject)} {events[0].text}" if events else name
        for tail in s.predicate("to V"):
            yield found(head, "xNeed", _without(tail, ends), s.negated)


@pattern(
    "necessary",
    1,
    yes={
        "Lying down is a necessary step to sleeping well.": ("PersonX sleeps well", "xNeed", "to lie down"),
        "Running daily is essential for winning a race.": ("PersonX wins a race", "xNeed", "to run daily"),
    },
    no=("Air is necessary for fire.",),
)
def necessary(s: Statement) -> Iterator[Found]:
    """ "V-ing is necessary for W-ing": V-ing comes before W-ing."""
    if s.lemma != "be" or s.past or s.subject is None or s.subject.tag_ != "VBG":
        return
    for state in s.children("acomp", "attr"):
        if not any(t.lower_ in _NECESSARY for t in (state, *state.children)):
            continue
        links = [t for t in (*state.children, *s.verb.children) if t.dep_ == "prep" and t.lower_ in ("for", "to")]
        goals = [p for t in links for p in t.children if p.dep_ == "pcomp"]
        goals += [t for t in (*state.children, *s.verb.children) if t.dep_ in ("xcomp", "advcl") and t.tag_ == "VB"]
        for goal in goals[:1]:
            for doing in (t for t in coordinated(s.subject) if t.tag_ == "VBG"):
                for tail in s.sentence.predicate(doing, "to V", person=True):
                    yield found(s.doing(goal), "xNeed", tail, s.negated)


def _needed(s: Statement) -> "Token | None":
    """The verb that an obligation is about."""
    if s.modals & {"must", "should"}:
        return None if s.passive or s.verb is not s.main.finite else s.verb
    required = s.passive and s.lemma in ("require", "oblige")
    if not required and (s.lemma not in ("need", "have") or s.may_be):
        return None
    if s.lemma == "have" and s.child("dobj") is not None:
        return None
    return next((t for t in s.children("xcomp") if mark_of(t) == "to"), None)


def _goal(s: Statement, needed: "Token") -> "Token | None":
    """The verb of what it is needed for: "to buy a house", "before they eat"."""
    goals = [t for t in (*s.verb.children, *needed.children) if t.dep_ == "advcl"]
    goals += [p for t in (*s.verb.children, *needed.children) if t.lower_ == "before" for p in t.children]
    given = any(t.dep_ == "dobj" and t.i > needed.i for t in needed.children)
    goals += [t for t in needed.children if t.dep_ == "xcomp" and given and needed.lemma_ in _DONE_WITH]
    if needed.lemma_ in _DONE_WITH:
        goals += [t for obj in needed.children if obj.dep_ == "dobj" for t in obj.children if t.dep_ == "acl"]
    for goal in goals:
        before = mark_of(goal) == "before" or (goal.dep_ == "pcomp" and goal.tag_ == "VBG")
        advice = "should" in s.modals and goal.i > needed.i  # its purpose: "you should run to stay fit"
        if (mark_of(goal) == "to" and not advice) or before:
            return goal
    return None


def _head(s: Statement, goal: "Token | None") -> str:
    """The event that an obligation comes before: its goal, its condition, or the role that it is of."""
    if s.is_other or s.subject is None:
        return ""
    if goal is not None:
        return _goal_head(s, s.subject, goal)
    if s.person:
        if wished := _wished(s):
            return s.doing(wished)
        return s.event or next(iter(s.agents[:1] if s.subject.lower_ in _ANYONE else []), "")
    general = s.subject.tag_ == "NNS" or any(t.lower_ in ("a", "an", "every", "the") for t in s.subject.children)
    if s.sentence.context.event or not general or "should" in s.modals:
        return ""
    if is_role(s.subject):
        return role(s.sentence, s.subject)
    return next(iter(s.agents[:1] if s.subject.tag_ == "NNS" else []), "")


def _goal_head(s: Statement, subject: "Token", goal: "Token") -> str:
    """The event that a goal says: "to survive" of "dogs need to drink to survive" is "dogs survive"."""
    if mark_of(goal) != "to" and goal.dep_ != "pcomp":
        return s.of_clause(goal)
    if s.person or is_role(subject) or is_human(subject):
        return s.doing(goal)
    plural = subject.tag_ == "NNS"
    deeds = s.sentence.verbs(goal, "plural" if plural else "V-s") if s.agents else []
    return f"{s.sentence.subject_text(subject)} {deeds[0].text}" if deeds else ""


def _wished(s: Statement) -> "Token | None":
    """The verb of what one wants: "win" of "if you want to win, you must practice"."""
    if s.condition is None or s.condition.lemma_ not in ("want", "wish"):
        return None
    return next((t for t in s.condition.children if t.dep_ == "xcomp" and mark_of(t) == "to"), None)


def _requirements(s: Statement) -> Iterator[Phrase]:
    for t in s.verb.children:
        if t.dep_ in ("xcomp", "ccomp", "dobj") and t.tag_ == "VBG":
            yield from s.sentence.verbs(t, "to V")
        elif t.dep_ == "dobj" and t.pos_ in ("NOUN", "PROPN"):
            for member in coordinated(t):
                noun = s.sentence.noun(member, plural=True)
                yield Phrase(f"to have {noun.text}", noun.start, noun.end)


def _without(phrase: Phrase, ends: list[Phrase]) -> Phrase:
    """The phrase without a purpose at its end."""
    for end in ends:
        for text in (f" in order {end.text}", f" {end.text}"):
            if phrase.text.endswith(text):
                return Phrase(phrase.text.removesuffix(text), phrase.start, end.start - 1)
    before = phrase.text.split(" before ")[0]
    return Phrase(before, phrase.start, phrase.start + max(1, len(before))) if before != phrase.text else phrase
