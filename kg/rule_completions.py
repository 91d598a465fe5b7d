"""What rules say beyond a graph, each completion with the rule and the triples that it follows from.

Of several rules that say the same the most confident counts: the maximum aggregation of AnyBURL (Meilicke et al., IJCAI
2019). Rules that share their reasons would count twice in a noisy-or.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kg.normal import normal_form
from kg.records import Completion, Triple
from kg.rule_mining import Facts, Matrix
from kg.rules import Atom, Rule, rank

NAME = "rules"


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
                    yield _inference(facts, head, x, y, rule)


class RuleStudent:
    """What rules say of one entity of a graph at a time. Holds the graph's triples as sparse matrices."""

    name = NAME

    def __init__(self, triples: Iterable[Triple], rules: Sequence[Rule]) -> None:
        self._facts = Facts(triples)
        self._rules = sorted(rules, key=rank)
        self._numbers: dict[str, list[int]] = {}
        for number, entity in enumerate(self._facts.entities):
            self._numbers.setdefault(normal_form(entity), []).append(number)

    def complete(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Inference]]:
        """For each (head, relation, or an empty string for any) at most `k` triples that the graph lacks, best first.

        An entity that the graph lacks gets none. Of equal scores those of the rule with more support come first.
        """
        return [self._of(head, label, k, backwards=False) for head, label in queries]

    def complete_heads(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Inference]]:
        """For each (relation, tail) as `complete`."""
        return [self._of(tail, label, k, backwards=True) for label, tail in queries]

    def _of(self, entity: str, label: str, k: int, backwards: bool) -> list[Inference]:
        facts, found = self._facts, dict[tuple[Atom, int, int], Rule]()
        for number in self._numbers.get(normal_form(entity), []):
            for rule in self._rules:
                if label in ("", rule.head.label):
                    known = _reached(facts, number, (rule.head,), backwards)
                    for end in np.setdiff1d(_reached(facts, number, rule.body, backwards), [*known, number]).tolist():
                        x, y = (end, number) if backwards else (number, end)
                        found.setdefault((rule.head, x, y), rule)
        best = sorted(found.items(), key=lambda item: rank(item[1]))[: max(k, 0)]
        return [_inference(facts, head, x, y, rule) for (head, x, y), rule in best]


def _inference(facts: Facts, head: Atom, x: int, y: int, rule: Rule) -> Inference:
    completion = Completion(_triple(facts, head, x, y), rule.confidence, NAME)
    return Inference(completion, rule, _reasons(facts, rule, x, y))


def _reached(facts: Facts, number: int, path: Sequence[Atom], backwards: bool) -> NDArray[np.int64]:
    """The entities at the end of paths from this one, or at the beginning of paths to it."""
    if backwards:
        path = [Atom(a.relation, a.negated, not a.inverse) for a in reversed(path)]
    row = facts.matrix(path[0])[[number]]
    for atom in path[1:]:
        row = row @ facts.matrix(atom)
    ends: NDArray[np.int64] = row.indices
    return ends


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
