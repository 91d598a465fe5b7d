"""What the heads most like a query's head have, as a source of completions: `kg.floors.NearestStudent` over a graph."""

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace

from api.completion import Proposals, Query
from api.triples import Edges
from kg.errors import KGError
from kg.graph import node_id
from kg.ontology import KINDS, Ontology
from kg.records import Completion
from kg.run import Progress, silent
from kg.score_calibration import calibrate, calibrated

NEIGHBOURS = "neighbours"
_SPARE = 10  # times as many completions, where certain relations or a tail are looked for among them


class NeighbourIndex:
    """The heads of a graph by their vectors, which are made once and kept in the cache (KG_CACHE).

    Scores are calibrated on the graph itself: on what the other heads say of a head. Raises TeacherError for an encoder
    that is not installed.
    """

    def __init__(self, edges: Edges, ontology: Ontology, progress: Progress = silent) -> None:
        from kg.floors import NearestStudent

        triples = list(edges.triples())
        self._student = NearestStudent.of(triples, ontology, progress=progress)
        self._labels = {"", *self._student.wordings} if triples else set()
        kinds = {label: w.tail for label, w in self._student.wordings.items()}
        self._calibration = calibrate(self._student.complete_by_others, triples, kinds)

    def near(self, head: str, label: str) -> list[tuple[str, float]]:
        """The other heads that have the relation and are most like `head`, with their cosines, best first."""
        return self._student.neighbours([(head, label)], others=True)[0] if label in self._labels else []

    def complete(self, queries: Sequence[tuple[str, str]], k: int) -> list[list[Completion]]:
        """At most `k` of each (head, relation or an empty string); none for a relation that the graph lacks."""
        known = [n for n, (_, label) in enumerate(queries) if label in self._labels]
        answers = self._student.complete_by_others([queries[n] for n in known], k)
        found: list[list[Completion]] = [[] for _ in queries]
        for n, completions in zip(known, calibrated(answers, self._calibration), strict=True):
            found[n] = [replace(c, source=NEIGHBOURS) for c in completions]
        return found


_NOT_YET = "the index of near neighbours is being made: ask again later for what they say"


class NeighbourSource:
    """A source that makes its index in the background when it is first asked.

    That first question waits for it up to `patience` seconds, and later ones only where patience has no end: who asks
    a server goes on without this source, and holds nobody up.
    """

    def __init__(self, make: Callable[[], NeighbourIndex], patience: float = math.inf) -> None:
        self._make = make
        self._patience = patience
        self._made: Future[NeighbourIndex] | None = None
        self._lock = threading.Lock()

    def complete(self, queries: Sequence[Query], k: int) -> Proposals:
        """At most `k` completions of each query with a head."""
        nothing: list[list[Completion]] = [[] for _ in queries]
        if all(q.head is None for q in queries):
            return Proposals(nothing)
        try:
            index = self.index()
        except NotYet:
            return Proposals(nothing, dict.fromkeys(range(len(queries)), _NOT_YET))
        except KGError as error:
            note = f"near neighbours cannot be asked: {error}"
            return Proposals(nothing, dict.fromkeys(range(len(queries)), note))
        many = k * _SPARE if any(q.tail is not None or q.among for q in queries) else k
        answers = index.complete([(q.head or "", q.name) for q in queries], many)
        return Proposals([[c for c in found if _fits(q, c)][:k] for q, found in zip(queries, answers, strict=True)])

    def index(self) -> NeighbourIndex:
        """The index. Raises TimeoutError when it is not there yet, KGError when it cannot be made."""
        with self._lock:
            first = self._made is None
            if self._made is None:
                self._made = Future()
                threading.Thread(target=self._run, args=[self._made], daemon=True).start()
        endless = math.isinf(self._patience)
        return self._made.result(None if endless else self._patience if first else 0)

    def _run(self, made: "Future[NeighbourIndex]") -> None:
        try:
            made.set_result(self._make())
        except BaseException as error:  # whoever waits is told
            made.set_exception(error)


def _fits(query: Query, completion: Completion) -> bool:
    tails = [completion.triple.tail, query.tail or completion.triple.tail]
    return query.fits(completion.triple) and any(len({node_id(t, kind) for t in tails}) == 1 for kind in KINDS)
