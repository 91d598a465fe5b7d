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
    """The graph of a run, its near neighbours, and a student, rules and a link model where there are such.

    A question waits up to `patience` seconds for the index of neighbours, which is made when it is first needed.
    """

    def __init__(
        self, run: Run, ontology: Ontology, student: Student | None, patience: float = math.inf,
        progress: Progress = silent, more: Sequence[Source] = (),
    ) -> None:
        self._run = run
        self._ontology = ontology
        self._learned = [*([StudentSource(student, ontology)] if student is not None else []), *more]
        self._patience = patience
        self._progress = progress
        self._graphs: dict[tuple[str, ...], tuple[GraphSource, Source]] = {}
        self._lock = threading.Lock()

    def complete(
        self, queries: Sequence[Query], k: int, new_only: bool = False, level: str | None = None
    ) -> tuple[list[list[Merged]], list[list[str]]]:
        """As `api.completion.complete`, with what passes a level. Raises RunError without levels.

        What is not of the graph has no levels: it is not asked then.
        """
        graph, neighbours = self._of(() if level is None else tuple(levels_of(self._run).within(level)))
        others = [neighbours, *(self._learned if level is None else [])]
        found, notes = complete(queries, k, graph, others, self._ontology, new_only)
        if level is not None and self._learned:
            for own in notes:
                own.append("student, rules and links have no levels: they were not asked")
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
