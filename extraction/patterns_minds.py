"""What persons want, need and feel: "PersonX wants to V", "they feel sad", "you need to V"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import Clause, clause, condition, coordinated, mark_of, objects_of, raised
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase, Sentence
from extraction.who import actor, agents, described, event, is_described, thing
from extraction.words import FEELING_NOUNS, FEELINGS, NO_STATE, word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_WANTS = frozenset({"want", "wish", "hope", "desire"})
_BRINGS = frozenset({"bring", "cause", "give", "produce", "create", "make", "lead", "result"})
_LIKES = word_set("aim want like love enjoy desire prefer hate dislike")


@pattern(
    "wants",
    1,
    yes={
        "If someone misses the bus, they want to call a taxi.": ("PersonX misses the bus", "xWant", "to call a taxi"),
        "When you are thirsty, you would like to drink water.": ("PersonX is thirsty", "xWant", "to drink water"),
    },
    no=("Let's first answer what PersonX wants to do.", "People sleep."),
)
def wants(sentence: Sentence) -> Iterator[Found]:
    """ "X wants to V" as the consequence of an event."""
    for main in sentence.clauses:
        would_like = main.verb.lemma_ in ("like", "love") and "would" in main.modals
        aim = next((t for t in main.verb.children if t.dep_ == "xcomp"), None)
        if aim is None or not (main.verb.lemma_ in _WANTS or would_like):
            continue
        who, head = actor(sentence, main), event(sentence, main)
        if who and head:
            for tail in sentence.verbs(aim, "to V", person=True):
                yield found(head, "oWant" if is_other(who, sentence) else "xWant", tail, main.negated)


@pattern(
    "feels",
    1,
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
    },
    no=("The cloth feels soft.",),
)
def feels(sentence: Sentence) -> Iterator[Found]:
    """ "X feels ADJ", "X is ADJ" for a state of mind, "X feels joy"."""
    for main in sentence.clauses:
        who, head = actor(sentence, main), event(sentence, main)
        if not who or not head:
            continue
        relation = "oReact" if is_other(who, sentence) else "xReact"
        for tail in feelings_of(sentence, main):
            yield found(head, relation, tail, main.negated)


@pattern(
    "seen_as",
    2,
    yes={"If someone shares the cake, they are generous.": ("PersonX shares the cake", "xAttr", "generous")},
    no=("If you run, you are tired.", "Cakes are sweet.", "A short person can be tall."),
)
def seen_as(sentence: Sentence) -> Iterator[Found]:
    """ "X is ADJ", "X is a N" where that is no state of mind."""
    for main in sentence.clauses:
        who, head = actor(sentence, main), event(sentence, main)
        if main.verb.lemma_ != "be" or not who or not head or is_other(who, sentence) or "should" in main.modals:
            continue
        if main.modals & {"can", "could"} or (is_described(main) and condition(main) is None):
            continue
        for state in (t for t in main.verb.children if t.dep_ in ("acomp", "attr") and t.i > main.verb.i):
            for member in coordinated(state):
                plain = member.pos_ in ("ADJ", "NOUN") and member.lower_ not in FEELINGS | NO_STATE
                if plain and not (member.pos_ == "NOUN" and member.lemma_ in FEELING_NOUNS):
                    yield found(head, "xAttr", sentence.noun(member), main.negated)


@pattern(
    "brings_feeling",
    2,
    yes={
        "Learning about science is likely to bring you satisfaction.": (
            "PersonX learns about science",
            "xReact",
            "satisfaction",
        ),
        "Being idle will lead to unhappiness.": ("PersonX is idle", "xReact", "unhappiness"),
        "Losing a friend can cause sadness.": ("PersonX loses a friend", "xReact", "sadness"),
        "Playing chess on a cold day can make you sick.": ("PersonX plays chess on a cold day", "xReact", "sick"),
    },
)
def brings_feeling(sentence: Sentence) -> Iterator[Found]:
    """ "V-ing brings joy": an event said as a gerund, and the feeling that it gives."""
    for main in sentence.clauses:
        subject = main.subject
        verb = main.verb
        if verb.lemma_ == "be" and (likely := main.child("acomp")) is not None and likely.lower_ == "likely":
            verb = next((t for t in likely.children if t.dep_ == "xcomp"), verb)
        if subject is None or subject.tag_ != "VBG" or verb.lemma_ not in _BRINGS:
            continue
        head = sentence.context.event or f"{sentence.slot} {sentence.verbs(subject, 'V-s', person=True)[0].text}"
        for state in (t for t in verb.children if t.dep_ == "ccomp" and t.lower_ in FEELINGS):
            yield found(head, "xReact", sentence.noun(state), main.negated)
        for obj in [*(t for t in verb.children if t.dep_ in ("dobj", "dative")), *objects_of(verb, {"to", "in"})]:
            for member in coordinated(obj):
                if member.lemma_.lower() in FEELING_NOUNS:
                    yield found(head, "xReact", sentence.noun(member), main.negated)


@pattern(
    "makes_feel",
    1,
    yes={"A sizable lunch will make a person feel full.": ("sizable lunch", "xReact", "full")},
    no=("Heat makes metal expand.",),
)
def makes_feel(sentence: Sentence) -> Iterator[Found]:
    """ "X makes people feel ADJ": the state of mind that a thing brings."""
    for main in sentence.clauses:
        verb = raised(main)
        if verb.lemma_ not in ("make", "cause", "help") or main.past or main.subject is None:
            continue
        head = sentence.gerund(main.subject).text if main.subject.tag_ == "VBG" else thing(sentence, main.subject)
        for inner in (t for t in verb.children if t.dep_ in ("ccomp", "xcomp") and t.i > verb.i):
            given = clause(inner)
            if inner.lemma_ == "feel" and given.subject is not None and sentence.person(given.subject):
                for tail in feelings_of(sentence, given):
                    yield found(head, "xReact", tail, main.negated)


@pattern(
    "desires",
    1,
    yes={
        "Cats like to sleep in the sun.": ("cat", "Desires", "sleep in the sun"),
    },
    no=("He wants to leave.", "If you are thirsty, you want to drink."),
)
def desires(sentence: Sentence) -> Iterator[Found]:
    """ "Cats like to V": what a kind of agent wants in general."""
    for main in sentence.clauses:
        if main.verb.lemma_ not in _LIKES or main.past:
            continue
        heads = [] if main.subject is not None and described(main.subject) else agents(sentence, main)
        negated = main.negated or main.verb.lemma_ in ("hate", "dislike")
        for head in heads:
            if (aim := main.child("xcomp")) is not None:
                for tail in sentence.verbs(aim, "V"):
                    yield found(head, "Desires", tail, negated)
            elif (obj := main.child("dobj")) is not None:
                for tail in sentence.complements(obj):
                    yield found(head, "Desires", tail, negated)


def feelings_of(sentence: Sentence, main: Clause) -> Iterator[Phrase]:
    """What a clause says that its subject feels."""
    verb = main.verb
    if verb.lemma_ == "feel":
        inner = main.child("ccomp")
        if (
            inner is not None
            and inner.i > verb.i
            and inner.lemma_ == "be"
            and _by_person(inner)
            and (state := clause(inner).child("acomp", "attr")) is not None
        ):
            yield from sentence.complements(state)
        for state in (t for t in verb.children if t.dep_ in ("acomp", "oprd", "dobj", "attr") and t.i > verb.i):
            yield from (p for t in coordinated(state) if _is_feeling(t) and (p := sentence.noun(t)).text)
        for state in (
            t
            for t in verb.children
            if t.dep_ == "advcl" and t.i > verb.i and t.tag_ in ("VBN", "VBD") and not mark_of(t)
        ):
            yield from sentence.complements(state)
    elif verb.lemma_ in ("experience", "have", "suffer"):
        for state in (t for t in verb.children if t.dep_ == "dobj"):
            yield from (sentence.noun(t) for t in coordinated(state) if t.lemma_.lower() in FEELING_NOUNS)
    elif verb.lemma_ in ("be", "become", "get"):
        for state in (t for t in verb.children if t.dep_ in ("acomp", "attr")):
            yield from (sentence.noun(t) for t in coordinated(state) if t.lower_ in FEELINGS)
    elif verb.tag_ in ("VBN", "JJ") and verb.lower_ in FEELINGS:
        yield from (sentence.noun(t) for t in coordinated(verb) if t.lower_ in FEELINGS)


def _is_feeling(t: "Token") -> bool:
    return t.pos_ in ("ADJ", "VERB") or t.lemma_.lower() in FEELING_NOUNS


def _by_person(verb: "Token") -> bool:
    subject = clause(verb).subject
    return subject is not None and subject.pos_ == "PRON"


def is_other(who: str, sentence: Sentence) -> bool:
    """Whether a slot is another person than the one that the sentence is about."""
    return who != sentence.slot
