"""What a prompt asks: the head, the relation, and whether the relation is asked for denied."""

import re
from dataclasses import dataclass
from functools import lru_cache

from kg.errors import UnknownNameError
from kg.ontology import Ontology, Relation

STEPS = "HasSubEvent"


@dataclass(frozen=True, slots=True)
class Asked:
    """The triples that a prompt asks for. `script` tells that the steps of a goal are wanted, in their order."""

    head: str
    relation: Relation
    negated: bool = False
    script: bool = False


# What questions of the relations say, beside the `question` of the ontology; the first that fits. X and O stand for the
# person in PersonX's place and for another one.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"hinder|obstruct|prevent|stop (?:this|it)|would not happen if|get in the way", "HinderedBy"),
    (r"O.*(?:want|wish|like) to|want.* O\b", "oWant"),
    (r"O.*\b(?:feel|react)|feel.* O\b", "oReact"),
    (r"(?:effect|happen)\w*.* (?:on|to|for) O|O.*(?:result|effect)", "oEffect"),
    (r"why (?:does|do|did|would|might|is) (?:X|they|he|she)|X.*(?:inten[dt]|motivat)|inten[dt].* X", "xIntent"),
    (r"X.*\bneed|need.* X|must X|X.* must", "xNeed"),
    (r"X.*(?:want|wish|like) to|X want|want.* X\b", "xWant"),
    (r"X.*\b(?:feel|react)|feel.* X\b", "xReact"),
    (r"X.*(?:seen|described|kind of person|perceived)|(?:describe|attribute).* X", "xAttr"),
    (r"(?:effect|happen)\w*.* (?:on|to|for) X|X.*(?:result|effect)", "xEffect"),
    (r"happen\w* (?:after|next|afterwards|later)|comes next", "isBefore"),
    (r"happen\w* (?:before|earlier|first)", "isAfter"),
    (r"\bsteps?\b|how (?:do|can|would|should) (?:you|i|one|we|someone)|do while|part of (?:this|it|doing)", STEPS),
    (r"\breason\b|^why\b", "xReason"),
    (r"what (?:is|are) X|X is(?: not)?$|what X is|fill.* blank", "isFilledBy"),
    (r"used? (?:for|to)|\buses? of\b|use .*for\b", "ObjectUse"),
    (r"where\b|\blocated\b|location", "AtLocation"),
    (r"made (?:up )?of|made from|consist|contain|parts of|parts does", "MadeUpOf"),
    (r"capable|able to|can .*\bdo\b|\babilit", "CapableOf"),
    (r"desire|\bwants?\b", "Desires"),
    (r"\bcauses?\b|results? (?:of|in)|lead to", "Causes"),
    (r"like\?|propert|describe|characteristic", "HasProperty"),
)
_HOW_TO = re.compile(r"\s*(?:how to|steps? (?:to|for)|goal)\s*:?\s+(\S.*)", re.IGNORECASE | re.DOTALL)
_DENIAL = re.compile(r"\b(?:not|never|cannot|won't)\b|n't\b", re.IGNORECASE)
_PERSON_X = re.compile(r"(?<!\w)(?:person ?x|x)(?!\w)", re.IGNORECASE)
_OTHERS = re.compile(r"(?<!\w)(?:person ?[yz](?: or others)?|others?(?: people)?|other people)(?!\w)", re.IGNORECASE)


def what_is_asked(text: str, head: str, relation: str, ontology: Ontology) -> Asked | None:
    """What the prompt `text` asks about `head`, or None when that cannot be told.

    `relation` (perhaps with the prefix `Not`) says it where it is given; else the words of the question do.
    A head that is not given is read from prompts of the form "EVENT. What ...?" and "How to: GOAL".
    """
    goal = _HOW_TO.match(text)
    if relation:
        found, negated = _named(relation, ontology)
        return Asked(head, found, negated, found.name == STEPS and (goal is not None or not _is_while(text)))
    if goal is not None and STEPS in ontology:
        return Asked(head or goal[1].strip(), ontology[STEPS], False, True)
    question = _question(text, head)
    if not head:
        head, question = _split_head(question)
    if not head or not question:
        return None
    name = _own_question(question, ontology) or _by_words(question, ontology)
    if name is None:
        return None
    found, negated = ontology.resolve(name)
    return Asked(head, found, negated or bool(_DENIAL.search(question)), name == STEPS and not _is_while(question))


def _named(name: str, ontology: Ontology) -> tuple[Relation, bool]:
    """The relation of that name; one that the ontology lacks is kept for a critic to drop."""
    try:
        return ontology.resolve(name)
    except UnknownNameError:
        negated = name.startswith("Not") and len(name) > 3
        plain = name[3:] if negated else name
        return Relation(plain, phrase=plain, question=plain), negated


def _is_while(text: str) -> bool:
    return re.search(r"\bwhile\b", text) is not None


def _question(text: str, head: str) -> str:
    """The question itself: the last line of a prompt, without the head."""
    lines = [line for line in text[-4000:].splitlines() if line.strip()]
    line = lines[-1].strip() if lines else ""
    if head:
        line = line.replace(head, " ")
    line = re.sub(
        r"\b(?:please )?(?:name|list|give) (?:at least )?(?:\w+ )?(?:\w+)?[.!]*\s*$",
        "",
        line.strip(),
        flags=re.IGNORECASE,
    )
    return re.sub(r"\s*\b(?:answers?|a):\s*$", "", line, flags=re.IGNORECASE).strip(" .:")


def _split_head(question: str) -> tuple[str, str]:
    """ "PersonX sleeps. What does PersonX want?" in its event and its question; only a person's event is split off."""
    event, stop, rest = question.partition(". ")
    return (event.strip(), rest.strip()) if stop and re.match(r"person ?x", event, re.IGNORECASE) else ("", question)


def _own_question(question: str, ontology: Ontology) -> str | None:
    """The relation whose `question` these words are, or whose `phrase` they end in."""
    plain = _plain(_DENIAL.sub(" ", question))
    for key, name in _questions(ontology):
        if plain == key:
            return name
    return next((r.name for r in ontology if len(r.phrase) > 8 and question.lower().endswith(r.phrase.lower())), None)


@lru_cache(maxsize=16)
def _questions(ontology: Ontology) -> list[tuple[str, str]]:
    return [(_plain(_DENIAL.sub(" ", r.question)), r.name) for r in ontology if not r.negates]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _by_words(question: str, ontology: Ontology) -> str | None:
    words = _DENIAL.sub(" ", question)
    words = " ".join(_OTHERS.sub(" O ", _PERSON_X.sub(" X ", words.lower())).split())
    return next((name for cue, name in _WORDS if name in ontology and re.search(cue, words)), None)
