"""Pairs to pretrain a critic on, made from triples that hold: each with triples that probably do not.

A wrong tail is that of another head of the same relation, drawn at random or from a head that shares a word, or a tail
that breaks off. Relations that a set lacks but that follow from its own are added.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from random import Random

from extraction.labels import Labelled
from kg.normal import normal_form
from kg.ontology import NOTHING
from kg.records import Triple

FOLLOWS = {"xWant": ("isBefore",), "xEffect": ("isBefore", "Causes"), "xNeed": ("isAfter",)}
BROKEN, DERIVED = 0.25, 0.35  # how often a tail breaks off, a relation is added
_COMMON = frozenset("personx persony personz the a an to 's be in of on it have get for with and at".split())


def pairs(triples: Sequence[Triple], seed: int = 0) -> list[Labelled]:
    """Plausible and corrupted triples, shuffled; triples that are denied, or say that nothing applies, are left out."""
    random = Random(seed)
    by_relation: dict[str, list[Triple]] = defaultdict(list)
    for triple in dict.fromkeys(triples):
        if not triple.negated and triple.tail.strip().lower() != NOTHING:
            by_relation[triple.relation].append(triple)
    found = [row for same in by_relation.values() for row in _of_relation(same, random)]
    random.shuffle(found)
    return found


def _of_relation(triples: list[Triple], random: Random) -> Iterator[Labelled]:
    known = {(t.head, t.tail) for t in triples}
    words = {head: _words(head) for head in dict.fromkeys(t.head for t in triples)}
    near: dict[str, list[Triple]] = defaultdict(list)
    for triple in triples:
        for word in words[triple.head]:
            near[word].append(triple)
    for triple in triples:
        wrong = [random.choice(triples).tail]
        if shared := [w for w in words[triple.head] if len(near[w]) > 1]:
            wrong.append(random.choice(near[random.choice(shared)]).tail)
        tails = [t for t in wrong if (triple.head, t) not in known]
        if random.random() < BROKEN and len(whole := triple.tail.split()) > 2:
            tails.append(" ".join(whole[: len(whole) // 2]))
        relations = [triple.relation]
        if triple.relation in FOLLOWS and random.random() < DERIVED:
            relations.append(random.choice(FOLLOWS[triple.relation]))
        for relation in relations:
            for tail, holds in [(triple.tail, True), *((t, False) for t in tails)]:
                yield Labelled(Triple(triple.head, relation, tail), holds)


def _words(head: str) -> list[str]:
    return sorted(set(normal_form(head).split()) - _COMMON)
