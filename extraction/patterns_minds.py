"""What persons want and feel, and how they are seen: "PersonX wants to V", "they feel sad", "you are generous"."""

from collections.abc import Iterator

from extraction.grammar import clause, coordinated, objects_of
from extraction.nouns import described
from extraction.patterns import Found, found, pattern
from extraction.statements import Statement, feelings_of, thing
from extraction.words import FEELING_NOUNS, FEELINGS, NO_STATE, word_set

_WANTS = frozenset({"want", "wish", "hope", "desire"})
_BRINGS = word_set("bring cause give produce create make lead result leave")
_LIKES = word_set("aim want like love enjoy desire prefer hate dislike")


@pattern(
    "wants",
    2,
    yes={
        "If someone misses the bus, they want to call a taxi.": ("PersonX misses the bus", "xWant", "to call a taxi"),
        "When you are thirsty, you would like to drink water.": ("PersonX is thirsty", "xWant", "to drink water"),
        "If you are thirsty, you might want cold water.": ("PersonX is thirsty", "xWant", "to have cold water"),
        "If you are kind to a child, the child wants to play.": ("PersonX is kind to a child", "oWant", "to play"),
    },
    no=("Let's first answer what PersonX wants to do.", "People sleep."),
)
def wants(s: Statement) -> Iterator[Found]:
    """ "X wants to V", "X wants N" as the consequence of an event."""
    would_like = s.lemma in ("like", "love") and "would" in s.modals
    if not (s.lemma in _WANTS or would_like) or not s.person or not s.event:
        return
    relation = "oWant" if s.is_other else "xWant"
    for aim in s.children("xcomp")[:1]:
        for tail in s.sentence.verbs(aim, "to V", person=True):
            yield found(s.event, relation, tail, s.negated)
    for wanted in (t for obj in s.children("dobj")[:1] for t in coordinated(obj) if t.pos_ == "NOUN"):
        noun = s.sentence.noun(wanted, plural=True)
        yield Found(s.event, relation, f"to have {noun.text}", noun.start, noun.end, s.negated)


@pattern(
    "feels",
    3,
    yes={
        "When a person is accused of a crime, they often feel that they are innocent.": (
            "PersonX is accused of a crime",
            "xReact",
            "innocent",
        ),
        "If you run after a ball for a long time you will be tired.": (
            "PersonX runs after a ball for a long time",
            "xReact",
            "tired",
        ),
        "People who are depressed often feel isolated.": ("PersonX is depressed", "xReact", "isolated"),
        "People get frustrated when they have to wait.": ("PersonX has to wait", "xReact", "frustrated"),
        "One feels glad after seeing a friend.": ("PersonX sees a friend", "xReact", "glad"),
        "When you lie to a friend, the friend feels angry.": ("PersonX lies to a friend", "oReact", "angry"),
    },
    no=("The cloth feels soft.",),
)
def feels(s: Statement) -> Iterator[Found]:
    """ "X feels ADJ", "X is ADJ" for a state of mind, "X feels joy"."""
    for tail in s.feelings if s.person else ():
        if s.event:
            yield found(s.event, "oReact" if s.is_other else "xReact", tail, s.negated)


@pattern(
    "seen_as",
    4,
    yes={
        "If someone shares the cake, they are generous.": ("PersonX shares the cake", "xAttr", "generous"),
        "If someone is in a book, they are likely to be famous.": ("PersonX is in a book", "xAttr", "famous"),
    },
    no=("If you run, you are tired.", "Cakes are sweet.", "A short person can be tall."),
)
def seen_as(s: Statement) -> Iterator[Found]:
    """ "X is ADJ", "X is a N" where that is no state of mind."""
    if s.lemma != "be" or not s.person or s.is_other or s.modals & {"should", "can", "could"}:
        return
    if not s.event.startswith(s.sentence.slot):
        return
    if s.subject is not None and described(s.subject) is not None and s.condition is None:
        return
    for member in (m for t in s.children("acomp", "attr") if t.i > s.verb.i for m in coordinated(t)):
        plain = member.pos_ in ("ADJ", "NOUN") and member.lower_ not in FEELINGS | NO_STATE
        if plain and not (member.pos_ == "NOUN" and member.lemma_ in FEELING_NOUNS):
            yield found(s.event, "xAttr", s.sentence.noun(member), s.negated)


@pattern(
    "brings_feeling",
    4,
    yes={
        "Learning about science is likely to bring you satisfaction.": (
            "PersonX learns about science",
            "xReact",
            "satisfaction",
        ),
        "Being idle will lead to unhappiness.": ("PersonX is idle", "xReact", "unhappiness"),
        "Losing a friend can cause sadness.": ("PersonX loses a friend", "xReact", "sadness"),
        "Satisfying curiosity is likely to make someone happy.": ("PersonX satisfies curiosity", "xReact", "happy"),
        "Playing chess on a cold day can make you sick.": ("PersonX plays chess on a cold day", "xReact", "sick"),
    },
)
def brings_feeling(s: Statement) -> Iterator[Found]:
    """ "V-ing brings joy": an event said as a gerund, and the feeling that it gives."""
    if s.lemma not in _BRINGS or s.subject is None or not (s.deed or s.subject.tag_ == "VBG"):
        return
    head = s.sentence.context.event or s.deed or s.doing(s.subject)
    for state in (m for t in s.children("ccomp", "oprd") for m in coordinated(t) if m.lower_ in FEELINGS):
        yield found(head, "xReact", s.sentence.noun(state), s.negated)
    for obj in [*s.children("dobj", "dative"), *objects_of(s.verb, {"to", "in"})]:
        for member in (m for m in coordinated(obj) if m.lemma_.lower() in FEELING_NOUNS):
            yield found(head, "xReact", s.sentence.noun(member), s.negated)


@pattern(
    "makes_feel",
    2,
    yes={
        "A sizable lunch will make a person feel full.": ("sizable lunch", "xReact", "full"),
        "Running can make you feel hungry.": ("PersonX runs", "xReact", "hungry"),
    },
    no=("Heat makes metal expand.",),
)
def makes_feel(s: Statement) -> Iterator[Found]:
    """ "X makes people feel ADJ": the state of mind that a thing brings."""
    if s.lemma not in ("make", "cause", "help") or s.past or s.subject is None:
        return
    head = s.deed or thing(s.sentence, s.subject)
    for inner in (t for t in s.children("ccomp", "xcomp") if t.i > s.verb.i and t.lemma_ == "feel"):
        given = clause(inner)
        if given.subject is not None and s.sentence.person(given.subject):
            for tail in feelings_of(s.sentence, given):
                yield found(head, "xReact", tail, s.negated)


@pattern(
    "desires",
    1,
    yes={"Cats like to sleep in the sun.": ("cat", "Desires", "sleep in the sun")},
    no=("He wants to leave.", "If you are thirsty, you want to drink."),
)
def desires(s: Statement) -> Iterator[Found]:
    """ "Cats like to V": what a kind of agent wants in general."""
    if s.lemma not in _LIKES or s.past or (s.subject is not None and described(s.subject)):
        return
    negated = s.negated or s.lemma in ("hate", "dislike")
    aim, obj = s.child("xcomp"), s.child("dobj")
    tails = s.sentence.verbs(aim, "V") if aim is not None else s.sentence.complements(obj) if obj is not None else []
    for head in s.agents:
        for tail in tails:
            yield found(head, "Desires", tail, negated)
