"""One ranked list from several sources: what the graph knows, what its near neighbours have, what a student proposes.

A source is asked with a `Query`, of which head or tail is given, and gives what it can: completions with scores that
are probabilities where the source is calibrated.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from api.triples import Edge, Edges
from kg.errors import InputError
from kg.graph import node_id
from kg.ontology import KINDS, NOTHING, Ontology, Relation
from kg.protocols import AnyField, Student
from kg.records import Completion, Triple

GRAPH = "graph"
_Complete = Callable[[Sequence[Any], int], list[list[Completion]]]
MOST = 10_000  # edges of one tail that are ranked
_UNLEARNED = "the student never learned {}: there the graph answers alone"


@dataclass(frozen=True, slots=True)
class Merged:
    """A completed triple with all who propose it; `relation` has the prefix `Not` when it is denied.

    `score` in [0, 1] is the best that any source gives and `source` the one that gives it; `sources`
    tells the score of each. `known` tells whether the graph holds the triple, then `id` names it and `provenance` says
    where it was read, as `kg.records.Provenance` does.
    """

    tail: str
    score: float
    source: str
    known: bool
    id: str = ""
    sources: dict[str, float] = field(default_factory=dict)
    head: str = ""
    relation: str = ""
    provenance: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Query:
    """A triple to complete: head or tail is given; `relation`, which may be denied, is None when any is wanted.

    `among` are the names of the relations that are wanted then, all when there are none.
    """

    head: str | None
    relation: Relation | None
    negated: bool = False
    tail: str | None = None
    among: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The relation's name, with the prefix `Not` when it is denied; empty when any is wanted."""
        if self.relation is None:
            return ""
        return f"Not{self.relation.name}" if self.negated else self.relation.name

    def fits(self, triple: Triple) -> bool:
        """Whether the triple has the relation that is asked for."""
        if self.relation is not None:
            return triple.relation == self.relation.name and triple.negated == self.negated
        return not self.among or list(triple)[1] in self.among


def read_query(
    ontology: Ontology, head: str | None, relation: str | None, tail: str | None = None, among: Iterable[str] = ()
) -> Query:
    """A query from texts and names of relations. Raises InputError, UnknownNameError."""
    if (head is None and tail is None) or None not in (head, relation, tail):
        raise InputError("a query has a head or a tail, and leaves something open: head, relation or tail")
    if relation is not None and among:
        raise InputError("relations are for queries without a relation")
    names = [(r.name, negated) for r, negated in map(ontology.resolve, among)]
    wanted = frozenset(f"Not{name}" if negated else name for name, negated in names)
    if relation is None:
        return Query(head, None, False, tail, wanted)
    return Query(head, *ontology.resolve(relation), tail)


@dataclass(frozen=True, slots=True)
class Proposals:
    """What a source gives for each query; `notes` tells, by the places of queries, what it could not answer."""

    found: list[list[Completion]]
    notes: Mapping[int, str] = field(default_factory=dict)


class Source(Protocol):
    """Something that completes queries; it gives nothing for those that it cannot answer."""

    def complete(self, queries: Sequence[Query], k: int) -> Proposals:
        """At most `k` completions of each query, or all; their `source` names it."""
        ...


class GraphSource:
    """The graph's own triples; one without a score counts as certain."""

    def __init__(self, edges: Edges) -> None:
        self.edges = edges

    def complete(self, queries: Sequence[Query], k: int) -> Proposals:  # noqa: ARG002 (the others must know all)
        """All triples that fit, of a tail without a head at most `MOST`."""
        leaving = self.edges.leaving({i for q in queries if q.head is not None for i in _ids(q.head, q.relation)})
        return Proposals([[_known(e) for e in self._of(q, leaving) if q.fits(e.triple)] for q in queries])

    def provenance(self, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Where these triples were read, by their ids."""
        return self.edges.provenance(ids)

    def _of(self, q: Query, leaving: dict[str, list[Edge]]) -> list[Edge]:
        if q.head is None:
            return self.edges.find(relation=q.relation.name if q.relation else None, tail=q.tail, limit=MOST)
        tails = {node_id(q.tail, kind) for kind in KINDS} if q.tail is not None else None
        return [e for i in _ids(q.head, q.relation) for e in leaving[i] if tails is None or e.tail_id in tails]


class StudentSource:
    """A student's proposals, for relations that it has learned: tails of one or of any, and what else it can give."""

    def __init__(self, student: Student, ontology: Ontology) -> None:
        """Of any relation means of any that the ontology has too."""
        self._student = student
        self._relations = [r for r in student.relations if r in ontology or r.removeprefix("Not") in ontology]

    def complete(self, queries: Sequence[Query], k: int) -> Proposals:
        """At most `k` completions of each query with a head, or with relation and tail."""
        found: list[list[Completion]] = [[] for _ in queries]
        unlearned = {n for n, q in enumerate(queries) if q.name and q.name not in self._student.relations}
        for ask, asked in self._shares([None if n in unlearned else q for n, q in enumerate(queries)]):
            answers = ask(list(asked.values()), k) if asked else []
            for n, completions in zip(asked, answers, strict=True):
                wanted = self._wanted(queries[n])
                found[n] = [c for c in completions if list(c.triple)[1] in wanted][:k]
        return Proposals(found, {n: _UNLEARNED.format(queries[n].name) for n in sorted(unlearned)})

    def _shares(self, queries: Sequence[Query | None]) -> Iterator[tuple[_Complete, dict[int, Any]]]:
        """What the student can do, each with the queries for it, by their places."""
        student, tails, heads, relations = self._student, {}, {}, {}
        for n, q in enumerate(queries):
            if q is None:
                continue
            if q.tail is None and q.head is not None:
                tails[n] = q.head, self._wanted(q)
            elif q.head is None and q.tail is not None and q.name:
                heads[n] = q.name, q.tail
            elif q.head is not None and q.tail is not None:
                relations[n] = q.head, q.tail
        yield lambda asked, k: complete_any(student.complete, asked, k), tails
        if isinstance(student, AnyField):
            if student.gives_heads:
                yield student.complete_heads, heads
            yield lambda pairs, _: student.complete_relations(pairs, MOST), relations

    def _wanted(self, q: Query) -> list[str]:
        """The names of the relations that are asked for."""
        return [q.name] if q.name else [r for r in self._relations if r in (q.among or self._relations)]


def complete_any(
    complete: _Complete, asked: Sequence[tuple[str, Sequence[str]]], k: int
) -> list[list[Completion]]:
    """For each head the `k` best tails of any of its relations, as `complete` finds tails of (head, relation).

    That nothing applies is an answer for one relation alone: in a list of several it would come first and say little.
    """
    answers = iter(complete([(head, label) for head, labels in asked for label in labels], k))
    found = [
        [c for _ in labels for c in next(answers) if len(labels) == 1 or c.triple.tail.lower() != NOTHING]
        for _, labels in asked
    ]
    return [sorted(completions, key=lambda c: -c.score)[:k] for completions in found]


def complete(
    queries: Sequence[Query], k: int, graph: GraphSource, others: Sequence[Source], ontology: Ontology,
    new_only: bool = False,
) -> tuple[list[list[Merged]], list[list[str]]]:
    """For each query at most `k` triples, best score first; of equal scores known ones first.

    Heads and tails of one normal form are one. `new_only` leaves out what the graph already holds. Also returns, for
    each query, what the sources say that they could not answer.
    """
    known = graph.complete(queries, k).found
    spare = max(map(len, known), default=0) if new_only else 0  # known ones will be left out
    answers = [source.complete(queries, k + min(spare, k)) for source in others]
    merged = []
    for n, own in enumerate(known):
        found = merge(ontology, [*own, *(c for answer in answers for c in answer.found[n])])
        merged.append([m for m in found if not (new_only and m.known)][:k])
    sources = graph.provenance({m.id for found in merged for m in found if m.known})
    told = [[replace(m, provenance=sources.get(m.id, [])) for m in found] for found in merged]
    return told, [[answer.notes[n] for answer in answers if n in answer.notes] for n in range(len(queries))]


def merge(ontology: Ontology, completions: Iterable[Completion]) -> list[Merged]:
    """Completions of all sources in one list, best first, each triple once: the known ones must come first."""
    found: dict[str, Merged] = {}
    for completion in completions:
        key = edge_id(ontology, completion.triple)
        found[key] = _join(found.get(key), completion, key)
    return sorted(found.values(), key=lambda m: (-m.score, not m.known))


def edge_id(ontology: Ontology, triple: Triple) -> str:
    """The id that the graph's edge for this triple has, or would have."""
    relation, denied = ontology.resolve(triple.relation)
    ends = node_id(triple.head, relation.head), node_id(triple.tail, relation.tail)
    return Triple(ends[0], relation.name, ends[1], triple.negated or denied).id


def _join(old: Merged | None, new: Completion, key: str) -> Merged:
    """What is known of a triple after one more proposal; a source's first proposal, its best, counts."""
    if old is None:
        head, relation, tail = new.triple
        scores = {new.source: new.score}
        return Merged(tail, new.score, new.source, new.known, key if new.known else "", scores, head, relation)
    sources = {new.source: new.score, **old.sources}
    best = max(sources, key=lambda name: (sources[name], name == old.source))
    return replace(old, score=sources[best], source=best, sources=sources)


def _known(edge: Edge) -> Completion:
    return Completion(edge.triple, 1.0 if edge.score is None else edge.score, GRAPH, known=True)


def _ids(head: str, relation: Relation | None) -> list[str]:
    """Ids of the nodes that may be meant by a head."""
    return [node_id(head, kind) for kind in ([relation.head] if relation else KINDS)]
