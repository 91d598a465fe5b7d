"""All sources of completions that a run has."""

import math
import threading
from collections.abc import Sequence

from api.completion import GraphSource, Merged, Query, Source, StudentSource, complete
from api.levels import levels_of
from api.neighbours import NeighbourIndex, NeighbourSource
from api.triples import Edges
from kg.ontology import Ontology
from kg.protocols import Student
from kg.run import Progress, Run, silent


class Sources:
    """The graph of a run, its near neighbours, and a student where there is one.

    A question waits up to `patience` seconds for the index of neighbours, which is made when it is first needed.
    """

    def __init__(
        self, run: Run, ontology: Ontology, student: Student | None, patience: float = math.inf,
        progress: Progress = silent,
    ) -> None:
        self._run = run
        self._ontology = ontology
        self._student = StudentSource(student) if student is not None else None
        self._patience = patience
        self._progress = progress
        self._graphs: dict[tuple[str, ...], tuple[GraphSource, Source]] = {}
        self._lock = threading.Lock()

    def complete(
        self, queries: Sequence[Query], k: int, new_only: bool = False, level: str | None = None
    ) -> tuple[list[list[Merged]], list[str]]:
        """As `api.completion.complete`, with what passes a level. Raises RunError without levels, UnknownNameError.

        A student has no levels: it is not asked then.
        """
        graph, neighbours = self._of(() if level is None else tuple(levels_of(self._run).within(level)))
        others = [neighbours] if self._student is None or level is not None else [neighbours, self._student]
        found, notes = complete(queries, k, graph, others, self._ontology, new_only)
        if level is not None and self._student is not None:
            notes.append("the student has no levels: it was not asked")
        return found, notes

    def _of(self, levels: tuple[str, ...]) -> tuple[GraphSource, Source]:
        """The graph and its neighbours with the edges of these levels, or of all."""
        with self._lock:
            if levels not in self._graphs:
                edges = Edges(self._run, levels)
                neighbours = NeighbourSource(
                    lambda: NeighbourIndex(edges, self._ontology, self._progress), self._patience
                )
                self._graphs[levels] = GraphSource(edges), neighbours
            return self._graphs[levels]
