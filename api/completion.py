"""One ranked list from two sources: what the graph knows, and what a student proposes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api.triples import Edge, Edges
from kg.errors import UnknownNameError
from kg.graph import node_id
from kg.ontology import Ontology, Relation
from kg.protocols import Student
from kg.records import Completion

GRAPH = "graph"


@dataclass(frozen=True, slots=True)
class Merged:
    """A tail with all who propose it.

    `score` in [0, 1] is the best that any source gives and `source` the one that gives it; `sources`
    tells the score of each. `known` tells whether the graph holds the triple, then `id` names it.
    """

    tail: str
    score: float
    source: str
    known: bool
    id: str = ""
    sources: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """A head and a relation, which may be denied, to complete."""

    head: str
    relation: Relation
    negated: bool

    @property
    def name(self) -> str:
        """The relation's name, with the prefix `Not` when it is denied: what a student is asked."""
        return f"Not{self.relation.name}" if self.negated else self.relation.name

    @property
    def head_id(self) -> str:
        return node_id(self.head, self.relation.head)


def read_queries(pairs: Iterable[tuple[str, str]], ontology: Ontology) -> list[Query]:
    """Queries from (head, relation name). Raises UnknownNameError for a relation that the ontology lacks."""
    return [Query(head, *ontology.resolve(name)) for head, name in pairs]


def complete(
    queries: Sequence[Query], k: int, edges: Edges, student: Student | None, new_only: bool = False
) -> tuple[list[list[Merged]], list[str]]:
    """For each query at most `k` tails, best score first; of equal scores known ones first.

    Tails of one normal form are one. `new_only` leaves out what the graph already holds. Also returns
    the relations that the student was not asked about, because it never learned them.
    """
    leaving = edges.leaving({q.head_id for q in queries})
    known = [[e for e in leaving[q.head_id] if _fits(e, q)] for q in queries]
    proposed: list[list[Completion]] = [[] for _ in queries]
    unlearned: list[str] = []
    if student is not None:
        spare = max(map(len, known), default=0) if new_only else 0  # known ones will be left out
        proposed, unlearned = _propose(student, queries, k + min(spare, k))
    merged = map(merge, queries, known, proposed)
    return [[m for m in found if not (new_only and m.known)][:k] for found in merged], unlearned


def _propose(student: Student, queries: Sequence[Query], k: int) -> tuple[list[list[Completion]], list[str]]:
    """The student's completions of each query, and the names of the relations that it does not know."""
    try:
        return student.complete([(q.head, q.name) for q in queries], k), []
    except UnknownNameError:
        if len(queries) == 1:
            return [[]], [queries[0].name]
    proposed: list[list[Completion]] = []
    unlearned: list[str] = []
    for query in queries:  # one by one: the others are answered
        found, unknown = _propose(student, [query], k)
        proposed += found
        unlearned += [name for name in unknown if name not in unlearned]
    return proposed, unlearned


def merge(query: Query, known: Iterable[Edge], proposed: Iterable[Completion]) -> list[Merged]:
    """The graph's tails and the proposed ones in one list, best first, without duplicates."""
    found: dict[str, Merged] = {}
    for edge in known:
        score = 1.0 if edge.score is None else edge.score
        found[edge.tail_id] = Merged(edge.triple.tail, score, GRAPH, True, edge.id, {GRAPH: score})
    for completion in proposed:
        tail = completion.triple.tail
        key = node_id(tail, query.relation.tail)
        found[key] = _join(found.get(key), completion)
    return sorted(found.values(), key=lambda m: (-m.score, not m.known))


def _join(old: Merged | None, new: Completion) -> Merged:
    """What is known of a tail after one more proposal; a source's first proposal, its best, counts."""
    if old is None:
        return Merged(new.triple.tail, new.score, new.source, False, "", {new.source: new.score})
    sources = {new.source: new.score, **old.sources}
    best = max(sources, key=lambda name: (sources[name], name == old.source))
    return Merged(old.tail, sources[best], best, old.known, old.id, sources)


def _fits(edge: Edge, query: Query) -> bool:
    return edge.triple.relation == query.relation.name and edge.triple.negated == query.negated
