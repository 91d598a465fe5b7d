"""The query language of property graphs: /cypher."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from api.cypher_answers import JSON, NDJSON, LineAnswer, WholeAnswer
from api.models import CypherRequest, CypherResponse
from api.negotiation import acceptable
from api.problems import ProblemError
from api.state import AppState

router = APIRouter(tags=["Query"])

_ANSWER: dict[int | str, dict[str, Any]] = {200: {
    "description": "Rows of values; nodes, relationships and paths are objects. With the header Accept: "
    f"{NDJSON} they come as JSON lines: columns, an array for each row, and a last line that tells whether rows "
    "were cut off, or what went wrong.",
    "content": {NDJSON: {"example": '{"columns":["want"]}\n["to eat it"]\n{"rows":1,"truncated":false}\n'}},
}}


@router.post(
    "/cypher", summary="Query the graph in Cypher", response_model=CypherResponse, responses=_ANSWER,
    description="Runs a read-only query with parameters, within the server's time-out and row cap. EXPLAIN is "
    "possible; LOAD CSV and SHOW TRANSACTIONS are not, and of procedures only those that describe or search the graph.",
)
async def cypher(request: Request, body: CypherRequest, state: AppState) -> Response:
    store = state.opened.cypher
    if store is None:
        raise ProblemError(503, "this server has no Cypher store: load the run with `kg load`")
    in_lines = acceptable(request.headers.get("accept"), [JSON, NDJSON])[:1] == [NDJSON]
    limits, seconds = state.limits, state.limits.seconds(body.timeout)
    most = limits.document_rows if in_lines else limits.query_rows
    stream = partial(store.stream, body.query, body.parameters, seconds, min(body.limit or most, most))
    if in_lines:
        return LineAnswer(lambda take: state.ask("cypher", partial(stream, take), seconds), request.url.path)
    whole = WholeAnswer()
    await state.ask("cypher", partial(stream, whole.take, whole.again), seconds)
    return Response(whole.body(), media_type=JSON)
