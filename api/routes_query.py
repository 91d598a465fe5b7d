"""The query language of property graphs: /cypher."""

from fastapi import APIRouter

from api.models import CypherRequest, CypherResponse
from api.problems import Json, ProblemError
from api.state import AppState

router = APIRouter(tags=["Query"])


@router.post(
    "/cypher", summary="Query the graph in Cypher", response_model=CypherResponse,
    description="Runs a read-only query with parameters, within the server's time-out and row cap.",
)
async def cypher(body: CypherRequest, state: AppState) -> Json:
    store = state.opened.cypher
    if store is None:
        raise ProblemError(503, "this server has no Cypher store: load the run with `kg load`")
    seconds, limit = state.limits.seconds(body.timeout), state.limits.rows(body.limit)
    found = await state.ask("cypher", lambda: store.query(body.query, body.parameters, seconds, limit), seconds)
    return Json({"columns": found.columns, "rows": found.rows, "truncated": found.truncated})
