"""What comes of events for a person, why they happen and in which order."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import Clause, clause, condition, coordinated, mark_of, raised
from extraction.patterns import Found, found, pattern
from extraction.patterns_minds import feelings_of, is_other
from extraction.sentences import Phrase, Sentence
from extraction.who import PLACES, actor, described, event, thing, things
from extraction.words import word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_MINDS = word_set("want feel need wish hope desire mean know think believe like love suggest care say")
_GOING = word_set("go wait come travel walk drive run stand stay visit study sit")
_SOURCE = re.compile(r" (?:from|after|upon) \w+ing\b")
_DOING = word_set("listen work study exercise practice train fight sing dance play")


@pattern(
    "consequence",
    2,
    yes={
        "If someone returns a lost wallet, they are often rewarded.": (
            "PersonX returns a lost wallet",
            "xEffect",
            "is rewarded",
        ),
        "Hungry people are likely to go to a restaurant.": ("PersonX is hungry", "xEffect", "goes to a restaurant"),
        "People become fat from eating too much food.": ("PersonX eats too much food", "xEffect", "becomes fat"),
        "Babies cry when they are hungry.": ("PersonX is hungry", "xEffect", "cries"),
        "When thirsty, people drink water.": ("PersonX is thirsty", "xEffect", "drinks water"),
        "Humans often compete with each other when in a race.": (
            "PersonX is in a race",
            "xEffect",
            "competes with each other",
        ),
        "A person is likely to concentrate when they are trying to memorize.": (
            "PersonX tries to memorize",
            "xEffect",
            "concentrates",
        ),
        "People with digestion issues have a hard time digesting meat.": (
            "PersonX has digestion issues",
            "xEffect",
            "has a hard time digesting meat",
        ),
    },
    no=("If you are sad, you feel alone.", "If it rains, the street gets wet.", "He ate when he arrived."),
)
def consequence(sentence: Sentence) -> Iterator[Found]:
    """ "If P, you V": what a person does or what happens to them because of an event."""
    for main in sentence.clauses:
        verb = raised(main)
        if verb.lemma_ in _MINDS or {"must", "should"} & main.modals or (verb.lemma_ == "have" and main.child("xcomp")):
            continue
        who = actor(sentence, main)
        head = event(sentence, main)
        if (
            not who
            or not head
            or (head == sentence.context.event and not _tells_result(main))
            or any(feelings_of(sentence, main))
        ):
            continue
        stays = any(t.dep_ == "prep" and t.lower_ in PLACES for t in verb.children) and not main.child("attr", "acomp")
        if (verb.lemma_ == "be" and verb is main.verb and not stays) or (
            verb.lemma_ == "do" and main.child("dobj") is None
        ):
            continue
        if (
            main.subject is not None
            and described(main.subject) is not None
            and verb is main.verb
            and main.modals & {"can", "could"}
        ):
            continue
        given = condition(main)
        if given is not None and head != sentence.context.event and not _happens_to_person(sentence, given):
            continue
        if given is not None and main.past and mark_of(given) != "if":
            continue
        for tail in map(_without_source, sentence.predicate(verb, "V-s", person=True)):
            yield found(head, "oEffect" if is_other(who, sentence) else "xEffect", tail, main.negated)


@pattern(
    "because",
    2,
    yes={
        "Sally was bored because she did not like the movie.": (
            "PersonX is bored",
            "xReason",
            "PersonX does not like the movie",
        ),
    },
    no=("This is because of the rain.", "A band plays because they are musicians."),
)
def because(sentence: Sentence) -> Iterator[Found]:
    """ "P because Q"."""
    for main in sentence.clauses:
        for given in main.verb.children:
            if given.dep_ != "advcl" or mark_of(given) != "because":
                continue
            head, tail = sentence.event(main), sentence.event(clause(given))
            if (
                head is not None
                and tail is not None
                and head.text.startswith("Person") == tail.text.startswith("Person")
                and not tail.text.startswith(("it ", "they ", "this ", "that "))
                and main.subject is not None
                and main.subject.lower_ not in ("this", "it", "that")
            ):
                yield found(head.text, "xReason", tail)


@pattern(
    "purpose",
    2,
    yes={
        "Someone goes to the bank to get some money.": ("PersonX goes to the bank", "xIntent", "to get some money"),
        "People listen to hear things.": ("PersonX listens", "xIntent", "to hear things"),
    },
    no=("Hammers are used to drive nails.", "You need to sleep.", "People use soap to wash."),
)
def purpose(sentence: Sentence) -> Iterator[Found]:
    """ "P to V", "in order to V", "so that X can V": why a person does something."""
    for main in sentence.clauses:
        if (
            main.subject is None
            or main.passive
            or main.past
            or main.verb.lemma_ in ("use", "be", "need", "have", "find")
        ):
            continue
        if not sentence.person(main.subject) or "can" in main.modals or condition(main) is not None:
            continue
        for aim in main.verb.children:
            moved = main.verb.lemma_ != "go" or main.child("prep", "advmod", "npadvmod") is not None
            if (
                aim.dep_ not in ("advcl", "xcomp")
                or not moved
                or (aim.dep_ == "xcomp" and not _is_purpose(main.verb, aim))
                or aim.i < main.verb.i
                or mark_of(aim) != "to"
            ):
                continue
            tokens = sentence.predicate(main.verb, "V-s", person=True)
            if not tokens:
                continue
            whole = tokens[0].text
            goal = sentence.verbs(aim, "to V", person=True)
            cut = f" in order {goal[0].text}" if " in order to" in whole else f" {goal[0].text}" if goal else ""
            base = whole.split(" in order to ")[0].split(cut)[0] if cut else whole
            for tail in goal:
                yield found(f"{sentence.slot} {base}", "xIntent", tail)


@pattern(
    "involves",
    1,
    yes={"Happiness involves acquiring knowledge.": ("happiness", "HasSubEvent", "acquire knowledge")},
    no=("Boxes include nails.",),
)
def involves(sentence: Sentence) -> Iterator[Found]:
    """ "X involves V-ing": a part of an activity."""
    for main in sentence.clauses:
        if main.verb.lemma_ not in ("involve", "include", "entail") or main.past or main.subject is None:
            continue
        if main.subject.tag_ == "VBG":
            heads = [f"{sentence.slot} {p.text}" for p in sentence.verbs(main.subject, "V-s", person=True)[:1]]
        else:
            heads = things(sentence, main)
        for doing in (t for t in main.verb.children if t.tag_ == "VBG" and t.dep_ in ("xcomp", "dobj", "ccomp")):
            for tail in sentence.verbs(doing, "V"):
                for head in heads:
                    yield found(head, "HasSubEvent", tail, main.negated)


@pattern(
    "order",
    1,
    yes={
        "After a person washes the car, they dry the windows.": (
            "PersonX washes the car",
            "isBefore",
            "PersonX dries the windows",
        ),
        "Before making a decision, a person thinks about the situation.": (
            "PersonX makes a decision",
            "isAfter",
            "PersonX thinks about the situation",
        ),
    },
)
def order(sentence: Sentence) -> Iterator[Found]:
    """ "After P, Q" and "Before P, Q"."""
    for main in sentence.clauses:
        for word in main.verb.children:
            when = word.lower_ if word.dep_ == "prep" else mark_of(word) if word.dep_ == "advcl" else ""
            if (
                when not in ("after", "before")
                or main.subject is None
                or main.past
                or not sentence.person(main.subject)
            ):
                continue
            head = sentence.context.event or _other_event(sentence, word)
            if not head or word.i > main.verb.i:
                continue
            for verb in coordinated(main.verb):
                tail = sentence.event(clause(verb)) if verb.pos_ in ("VERB", "AUX") else None
                if tail is not None:
                    yield found(head, "isBefore" if when == "after" else "isAfter", tail)


def _happens_to_person(sentence: Sentence, given: "Token") -> bool:
    """Whether a condition is about a person; one without a subject is about the person of the main clause."""
    inner = clause(given)
    pronoun = inner.subject is not None and inner.subject.lower_ in ("they", "he", "she")
    return inner.subject is None or pronoun or bool(actor(sentence, inner) or thing(sentence, inner.subject))


def _without_source(phrase: Phrase) -> Phrase:
    """ "becomes fat" of "becomes fat from eating too much"."""
    text = _SOURCE.split(phrase.text)[0]
    return Phrase(text, phrase.start, phrase.end) if text else phrase


def _tells_result(main: Clause) -> bool:
    """Whether a clause about the prompt's own event says what comes of it: "will", or a condition before it."""
    return bool({"will", "would"} & main.modals) or condition(main) is not None


def _other_event(sentence: Sentence, word: "Token") -> str:
    """The event of "after washing the car" or "after a person washes the car"."""
    if word.dep_ == "advcl":
        phrase = sentence.event(clause(word))
        return phrase.text if phrase is not None else ""
    inner = next((t for t in word.children if t.dep_ == "pcomp"), None)
    if inner is not None:
        phrases = sentence.verbs(inner, "V-s", person=True)
        return f"{sentence.slot} {phrases[0].text}" if phrases else ""
    noun = next((t for t in word.children if t.dep_ == "pobj" and t.pos_ == "NOUN"), None)
    return (
        f"{sentence.slot} does {sentence.noun(noun).text}"
        if noun is not None and noun.lemma_ in ("exercise", "work", "homework")
        else ""
    )


def _is_purpose(verb: "Token", aim: "Token") -> bool:
    """Whether an infinitive that the parser took for a complement tells a purpose: "waits in line to order"."""
    between = [t for t in verb.children if verb.i < t.i < aim.i and t.dep_ in ("prep", "dobj", "npadvmod", "prt")]
    return verb.lemma_ in _DOING or (bool(between) and verb.lemma_ in _GOING)
