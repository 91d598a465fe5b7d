"""Mining Horn rules: every path of one or two atoms is counted with every head at once.

Entities are rows and columns of one sparse matrix a relation, a body is a product of two. A product is taken in blocks
of rows, so that memory stays bounded where a hub joins everything with everything.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from kg.errors import InputError
from kg.records import Triple
from kg.rules import Atom, Rule, rank
from kg.run import Progress, silent

BLOCK = 4_000_000  # joined pairs that are held at a time
Matrix = Any  # scipy.sparse.csr_array, which has no types


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least that a rule must have. Support is a number of pairs, the others are shares."""

    support: int = 10
    head_coverage: float = 0.01
    confidence: float = 0.1
    pca_confidence: float = 0.1

    def pass_(self, rule: Rule) -> bool:
        return (
            rule.support >= max(1, self.support) and rule.head_coverage >= self.head_coverage
            and rule.confidence >= self.confidence and rule.pca_confidence >= self.pca_confidence
        )


class Facts:
    """Triples as sparse matrices of 0 and 1, entities x entities, one for each relation."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        found = sorted({(t.relation, t.negated, t.head, t.tail) for t in triples if t.head != t.tail})
        self.entities = sorted({e for _, _, *ends in found for e in ends})
        self.relations = sorted({Atom(relation, negated) for relation, negated, *_ in found})
        self.number = {entity: n for n, entity in enumerate(self.entities)}
        ends: dict[Atom, list[tuple[int, int]]] = {relation: [] for relation in self.relations}
        for relation, negated, head, tail in found:
            ends[Atom(relation, negated)].append((self.number[head], self.number[tail]))
        size = len(self.entities)
        self._matrices: dict[Atom, Matrix] = {}
        for atom, pairs in ends.items():
            rows, columns = np.array(pairs).T
            matrix = sparse.csr_array((np.ones(len(pairs), np.int32), (rows, columns)), shape=(size, size))
            self._matrices[atom] = matrix
            self._matrices[Atom(atom.relation, atom.negated, True)] = matrix.T.tocsr()

    def matrix(self, atom: Atom) -> Matrix:
        """1 at (x, y) where the atom holds; all 0 for a relation that no triple has."""
        size = len(self.entities)
        found = self._matrices.get(atom)
        return sparse.csr_array((size, size), dtype=np.int32) if found is None else found

    def bodies(self, body: Sequence[Atom]) -> Iterator[tuple[int, Matrix]]:
        """(first row, the next rows of the matrix of pairs of different entities that the body joins)."""
        first = self.matrix(body[0])
        if len(body) == 1:
            yield 0, first
            return
        second = self.matrix(body[1])
        joined = np.cumsum(first @ np.diff(second.indptr))
        start = 0
        while start < first.shape[0]:
            before = joined[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(joined, before + BLOCK, "right")))
            if joined[end - 1] > before:
                pairs = (first[start:end] @ second).tocoo()
                apart = pairs.row + start != pairs.col
                rows, columns = pairs.row[apart], pairs.col[apart]
                ones = np.ones(len(rows), np.int32)
                yield start, sparse.csr_array((ones, (rows, columns)), shape=pairs.shape)
            start = end

    @cached_property
    def heads(self) -> "_Heads":
        return _Heads(self)


class _Heads:
    """What all relations hold of, side by side, so that one body is counted for all heads at once."""

    def __init__(self, facts: Facts) -> None:
        matrices = [facts.matrix(r).tocoo() for r in facts.relations]
        size, count = len(facts.entities), len(matrices)
        keys = [m.row.astype(np.int64) * size + m.col for m in matrices]
        pairs, places = np.unique(np.concatenate(keys), return_inverse=True)
        relation = np.repeat(np.arange(count), [len(k) for k in keys])
        self.triples = np.array([len(k) for k in keys])
        self.of_pair = sparse.csr_array(
            (np.ones(len(places), np.int64), (places, relation)), shape=(len(pairs), count)
        )
        numbers = np.arange(1, len(pairs) + 1)
        self.pairs = sparse.csr_array((numbers, (pairs // size, pairs % size)), shape=(size, size))
        self.subjects = np.stack([np.diff(m.tocsr().indptr) > 0 for m in matrices], 1).astype(np.int64)
        self.objects = np.stack([np.diff(m.tocsc().indptr) > 0 for m in matrices], 1).astype(np.int64)
        self.by_subject = self.subjects.sum(0) >= self.objects.sum(0)  # functionality, that of the inverse


def mine(
    triples: Iterable[Triple], thresholds: Thresholds = Thresholds(), progress: Progress = silent
) -> list[Rule]:
    """All rules of one or two atoms that pass the thresholds, the most confident first.

    Raises InputError when there is nothing to mine.
    """
    facts = Facts(triples)
    if not facts.relations:
        raise InputError("there is no triple with two different ends: rules need a graph with at least one")
    atoms = sorted(Atom(r.relation, r.negated, inverse) for r in facts.relations for inverse in (False, True))
    least = max(1, thresholds.support)
    leaving = np.stack([np.diff(facts.matrix(a).indptr) for a in atoms]).astype(np.int64)
    entering = np.stack([np.diff(facts.matrix(a).T.tocsr().indptr) for a in atoms]).astype(np.int64)
    joins = entering @ leaving.T  # ways to go along one atom, then along another
    bodies: list[tuple[Atom, ...]] = [(a,) for a in atoms]
    bodies += [(a, b) for i, a in enumerate(atoms) for j, b in enumerate(atoms) if joins[i, j] >= least]
    found: list[Rule] = []
    for done, body in enumerate(bodies):
        progress("rules", done, len(bodies))
        found += [rule for rule in _rules_of(facts, body, least) if thresholds.pass_(rule)]
    progress("rules", len(bodies), len(bodies))
    return sorted(found, key=rank)


def _rules_of(facts: Facts, body: tuple[Atom, ...], least: int) -> Iterator[Rule]:
    """The body with every head of which it has the least support."""
    heads, size = facts.heads, len(facts.entities)
    support = np.zeros(len(facts.relations), np.int64)
    rows, columns = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for start, pairs in facts.bodies(body):
        end = start + pairs.shape[0]
        rows[start:end] += np.diff(pairs.indptr)
        columns += np.bincount(pairs.indices, minlength=size)
        known = pairs.multiply(heads.pairs[start:end]).tocsr().data
        support += heads.of_pair[known - 1].sum(0)
    with_subject, with_object = rows @ heads.subjects, columns @ heads.objects
    for n in np.flatnonzero(support >= least).tolist():
        head = facts.relations[n]
        if body != (head,):
            pca = with_subject[n] if heads.by_subject[n] else with_object[n]
            yield Rule(head, body, int(support[n]), int(rows.sum()), int(pca), int(heads.triples[n]))
