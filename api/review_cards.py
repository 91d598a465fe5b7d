"""A triple as a reviewer sees it: in words, with the sentence and the very characters that it was read from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from api.explain import answers_of
from extraction.slots import Names, pick_names, slots_of, verbalise
from kg.ontology import Ontology, Relation
from kg.records import Answer, Candidate, Triple
from kg.review_queue import Item
from kg.run import Run

AROUND = 300  # characters shown before and after the sentence
_JOINS = frozenset(("because", "so", "but", "as", "and", "then"))  # how a phrase begins that goes on from its head
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*\s|\n")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Part of an answer, cut where a sentence or line begins and ends: its pieces are shown one after the other.

    `marked` are the characters that the triple was read from, `begin` and `end` the rest of their sentence.
    """

    question: str
    teacher: str
    before: str
    begin: str
    marked: str
    end: str
    after: str


@dataclass(frozen=True, slots=True)
class Card:
    """What is asked. `head`, `join` and `tail` make a sentence; `subject` is the triple itself.

    What critics said of it is left out: it would sway who reads it.
    """

    triple_id: str
    head: str
    join: str
    tail: str
    denied: bool
    subject: tuple[str, str, str]
    excerpt: Excerpt | None


def cards(run: Run, items: Sequence[Item], ontology: Ontology) -> list[Card]:
    """The cards of these items; the files of the run are read once for all of them."""
    answers = answers_of(run, {item.source.generation_id for item in items if item.source})
    return [
        card(item, ontology, answers.get(item.source.generation_id) if item.source else None) for item in items
    ]


def card(item: Item, ontology: Ontology, answer: Answer | None) -> Card:
    """The card of an item that was read from this answer, or imported."""
    asked = answer.prompt.names if answer else ()
    head, join, tail = in_words(item.triple, ontology, asked)
    excerpt = _excerpt(item.source, answer) if item.source and answer else None
    subject = (item.triple.head, item.triple.relation, item.triple.tail)
    return Card(item.id, head, join, tail, item.triple.negated, subject, excerpt)


def in_words(triple: Triple, ontology: Ontology, names: Names = ()) -> tuple[str, str, str]:
    """A triple as (head, what joins them, tail), to be read as a sentence.

    Given names stand for person slots: `names` where they name all of them. A denied triple reads like the one that it
    denies.
    """
    relation = ontology[triple.relation]
    if not slots_of(f"{triple.head} {relation.phrase} {triple.tail}") <= {slot for slot, _ in names}:
        names = pick_names(f"{triple.head} {triple.tail}")
    head, tail = triple.head.strip().rstrip("."), triple.tail.strip().rstrip(".")
    phrase = relation.phrase
    if relation.form == "to V" and not tail.lower().startswith("to "):
        tail = f"to {tail}"
    if relation.form == "V-s" and slots_of(tail.split(" ", 1)[0]) and "," in phrase:
        phrase = phrase[: phrase.rindex(",") + 1]  # "as a result, PersonX" before a tail with a subject of its own
    head, phrase, tail = (verbalise(text, names) for text in (head, phrase, tail))
    if relation.head != "Event" or phrase.split(" ", 1)[0] in _JOINS:
        return _capital(head), _joined(phrase), tail
    return f"“{_capital(head)}”", phrase, f"“{_capital(tail)}”" if _is_clause(relation) else tail




def _joined(phrase: str) -> str:
    """The phrase after a comma where it has one itself ("as a result, ...")."""
    return f", {phrase}" if phrase.startswith(("as a result", "but ", "so ")) else phrase


def _is_clause(relation: Relation) -> bool:
    return relation.form == "clause" and relation.tail == "Event"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _excerpt(source: Candidate, answer: Answer) -> Excerpt:
    text, start, end = answer.generation.text, source.start, source.end
    begins = max((m.end() for m in _SENTENCE_END.finditer(text, 0, start)), default=0)
    found = _SENTENCE_END.search(text, end)
    ends = found.end() if found else len(text)
    return Excerpt(
        answer.prompt.text.rstrip().rsplit("\n\n", 1)[-1][-2 * AROUND :], answer.generation.teacher,
        _tail_of(text[:begins]), text[begins:start].lstrip(), text[start:end], text[end:ends], _head_of(text[ends:]),
    )


def _tail_of(text: str) -> str:
    return text if len(text) <= AROUND else f"… {text[-AROUND:].partition(' ')[2]}"


def _head_of(text: str) -> str:
    return text if len(text) <= AROUND else f"{text[:AROUND].rpartition(' ')[0]} …"
