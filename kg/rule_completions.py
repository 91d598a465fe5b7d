"""What rules say beyond a graph, each completion with the rule and the triples that it follows from.

Of several rules that say the same the most confident counts: the maximum aggregation of AnyBURL (Meilicke et al., IJCAI
2019). Rules that share their reasons would count twice in a noisy-or.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kg.records import Completion, Triple
from kg.rule_mining import Facts, Matrix
from kg.rules import Atom, Rule, rank


@dataclass(frozen=True, slots=True)
class Inference:
    """A completion, the most confident rule that gives it, and one set of triples that fill the rule's body."""

    completion: Completion
    rule: Rule
    facts: tuple[Triple, ...]


def infer(triples: Iterable[Triple], rules: Sequence[Rule]) -> Iterator[Inference]:
    """All triples that rules give and the graph lacks, by relation, then by score, which is the rule's confidence.

    Memory grows with the completions of one relation.
    """
    facts = Facts(triples)
    for head in sorted({rule.head for rule in rules}):
        seen = _keys(facts, 0, facts.matrix(head))
        for rule in sorted((r for r in rules if r.head == head), key=rank):
            for start, pairs in facts.bodies(rule.body):
                new = np.setdiff1d(_keys(facts, start, pairs), seen)
                seen = np.union1d(seen, new)
                for key in new.tolist():
                    x, y = divmod(key, len(facts.entities))
                    triple = _triple(facts, head, x, y)
                    yield Inference(Completion(triple, rule.confidence, "rules"), rule, _reasons(facts, rule, x, y))


def _keys(facts: Facts, start: int, pairs: Matrix) -> NDArray[np.int64]:
    """One number a pair."""
    found = pairs.tocoo()
    keys: NDArray[np.int64] = (found.row.astype(np.int64) + start) * len(facts.entities) + found.col
    return keys


def _reasons(facts: Facts, rule: Rule, x: int, y: int) -> tuple[Triple, ...]:
    """The triples of the path from x to y; of several paths the one through the first entity in code point order."""
    path = [x, y]
    if len(rule.body) == 2:
        first, second = rule.body
        from_x = facts.matrix(first)[[x]].indices
        to_y = facts.matrix(Atom(second.relation, second.negated, not second.inverse))[[y]].indices
        path.insert(1, int(np.intersect1d(from_x, to_y)[0]))
    return tuple(_triple(facts, atom, *ends) for atom, ends in zip(rule.body, pairwise(path), strict=True))


def _triple(facts: Facts, atom: Atom, x: int, y: int) -> Triple:
    head, tail = (y, x) if atom.inverse else (x, y)
    return Triple(facts.entities[head], atom.relation, facts.entities[tail], atom.negated)
