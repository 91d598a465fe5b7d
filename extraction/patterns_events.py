"""What comes of events for a person, why they happen and in which order."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from extraction.grammar import clause, coordinated, mark_of, objects_of
from extraction.nouns import PLACES, described, is_doing, is_human
from extraction.patterns import Found, found, pattern
from extraction.sentences import Phrase
from extraction.statements import Statement, thing
from extraction.words import word_set

if TYPE_CHECKING:
    from spacy.tokens import Token

_MINDS = word_set("want feel need wish hope desire mean know think believe like love suggest care say")
_GOING = word_set("go wait come travel walk drive run stand stay visit study sit")
_SOURCE = re.compile(r" (?:from|after|upon) \w+ing\b")
_MOVES = word_set(
    "allow ask cause enable encourage expect force get help instruct invite let make need order permit persuade "
    "prefer require teach tell urge advise lead convince motivate inspire request recommend contain include come"
)  # "V someone to W": what another one does
_TROUBLES = frozenset({"time", "trouble", "difficulty", "problem"})
_STRIVES = word_set("try look hope plan aim intend seek attempt prepare")
_DOING = word_set("listen work study exercise practice train fight sing dance play")


@pattern(
    "consequence",
    4,
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
        "People with digestion issues are likely to have a hard time digesting meat.": (
            "PersonX has digestion issues",
            "xEffect",
            "has a hard time digesting meat",
        ),
    },
    no=(
        "If you are sad, you feel alone.",
        "If it rains, the street gets wet.",
        "He ate when he arrived.",
        "Spanish people speak Spanish.",
        "If you do not have money, you cannot shop.",
        "You can wash your clothes if they are dirty.",
    ),
)
def consequence(s: Statement) -> Iterator[Found]:
    """ "If P, you V": what a person does or what happens to them because of an event."""
    if not s.person or not s.event or s.lemma in _MINDS or s.modals & {"must", "should"} or s.feelings:
        return
    if (s.lemma == "have" and s.child("xcomp")) or (s.lemma == "do" and s.child("dobj") is None) or _only_is(s):
        return
    if (s.event == s.sentence.context.event and not _tells_result(s)) or _is_of_kind(s) or _is_denied_ability(s):
        return
    given = s.condition
    if _is_striving(s) or s.lemma in ("experience", "enjoy"):
        return
    if given is not None and s.event != s.sentence.context.event and not _happens_to_person(s, given):
        return
    if given is not None and (s.past or clause(given).past or _is_guess(s, given)):
        return
    aim = _aim(s)
    goals = s.sentence.verbs(aim, "to V", person=True) if aim is not None else []
    for phrase in map(_without_source, s.predicate("V-s", person=True)):
        yield found(s.event, "oEffect" if s.is_other else "xEffect", _without_aim(phrase, goals), s.negated)


@pattern(
    "other_learns",
    1,
    yes={
        "If a student changes the card, the teacher will know that the student lied.": (
            "PersonX changes the card",
            "oEffect",
            "knows that the student lied",
        ),
    },
    no=("If it rains, the teacher will know it.",),
)
def other_learns(s: Statement) -> Iterator[Found]:
    """ "If a student V-s, the teacher W-s": what another person does because of an event."""
    if s.condition is None or s.subject is None or not is_human(s.subject) or s.feelings:
        return
    first = clause(s.condition)
    if first.subject is None or not (is_human(first.subject) or s.sentence.person(first.subject)):
        return
    if first.subject.lemma_ == s.subject.lemma_ or first.subject.pos_ == "PRON" or s.past:
        return
    for tail in s.predicate("V-s"):
        yield found(s.doing(first.verb), "oEffect", tail, s.negated)


@pattern(
    "purpose",
    4,
    yes={
        "Someone goes to the bank to get some money.": ("PersonX goes to the bank", "xIntent", "to get some money"),
        "People listen to hear things.": ("PersonX listens", "xIntent", "to hear things"),
        "People save money for months in order to go on trips.": (
            "PersonX saves money for months",
            "xIntent",
            "to go on trips",
        ),
        "Students sit in classrooms to learn.": ("PersonX sits in classrooms", "xIntent", "to learn"),
        "People watch TV to relax.": ("PersonX watches tv", "xIntent", "to relax"),
        "People may read books to understand something.": (
            "PersonX reads books",
            "xIntent",
            "to understand something",
        ),
    },
    no=(
        "Beavers build dams to supply themselves with food.",
        "Hammers are used to drive nails.",
        "You need to sleep.",
        "People use soap to wash.",
        "Parents ask children to help.",
        "People have the right to vote.",
    ),
)
def purpose(s: Statement) -> Iterator[Found]:
    """ "P to V", "in order to V": why a person does something."""
    if s.subject is None or s.passive or s.past or s.lemma in ("use", "be", "need", "have", "find"):
        return
    someone = s.sentence.person(s.subject) or (is_human(s.subject) and s.child("dobj") is None)
    if s.condition is not None or s.main.inherited or s.modals & {"can", "could", "must"}:
        return
    aim = _aim(s) if someone and s.verb.tag_ not in ("VBN", "VBD") else None
    if aim is None or (s.lemma == "go" and s.child("prep", "advmod", "npadvmod") is None):
        return
    goals = s.sentence.verbs(aim, "to V", person=True)
    for phrase in s.predicate("V-s", person=True)[:1]:
        for goal in goals:
            yield found(f"{s.sentence.slot} {_without_aim(phrase, goals).text}", "xIntent", goal)


@pattern(
    "common_to",
    1,
    yes={
        "After making a deal, it is common to shake hands.": ("PersonX makes a deal", "xEffect", "shakes hands"),
        "When a person dies, it is common to bury the body.": ("PersonX dies", "xEffect", "buries the body"),
    },
    no=("It is common to shake hands.", "If it rains, it is common to stay home."),
)
def common_to(s: Statement) -> Iterator[Found]:
    """ "After P, it is common to V": what follows from an event of a person."""
    state = s.child("acomp")
    if s.lemma != "be" or s.past or s.subject is None or s.subject.lower_ != "it" or state is None:
        return
    if state.lower_ not in ("common", "natural", "normal", "usual", "customary", "typical"):
        return
    links = [t for t in s.children("prep") if t.lower_ == "after" and t.i < s.verb.i]
    heads = [s.doing(p) for t in links for p in t.children if p.dep_ == "pcomp"]
    if s.condition is not None:
        heads.append(s.of_clause(s.condition))
    for head in (h for h in heads if h.startswith(s.sentence.slot)):
        for aim in (t for t in (*s.verb.children, *state.children) if t.dep_ == "xcomp" and mark_of(t) == "to"):
            for tail in s.sentence.verbs(aim, "V-s", person=True):
                yield found(head, "xEffect", tail, s.negated)


@pattern(
    "involves",
    2,
    yes={
        "Happiness involves acquiring knowledge.": ("happiness", "HasSubEvent", "acquire knowledge"),
        "Housework often involves hard cleaning.": ("housework", "HasSubEvent", "hard cleaning"),
    },
    no=("Boxes include nails.",),
)
def involves(s: Statement) -> Iterator[Found]:
    """ "X involves V-ing": a part of an activity."""
    if s.lemma not in ("involve", "include", "entail") or s.past or s.subject is None:
        return
    heads = [s.doing(s.subject)] if s.subject.tag_ == "VBG" else s.things
    nouns = [m for t in s.children("dobj") for m in coordinated(t) if s.lemma != "include"]
    for noun in (t for t in nouns if t.tag_ == "NN" and is_doing(t)):
        yield from (found(head, "HasSubEvent", s.sentence.noun(noun), s.negated) for head in heads)
    for doing in (t for t in s.children("xcomp", "dobj", "ccomp") if t.tag_ == "VBG"):
        for tail in s.sentence.verbs(doing, "V"):
            for head in heads:
                yield found(head, "HasSubEvent", tail, s.negated)


@pattern(
    "order",
    3,
    yes={
        "After a person washes the car, they dry the windows.": (
            "PersonX washes the car",
            "isBefore",
            "PersonX dries the windows",
        ),
        "After running for hours, a person might sweat.": ("PersonX runs for hours", "xEffect", "sweats"),
        "After getting drunk, people often start fights.": ("PersonX gets drunk", "xEffect", "starts fights"),
        "After working hard, one becomes exhausted.": ("PersonX works hard", "xReact", "exhausted"),
        "Before making a decision, a person thinks about the situation.": (
            "PersonX makes a decision",
            "isAfter",
            "PersonX thinks about the situation",
        ),
    },
)
def order(s: Statement) -> Iterator[Found]:
    """ "After P, Q" and "Before P, Q"."""
    if s.subject is None or s.past or not s.sentence.person(s.subject) or "must" in s.modals:
        return
    if s.lemma in ("want", "need", "wish", "feel", "hope") and not s.feelings:
        return
    for word in s.children("prep", "advcl"):
        when = word.lower_ if word.dep_ == "prep" else mark_of(word)
        if when not in ("after", "before") or word.i > s.verb.i:
            continue
        head = s.sentence.context.event or _other_event(s, word)
        if head and when == "after" and (s.feelings or _tends(s)):
            for feeling in s.feelings:
                yield found(head, "xReact", feeling, s.negated)
            for tail in () if s.feelings else s.predicate("V-s", person=True):
                yield found(head, "xEffect", tail, s.negated)
            continue
        for verb in coordinated(s.main.finite) if head else ():
            told = s.sentence.event(clause(verb)) if verb.pos_ in ("VERB", "AUX") else None
            if told is not None:
                yield found(head, "isBefore" if when == "after" else "isAfter", told)


def _tends(s: Statement) -> bool:
    """Whether it tells what comes of an event of itself, and not the next thing that is done."""
    often = any(t.lower_ in ("often", "usually", "typically", "generally") for t in s.children("advmod"))
    return often or bool(s.modals & {"may", "might", "will", "would", "likely"})


def _only_is(s: Statement) -> bool:
    """A copula that tells no place: "you are (a) ..."."""
    stays = any(t.lower_ in PLACES for t in s.children("prep")) and not s.child("attr", "acomp")
    return s.lemma == "be" and not stays


@pattern(
    "strives",
    1,
    yes={
        "People who wear dark glasses are usually trying to hide their identity.": (
            "PersonX wears dark glasses",
            "xIntent",
            "to hide PersonX's identity",
        ),
        "If you look at houses, you are planning to buy one.": ("PersonX looks at houses", "xIntent", "to buy one"),
    },
    no=("If you are tired, you try to sleep.", "He is trying to sleep."),
)
def strives(s: Statement) -> Iterator[Found]:
    """ "If P, you are trying to V": what a person does something for."""
    if not s.person or not s.event or s.is_other or not _is_striving(s):
        return
    for aim in (t for t in s.children("xcomp") if mark_of(t) == "to"):
        for goal in s.sentence.verbs(aim, "to V", person=True):
            yield found(s.event, "xIntent", goal, s.negated)


def _is_striving(s: Statement) -> bool:
    """ "is trying to V", "is looking to V"."""
    return s.verb.tag_ == "VBG" and s.lemma in _STRIVES and any(mark_of(t) == "to" for t in s.children("xcomp"))


def _is_of_kind(s: Statement) -> bool:
    """Whether a clause about "people who V" tells a trait or ability of that kind, and nothing that comes of V-ing."""
    word = described(s.subject) if s.subject is not None and s.condition is None else None
    if word is None:
        return False
    if (s.verb is s.main.finite and s.modals & {"can", "could"}) or s.main.finite.dep_ == "conj":
        return True
    hard = s.lemma == "have" and any(t.lemma_ in _TROUBLES for t in s.children("dobj"))
    return not s.modals and (word.dep_ == "acl" or (word.dep_ == "prep" and not hard))


def _is_denied_ability(s: Statement) -> bool:
    """ "you cannot V if P": P hinders, and nothing comes of it."""
    return "could" in s.modals or (s.negated and s.condition is not None and (not s.modals or "can" in s.modals))


def _is_guess(s: Statement, given: "Token") -> bool:
    """Whether a condition is about one person on one occasion: "if he V-s, he W-s"."""
    return mark_of(given) == "if" and s.subject is not None and s.subject.lower_ in ("he", "she", "i")


def _happens_to_person(s: Statement, given: "Token") -> bool:
    """Whether a condition is about a person; one without a subject is about the person of the main clause."""
    inner = clause(given)
    if inner.subject is None:
        return True
    if s.subject is not None and s.subject.pos_ == "NOUN" and not s.sentence.person(s.subject):
        return inner.subject.lower_ in ("they", "he", "she")
    if inner.subject.lower_ in ("they", "he", "she"):
        return s.subject is None or s.subject.lower_ not in ("you", "we", "i")
    return bool(Statement(s.sentence, inner).person or thing(s.sentence, inner.subject))


def _without_source(phrase: Phrase) -> Phrase:
    """ "becomes fat" of "becomes fat from eating too much"."""
    text = _SOURCE.split(phrase.text)[0]
    return Phrase(text, phrase.start, phrase.end) if text else phrase


def _tells_result(s: Statement) -> bool:
    """Whether a clause about the prompt's own event says what comes of it: "will", or a condition before it."""
    return bool({"will", "would"} & s.modals) or s.condition is not None


def _other_event(s: Statement, word: "Token") -> str:
    """The event of "after washing the car" or "after a person washes the car"."""
    if word.dep_ == "advcl":
        return s.of_clause(word)
    inner = next((t for t in word.children if t.dep_ == "pcomp"), None)
    if inner is not None:
        return s.doing(inner)
    noun = next((t for t in objects_of(word.head, {word.lower_}) if t.pos_ == "NOUN"), None)
    if noun is not None and s.feelings and noun.ent_type_ not in ("DATE", "TIME"):
        return f"{s.sentence.slot} has {s.sentence.noun(noun).text}"
    active = noun is not None and noun.lemma_ in ("exercise", "work", "homework")
    return f"{s.sentence.slot} does {s.sentence.noun(noun).text}" if noun is not None and active else ""


def _aim(s: Statement) -> "Token | None":
    """The verb of a purpose clause behind the verb: "get" of "goes to the bank to get money"."""
    aims = s.children("advcl", "xcomp")
    if s.lemma in _GOING:  # "sit in classrooms to learn", where the parser gives "to learn" to the place
        aims += [t for p in objects_of(s.verb, set(PLACES)) for t in p.children if t.dep_ in ("acl", "relcl")]
    orders = [t for p in objects_of(s.verb, {"in"}) if p.lower_ == "order" for t in p.children if t.dep_ == "acl"]
    for t in [*aims, *orders]:
        if t.i > s.verb.i and mark_of(t) == "to" and (t.dep_ != "xcomp" or _is_purpose(s.verb, t)):
            return t
    return _misread_aim(s)


def _misread_aim(s: Statement) -> "Token | None":
    """The aim that the parser gives to the object: "TV" for the subject of "relax" in "watches TV to relax"."""
    if s.lemma in _MOVES or s.lemma in _MINDS:
        return None
    for t in s.children("ccomp"):
        if t.i > s.verb.i and mark_of(t) == "to" and any(d.dep_ == "nsubj" and d.pos_ == "NOUN" for d in t.children):
            return t
    return None


def _is_purpose(verb: "Token", aim: "Token") -> bool:
    """Whether an infinitive that the parser took for a complement tells a purpose: "waits in line to order"."""
    between = [t for t in verb.children if verb.i < t.i < aim.i and t.dep_ in ("prep", "dobj", "npadvmod", "prt")]
    given = any(t.dep_ == "dobj" and t.pos_ == "NOUN" for t in between) and verb.lemma_ not in _MOVES | _MINDS
    return verb.lemma_ in _DOING or given or (bool(between) and verb.lemma_ in _GOING)


def _without_aim(phrase: Phrase, goals: list[Phrase]) -> Phrase:
    """ "goes to a museum" of "goes to a museum (in order) to see beautiful things"."""
    for goal in goals:
        for cut in (f" in order {goal.text}", f" {goal.text}"):
            if cut in phrase.text and not phrase.text.startswith(cut):
                return Phrase(phrase.text.split(cut)[0], phrase.start, max(phrase.start + 1, goal.start - 1))
    return phrase
