"""What every route works with, kept with the app."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from api.assemble import OpenRun
from api.health import Health
from api.limits import Limits, Work
from api.metrics import Metrics
from api.problems import ProblemError
from api.sources import Sources
from api.together import Together
from api.triples import Edges
from kg.errors import AnswerFormError, QueryTimeoutError, StoreError
from kg.protocols import SparqlStore

T = TypeVar("T")
PATIENCE = 3.0  # seconds that a request waits for the index of near neighbours


@dataclass(frozen=True, slots=True)
class State:
    """The open run of an app, its caps and its threads."""

    opened: OpenRun
    edges: Edges
    together: Together
    limits: Limits
    work: Work
    health: Health
    metrics: Metrics

    @classmethod
    def of(cls, opened: OpenRun, limits: Limits) -> "State":
        """The state of a new app. Raises RunError for a run without a graph."""
        sources = Sources(opened.run, opened.ontology, opened.student, PATIENCE, more=opened.inference)
        health = Health(opened, limits.query_seconds)
        work = Work(limits)
        return cls(opened, Edges(opened.run), Together(sources, work), limits, work, health, Metrics())

    def sparql(self) -> SparqlStore:
        """The RDF store. Raises ProblemError where there is none."""
        if self.opened.sparql is None:
            raise ProblemError(503, "this server has no RDF store: load the run with `kg load`")
        return self.opened.sparql

    async def ask(self, part: str, call: Callable[[], T], seconds: float) -> T:
        """A store's answer; an error is the query's fault, unless the store does not work at all."""
        try:
            return await self.work.query(call, seconds)
        except StoreError as error:
            raise await self.told(part, error) from None

    async def told(self, part: str, error: StoreError) -> Exception:
        """What a client is told of a store's error."""
        if isinstance(error, QueryTimeoutError | AnswerFormError):
            return error
        if await self.health.works(part):
            return ProblemError(400, str(error), "Query refused")
        return ProblemError(503, str(error))


async def _state(request: Request) -> State:  # async: FastAPI would ask a thread for what is not
    found: State = request.app.state.kg
    return found


AppState = Annotated[State, Depends(_state)]
