"""What mined rules and link prediction models say, as sources of completions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.completion import Proposals, Query
from kg.errors import UnknownNameError
from kg.graph import GraphFiles
from kg.records import Completion
from kg.run import Run

if TYPE_CHECKING:
    from kg.rule_completions import RuleStudent

LINKS = "links"


class RuleSource:
    """The rules of a file of `kg rules` over the triples of a run, which are read at the first question.

    Memory grows with the run's triples.
    """

    def __init__(self, run: Run, path: Path) -> None:
        """Raises InputError for a file that is none of rules."""
        from kg.rules import load_rules

        self._run, self._rules = run, load_rules(path)

    def complete(self, queries: Sequence[Query], k: int) -> Proposals:
        """At most `k` triples that the graph lacks, of queries that leave the head or the tail open."""
        return Proposals([self._of(q, k) for q in queries])

    def _of(self, q: Query, k: int) -> list[Completion]:
        many = len(self._rules) * k if q.among else k
        if q.head is not None and q.tail is None:
            found = self._student.complete([(q.head, q.name)], many)[0]
        elif q.head is None and q.tail is not None:
            found = self._student.complete_heads([(q.name, q.tail)], many)[0]
        else:
            return []
        return [i.completion for i in found if q.fits(i.completion.triple)][:k]

    @cached_property
    def _student(self) -> "RuleStudent":
        from kg.rule_completions import RuleStudent

        return RuleStudent(GraphFiles(self._run).triples(), self._rules)


class LinkSource:
    """A link prediction model: it completes heads and tails that it was trained on, where the relation is given."""

    def __init__(self, path: Path) -> None:
        """Raises StudentError for a folder without a model, or where PyKEEN is missing."""
        from kg.links import LinkModel

        self._model: LinkModel = LinkModel.load(path)

    def complete(self, queries: Sequence[Query], k: int) -> Proposals:
        """At most `k` completions of each query, whose source is `links`."""
        return Proposals([self._of(q, k) for q in queries])

    def _of(self, q: Query, k: int) -> list[Completion]:
        ask: Callable[[Any, int], list[list[Completion]]]
        if q.head is not None and q.tail is None:
            ask, pair = self._model.complete, (q.head, q.name)
        elif q.head is None and q.tail is not None:
            ask, pair = self._model.complete_heads, (q.name, q.tail)
        else:
            return []
        try:
            return [replace(c, source=LINKS, known=False) for c in ask([pair], k)[0]] if q.name else []
        except UnknownNameError:
            return []
