"""What every route works with, kept with the app."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.assemble import OpenRun
from api.health import Health
from api.limits import Limits, Work
from api.metrics import Metrics
from api.triples import Edges


@dataclass(frozen=True, slots=True)
class State:
    """The open run of an app, its caps and its threads."""

    opened: OpenRun
    edges: Edges
    limits: Limits
    work: Work
    health: Health
    metrics: Metrics

    @classmethod
    def of(cls, opened: OpenRun, limits: Limits) -> "State":
        """The state of a new app. Raises RunError for a run without a graph."""
        return cls(
            opened, Edges(opened.run), limits, Work(limits), Health(opened, limits.query_seconds), Metrics()
        )


def _state(request: Request) -> State:
    found: State = request.app.state.kg
    return found


AppState = Annotated[State, Depends(_state)]
