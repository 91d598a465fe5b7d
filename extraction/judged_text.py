"""How a trained critic reads a triple: two texts, in one form for everything that it is shown.

Labelled sets write their verbs as lemmas ("PersonX move away"), teachers write "to drink it" and "tired", graphs
"PersonX moves away". A critic should not tell them apart: case, spacing, inflection and the missing subject of a tail
are levelled.
"""

import re
from functools import lru_cache

from extraction.slots import Names, verbalise
from kg.normal import verb_lemma
from kg.ontology import Ontology
from kg.records import Triple

_SPLIT_SLOT = re.compile(r"\b(person|people) ([xyz])\b")
_CROWD = re.compile(r"\bpeople[xyz]\b")
_SUBJECT = re.compile(r"(?:person[xyz]|people|he|she|they|it|i|we|you|there)\b")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def judged_text(triple: Triple, ontology: Ontology, names: Names) -> tuple[str, str]:
    """(head, relation's phrase and tail) with names for the person slots; a denial reads as what it denies.

    >>> from kg.ontology import load_ontology
    >>> names = (("PersonX", "Alex"), ("PersonY", "Sam"))
    >>> judged_text(Triple("PersonX thanks PersonY", "xWant", "to leave"), load_ontology(), names)
    ('Alex thank Sam', 'as a result, Alex wants: Alex leave')
    >>> judged_text(Triple("PersonX thanks PersonY", "xReact", "happy"), load_ontology(), names)
    ('Alex thank Sam', 'as a result, Alex feels: Alex be happy')
    >>> judged_text(Triple("it rains", "general Effect", "PersonX gets wet"), load_ontology(), names)
    ('it rain', 'general effect: Alex get wet')
    """
    relation = triple.relation
    phrase = ontology[relation].phrase if relation in ontology else _WORDS.sub(" ", relation).lower()
    head, tail = _level(triple.head), _clause(triple, ontology)
    return verbalise(head, names), verbalise(f"{phrase}: {tail}", names)


def _clause(triple: Triple, ontology: Ontology) -> str:
    """The tail as a clause about its subject, where the relation says who that is."""
    tail = _level(triple.tail).removeprefix("to ")
    if triple.relation not in ontology:
        return tail
    relation = ontology[triple.relation]
    if not relation.subject or relation.form == "clause" or _SUBJECT.match(tail):
        return tail
    verb = "be " if relation.form in ("adjective", "noun") else ""
    return f"{relation.subject.lower()} {verb}{tail}"


@lru_cache(maxsize=65536)
def _level(text: str) -> str:
    text = _SPLIT_SLOT.sub(r"\1\2", text.replace("’", "'").lower()).replace("'s", " 's")
    words = _CROWD.sub("people", text).strip().rstrip(".!").split()
    return " ".join(w if w.startswith("'") else verb_lemma(w) for w in words)
