"""The two query languages: /sparql and /cypher."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response

from api.models import CypherRequest, CypherResponse
from api.problems import Json, ProblemError
from api.state import AppState, State
from kg.errors import QueryTimeoutError, StoreError

router = APIRouter(tags=["Query"])

T = TypeVar("T")

N_TRIPLES = "application/n-triples"
SPARQL_JSON = "application/sparql-results+json"
_QUERY = "application/sparql-query"
_FORM = "application/x-www-form-urlencoded"
_UPDATE = "application/sparql-update"
_EXAMPLE = "SELECT ?s ?p ?o WHERE { ?s ?p ?o } LIMIT 10"
_ANSWER: dict[int | str, dict[str, Any]] = {200: {
    "description": "The answer in the SPARQL 1.1 JSON format, or N-Triples for CONSTRUCT and DESCRIBE.",
    "content": {SPARQL_JSON: {"example": {
        "head": {"vars": ["tail"]},
        "results": {"bindings": [{"tail": {"type": "literal", "value": "to eat it", "xml:lang": "en"}}]},
    }}},
}}
_BODY = {"required": True, "content": {
    _QUERY: {"schema": {"type": "string"}, "example": _EXAMPLE},
    _FORM: {"schema": {
        "type": "object", "required": ["query"], "properties": {"query": {"type": "string", "example": _EXAMPLE}},
    }},
}}
_PARAMETER = {"name": "query", "in": "query", "required": True, "schema": {"type": "string"}, "example": _EXAMPLE}


@router.get(
    "/sparql", summary="Query the graph in SPARQL", responses=_ANSWER, response_class=Response,
    openapi_extra={"parameters": [_PARAMETER]},
)
async def sparql_get(request: Request, state: AppState) -> Response:
    """Runs a read-only query, within the server's time-out and row cap."""
    return await _sparql(state, _single(request.query_params.multi_items()))


@router.post(
    "/sparql", summary="Query the graph in SPARQL, the query in the body", responses=_ANSWER,
    response_class=Response, openapi_extra={"requestBody": _BODY},
)
async def sparql_post(request: Request, state: AppState) -> Response:
    """Runs a read-only query: as `application/sparql-query`, or as the field `query` of a form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind == _QUERY:
        return await _sparql(state, _text(body))
    if kind == _FORM:
        return await _sparql(state, _single(_form(_text(body))))
    if kind == _UPDATE:
        raise ProblemError(415, "this endpoint is read-only: it takes no updates", "Updates are not possible")
    raise ProblemError(415, f"send a query as {_QUERY} or {_FORM}, not as {kind or 'a body without a type'}")


@router.post(
    "/cypher", summary="Query the graph in Cypher", response_model=CypherResponse,
    description="Runs a read-only query with parameters, within the server's time-out and row cap.",
)
async def cypher(body: CypherRequest, state: AppState) -> Json:
    store = state.opened.cypher
    if store is None:
        raise ProblemError(503, "this server has no Cypher store: load the run with `kg load`")
    seconds, limit = state.limits.seconds(body.timeout), state.limits.rows(body.limit)
    found = await _ask(state, "cypher", lambda: store.query(body.query, body.parameters, seconds, limit), seconds)
    return Json({"columns": found.columns, "rows": found.rows, "truncated": found.truncated})


async def _sparql(state: State, text: str) -> Response:
    store, limits = state.opened.sparql, state.limits
    if store is None:
        raise ProblemError(503, "this server has no RDF store: load the run with `kg load`")
    if not text.strip() or "\0" in text:
        raise ProblemError(400, "the query is empty or holds the character NUL", "No query")
    seconds = limits.query_seconds
    answer = await _ask(state, "sparql", lambda: store.query_json(text, seconds, limits.query_rows), seconds)
    return Response(answer, media_type=SPARQL_JSON if answer.startswith("{") else N_TRIPLES)


async def _ask(state: State, part: str, call: Callable[[], T], seconds: float) -> T:
    """The store's answer; an error is the query's fault, unless the store does not work at all."""
    try:
        return await state.work.query(call, seconds)
    except QueryTimeoutError:
        raise
    except StoreError as error:
        if await state.health.works(part):
            raise ProblemError(400, str(error), "Query refused") from None
        raise ProblemError(503, str(error)) from None


def _single(fields: list[tuple[str, str]]) -> str:
    """The one `query` among the fields of a form or an address."""
    if any(name == "update" for name, _ in fields):
        raise ProblemError(400, "this endpoint is read-only: it takes no updates", "Updates are not possible")
    queries = [value for name, value in fields if name == "query"]
    if len(queries) != 1:
        raise ProblemError(400, f"give one parameter `query`, not {len(queries)}", "No query")
    return queries[0]


def _form(text: str) -> list[tuple[str, str]]:
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError as error:
        raise ProblemError(400, f"the form cannot be read: {error}", "Malformed form") from None
    return [(name, value) for name, values in fields.items() for value in values]


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"the body is not UTF-8: byte {error.start}", "Malformed text") from None
