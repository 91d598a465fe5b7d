"""What things are used for: "X is used to V", "used for", "needed to", "people use X to V", "a place where"."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import clause, coordinated, is_where, mark_of, objects_of
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase, Sentence
from extraction.who import MADE_FOR, agents, is_human, is_part, is_role, things
from extraction.words import word_set

if TYPE_CHECKING:
    from spacy.tokens import Token


_USED = frozenset({"use", "need", "require"})
USEFUL = word_set("useful ideal suitable handy helpful great perfect good essential")
_STANDS = word_set("locate happen occur find live grow exist be situate keep display")


@pattern(
    "used_to",
    2,
    yes={
        "Newspapers can be used as mulch.": ("newspaper", "ObjectUse", "mulch"),
        "Candles are used to get rid of insects.": ("candle", "ObjectUse", "get rid of insects"),
        "Nylon is used to make clothing and ropes.": ("nylon", "ObjectUse", "make clothing"),
        "Security guards are needed to protect the entrance.": ("security guard", "ObjectUse", "protect the entrance"),
        "A camera is used for taking pictures.": ("camera", "ObjectUse", "take pictures"),
        "An auditorium is used for public events.": ("auditorium", "ObjectUse", "public event"),
        "Self-help books are written to inspire people.": ("self-help book", "ObjectUse", "inspire people"),
    },
    no=("He used to smoke.",),
)
def used_to(sentence: Sentence) -> Iterator[Found]:
    """ "X is used (needed) to V", "X is used for V-ing / N"."""
    for main in sentence.clauses:
        if not main.passive or main.verb.lemma_ not in _USED | MADE_FOR:
            continue
        if main.verb.lemma_ == "require" and is_role(main.subject):
            continue
        for head in things(sentence, main):
            for tail in _uses(sentence, main.verb, main.verb.lemma_ in _USED):
                yield found(head, "ObjectUse", tail, main.negated)
            for role in objects_of(main.verb, {"as"}) if main.verb.lemma_ == "use" and not main.past else ():
                yield found(head, "ObjectUse", sentence.noun(role), main.negated)


@pattern(
    "function_of",
    1,
    yes={"The function of a computer is to perform computations.": ("computer", "ObjectUse", "perform computations")},
)
def function_of(sentence: Sentence) -> Iterator[Found]:
    """ "The function of X is to V"."""
    for main in sentence.clauses:
        subject = main.subject
        if (
            main.verb.lemma_ != "be"
            or subject is None
            or subject.lemma_ not in ("function", "purpose", "role", "job", "use")
        ):
            continue
        for aim in (t for t in main.verb.children if t.dep_ in ("xcomp", "acl") and mark_of(t) == "to"):
            for whole in objects_of(subject, {"of"}):
                for tail in sentence.verbs(aim, "V"):
                    yield found(sentence.noun(whole).text, "ObjectUse", tail, main.negated)


@pattern(
    "class_used_to",
    1,
    yes={
        "An auditorium is a large room that is used for public events.": ("auditorium", "ObjectUse", "public event"),
        "Creationism is a tactic used to interfere with learning.": (
            "creationism",
            "ObjectUse",
            "interfere with learning",
        ),
    },
)
def class_used_to(sentence: Sentence) -> Iterator[Found]:
    """ "X is a Y (that is) used to V"."""
    for main in sentence.clauses:
        attribute = main.child("attr")
        if main.verb.lemma_ != "be" or attribute is None:
            continue
        for verb in (
            t
            for t in attribute.subtree
            if t.dep_ in ("acl", "relcl") and t.lemma_ == "use" and t.tag_ in ("VBN", "VBD")
        ):
            for head in things(sentence, main):
                for tail in _uses(sentence, verb):
                    yield found(head, "ObjectUse", tail, main.negated)


@pattern(
    "use_to",
    1,
    yes={
        "People use their hands to hold things.": ("hand", "ObjectUse", "hold things"),
        "Use a razor to shave your beard.": ("razor", "ObjectUse", "shave your beard"),
    },
)
def use_to(sentence: Sentence) -> Iterator[Found]:
    """ "People use X to V", "Use X to V"."""
    for verb in (
        t for t in sentence.span if t.lemma_ == "use" and t.pos_ == "VERB" and t.tag_ in ("VB", "VBP", "VBZ", "VBG")
    ):
        tool = next((t for t in verb.children if t.dep_ == "dobj" and t.pos_ in ("NOUN", "PROPN", "VERB")), None)
        if tool is None:
            continue
        aims = [
            t
            for t in [*verb.children, *tool.children]
            if t.dep_ in ("xcomp", "advcl", "acl", "relcl") and mark_of(t) == "to"
        ]
        for aim in aims[:1]:
            for member in coordinated(tool):
                head = sentence.noun(member).text.split(" to ")[0] + _with(sentence, verb, member)
                for owner in ("their ", "your ", "his ", "her ", "its "):
                    head = head.removeprefix(owner)
                for tail in sentence.verbs(aim, "V"):
                    yield found(head, "ObjectUse", tail)


@pattern(
    "tool_for",
    1,
    yes={
        "Doctors prescribe drugs to prevent diseases.": ("drug", "ObjectUse", "prevent diseases"),
        "Radio stations have microphones to amplify a voice.": ("microphone", "ObjectUse", "amplify a voice"),
    },
    no=("Students have a chance to learn.", "People need plates to eat food."),
)
def tool_for(sentence: Sentence) -> Iterator[Found]:
    """ "Y prescribes (has, wears) X to V": what X is for."""
    for main in sentence.clauses:
        if main.verb.lemma_ not in ("prescribe", "have", "wear", "install", "carry") or not agents(sentence, main):
            continue
        if main.negated or main.past:
            continue
        for tool in (t for t in main.verb.children if t.dep_ == "dobj" and t.pos_ == "NOUN" and is_part(t)):
            aims = [*main.verb.children, *tool.children]
            for aim in (t for t in aims if t.dep_ in ("advcl", "acl", "relcl", "xcomp") and mark_of(t) == "to"):
                head = sentence.noun(tool).text.split(" to ")[0]
                for tail in sentence.verbs(aim, "V"):
                    yield found(head, "ObjectUse", tail, main.negated)


@pattern(
    "useful_for",
    1,
    yes={"Refrigerators are useful for preserving food.": ("refrigerator", "ObjectUse", "preserve food")},
    no=("Fruit is good for you.",),
)
def useful_for(sentence: Sentence) -> Iterator[Found]:
    """ "X is useful for V-ing"."""
    for main in sentence.clauses:
        state = main.child("acomp")
        if main.verb.lemma_ != "be" or state is None or state.lower_ not in USEFUL:
            continue
        for doing in (p for t in state.children if t.lower_ == "for" for p in t.children if p.dep_ == "pcomp"):
            for head in things(sentence, main):
                for tail in sentence.verbs(doing, "V"):
                    yield found(head, "ObjectUse", tail, main.negated)


@pattern(
    "is_where",
    1,
    yes={
        "Linen closets are where people store their sheets.": ("linen closet", "ObjectUse", "store their sheets"),
    },
    no=("This is where people sleep.",),
)
def is_where_(sentence: Sentence) -> Iterator[Found]:
    """ "X is where people V"."""
    for main in sentence.clauses:
        if main.verb.lemma_ != "be" or main.child("attr", "acomp") is not None:
            continue
        for verb in (t for t in main.verb.children if t.dep_ in ("advcl", "ccomp") and t.i > main.verb.i):
            subject = clause(verb).subject
            if (
                subject is None
                or not is_where(verb)
                or verb.lemma_ == "be"
                or subject.lower_ == "they"
                or not sentence.person(subject)
            ):
                continue
            for head in things(sentence, main):
                for tail in sentence.verbs(verb, "V"):
                    yield found(head, "ObjectUse", tail, main.negated)


@pattern(
    "place_where",
    2,
    yes={
        "Libraries are places where information is stored.": ("library", "ObjectUse", "store information"),
        "A hotel is a place where guests stay.": ("hotel", "ObjectUse", "stay"),
        "A gym is a place to exercise.": ("gym", "ObjectUse", "exercise"),
        "A store is a place where you can buy books.": ("store", "ObjectUse", "buy books"),
    },
)
def place_where(sentence: Sentence) -> Iterator[Found]:
    """ "X is a place where P", "X is a place to V"."""
    for main in sentence.clauses:
        attribute = main.child("attr")
        if (
            main.verb.lemma_ != "be"
            or attribute is None
            or attribute.lemma_
            not in ("place", "building", "area", "location", "room", "facility", "way", "method", "tool")
        ):
            continue
        for verb in (t for t in attribute.children if t.dep_ in ("relcl", "acl")):
            given = clause(verb)
            for head in things(sentence, main):
                if mark_of(verb) == "to" or (
                    given.subject is not None and _is_anyone(sentence, given.subject) and is_where(verb)
                ):
                    for tail in sentence.verbs(verb, "V"):
                        yield found(head, "ObjectUse", tail, main.negated)
                elif given.subject is not None and verb.lemma_ in _STANDS and is_where(verb):
                    for obj in coordinated(given.subject):
                        place = sentence.noun(main.subject) if main.subject is not None else sentence.noun(obj)
                        yield Found(sentence.noun(obj).text, "AtLocation", head, place.start, place.end, main.negated)
                elif given.passive and given.subject is not None and is_where(verb) and attribute.lemma_ != "area":
                    for obj in coordinated(given.subject):
                        name = sentence.noun(obj)
                        goods = obj.lower_ if obj.tag_ == "NNS" else name.text
                        yield Found(
                            head, "ObjectUse", f"{verb.lemma_} {goods}", name.start, verb.idx + len(verb), main.negated
                        )


def _is_anyone(sentence: Sentence, subject: "Token") -> bool:
    return bool(sentence.person(subject)) or is_human(subject) or is_role(subject)


def _uses(sentence: Sentence, verb: "Token", also_for: bool = True) -> Iterator[Phrase]:
    for t in verb.children:
        if t.dep_ in ("xcomp", "advcl") and mark_of(t) == "to" and (also_for or t.lemma_ != "be"):
            yield from sentence.verbs(t, "V")
        elif also_for and t.dep_ == "prep" and t.lower_ == "for":
            for p in t.children:
                if p.dep_ == "pcomp":
                    yield from sentence.verbs(p, "V")
                elif p.dep_ == "pobj" and p.lemma_ not in ("purpose", "thing", "reason", "way"):
                    yield from (sentence.noun(m) for m in coordinated(p) if m.lower_ not in ("etc", "etc."))


def _with(sentence: Sentence, verb: "Token", tool: "Token") -> str:
    """ " with a sensitive setting", when that stands right behind the tool and the parser gave it to the verb."""
    behind = next((t for t in verb.children if t.dep_ == "prep" and t.lower_ == "with" and t.i == tool.i + 1), None)
    noun = next((t for t in behind.children if t.dep_ == "pobj"), None) if behind is not None else None
    return f" with {sentence.noun(noun, plural=True).text}" if noun is not None else ""
