"""The SPARQL endpoint: the SPARQL 1.1 Protocol (query operation), Service Description, VoID and example queries."""

from collections.abc import Iterable
from itertools import chain
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pyoxigraph import Triple
from starlette.types import ASGIApp, Receive, Scope, Send

from api.documents import DocumentResponse, ask
from api.negotiation import acceptable
from api.offers import offers
from api.problems import ProblemError, problem_of
from api.routes_site import query_page
from api.state import AppState, State
from kg.errors import AnswerFormError, KGError
from kg.protocols import SparqlRequest
from loaders.sparql_description import Example, Service, description, examples, void, written
from loaders.sparql_results import FORMS, GRAPHS

router = APIRouter(tags=["Query"])

_VARY = {"Vary": "Accept"}
_METHODS = "GET, HEAD, OPTIONS, POST"
_QUERY = "application/sparql-query"
_FORM = "application/x-www-form-urlencoded"
_UPDATE = "application/sparql-update"
_FIELDS = 1000  # of a form
_EXAMPLE = "SELECT ?s ?p ?o WHERE { ?s ?p ?o } LIMIT 10"
_ROWS = {"head": {"vars": ["tail"]}, "results": {"bindings": [{"tail": {"type": "literal", "value": "to eat it"}}]}}
_ANSWER: dict[int | str, dict[str, Any]] = {200: {
    "description": "The answer, in a form that the header Accept takes: rows or triples.",
    "content": {form: {"example": _ROWS} if form == FORMS[0] else {} for form in FORMS},
}}
_GRAPHS = [
    {"name": f"{kind}-graph-uri", "in": "query", "schema": {"type": "array", "items": {"type": "string"}},
     "description": f"A graph of the dataset ({kind}); may be given several times."}
    for kind in ("default", "named")
]
_PARAMETER = {
    "name": "query", "in": "query", "schema": {"type": "string"}, "example": _EXAMPLE,
    "description": "The query; without it, a description of the service is given.",
}
_BODY = {"required": True, "content": {
    _QUERY: {"schema": {"type": "string"}, "example": _EXAMPLE},
    _FORM: {"schema": {
        "type": "object", "required": ["query"], "properties": {"query": {"type": "string", "example": _EXAMPLE}},
    }},
}}


@router.get(
    "/sparql", summary="Query the graph in SPARQL", responses=_ANSWER, response_class=Response,
    openapi_extra={"parameters": [_PARAMETER, *_GRAPHS]},
)
@router.head("/sparql", include_in_schema=False)
async def sparql_get(request: Request, state: AppState) -> Response:
    """Runs a read-only query, within the server's time-out and caps. Without one, describes the service."""
    fields = _fields(request.scope["query_string"].decode("latin-1"))
    if not fields:
        return await _describe(request, state)
    return await _answer(request, state, fields)


@router.post(
    "/sparql", summary="Query the graph in SPARQL, the query in the body", responses=_ANSWER,
    response_class=Response, openapi_extra={"requestBody": _BODY, "parameters": _GRAPHS},
)
async def sparql_post(request: Request, state: AppState) -> Response:
    """Runs a read-only query: as `application/sparql-query`, or as the field `query` of a form."""
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    kind, body = kind.strip(), await request.body()
    fields = _fields(request.scope["query_string"].decode("latin-1"))
    if kind == _UPDATE:
        raise ProblemError(415, "this endpoint is read-only: it takes no updates", "Updates are not possible")
    if kind not in (_QUERY, _FORM):
        raise ProblemError(415, f"send a query as {_QUERY} or {_FORM}, not as {kind or 'a body without a type'}")
    if "charset" in parameters and "utf-8" not in parameters:
        raise ProblemError(415, f"send the body in UTF-8, not with {parameters.strip()}")
    text = _text(body)
    return await _answer(request, state, [*fields, *(_fields(text) if kind == _FORM else [("query", text)])])


@router.options("/sparql", include_in_schema=False)
async def sparql_options() -> Response:
    return Response(status_code=204, headers={"Allow": _METHODS, "Accept-Post": f"{_QUERY}, {_FORM}"})


@router.get("/.well-known/void", summary="What the graph holds, in VoID", response_class=Response)
@router.head("/.well-known/void", include_in_schema=False)
async def well_known_void(request: Request, state: AppState) -> Response:
    """The data set as RDF: its graphs, sizes, vocabularies, licence and the endpoint."""
    return _written(request, void(await _service(request, state)))


@router.get("/.well-known/sparql-examples", summary="Example queries, in SHACL", response_class=Response)
@router.head("/.well-known/sparql-examples", include_in_schema=False)
async def well_known_examples(request: Request, state: AppState) -> Response:
    """The example queries as `sh:SPARQLExecutable`."""
    service = await _service(request, state)
    return _written(request, examples(service, await _examples(state)))


class DirectMiddleware:
    """Answers queries before the router does, whose work for a request is more than that for a small query.

    The router has the same functions: it describes them, and answers all that is not GET or POST.
    """

    _ROUTE = next(route for route in router.routes if isinstance(route, APIRoute) and route.path == "/sparql")
    _METHODS: ClassVar = {"GET": sparql_get, "POST": sparql_post}

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        direct = scope["type"] == "http" and scope["path"] == self._ROUTE.path
        answer = self._METHODS.get(scope["method"]) if direct else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = self._ROUTE
        try:
            response = await answer(Request(scope, receive), self._state)
        except (ProblemError, KGError) as error:
            response = problem_of(error).response(scope["path"])
        await response(scope, receive, send)


async def _describe(request: Request, state: State) -> Response:
    """The query page for browsers; for programs the Service Description, with the examples."""
    kinds = acceptable(request.headers.get("accept"), ["text/turtle", "text/html", *GRAPHS])
    if kinds[:1] == ["text/html"]:
        return query_page()
    service = await _service(request, state)
    return _written(request, chain(description(service), examples(service, await _examples(state))))


async def _answer(request: Request, state: State, fields: list[tuple[str, str]]) -> Response:
    try:
        document, body = await ask(state, _asked(request, fields))
    except AnswerFormError as error:
        raise ProblemError(406, str(error)) from None
    if body is None and request.method != "HEAD":
        return DocumentResponse(document, _typed(document.media_type), _VARY)
    document.close()
    return _response(body, document.media_type)


def _asked(request: Request, fields: list[tuple[str, str]]) -> SparqlRequest:
    """The request that the fields of an address and a form make."""
    if any(name == "update" for name, _ in fields):
        raise ProblemError(400, "this endpoint is read-only: it takes no updates", "Updates are not possible")
    queries = [value for name, value in fields if name == "query"]
    if len(queries) != 1:
        raise ProblemError(400, f"give one parameter `query`, not {len(queries)}", "No query")
    if not queries[0].strip() or "\0" in queries[0]:
        raise ProblemError(400, "the query is empty or holds the character NUL", "No query")
    forms = acceptable(request.headers.get("accept"), FORMS)
    if not forms:
        raise ProblemError(406, f"an answer can be had as {', '.join(FORMS)}")
    default, named = ([v for name, v in fields if name == f"{kind}-graph-uri"] for kind in ("default", "named"))
    return SparqlRequest(queries[0], forms, endpoint(request), default, named)


def endpoint(request: Request) -> str:
    """The IRI of the endpoint, as the client knows the server."""
    return str(request.base_url).rstrip("/") + "/sparql"


async def _service(request: Request, state: State) -> Service:
    store = state.sparql()
    seconds = state.limits.query_seconds
    return await state.ask("sparql", lambda: Service.of(store, endpoint(request), seconds), seconds)


async def _examples(state: State) -> list[Example]:
    found = await state.work.query(lambda: offers(state.edges))
    return [Example(o.question.name, o.question.title, o.question.level, o.sparql) for o in found]


def _written(request: Request, triples: Iterable[Triple]) -> Response:
    forms = acceptable(request.headers.get("accept"), list(GRAPHS))
    if not forms:
        raise ProblemError(406, f"this can be had as {', '.join(GRAPHS)}")
    return _response(written(triples, forms[0]), forms[0])


def _response(body: bytes | None, form: str) -> Response:
    return Response(body, media_type=_typed(form), headers=_VARY)


def _typed(form: str) -> str:
    return f"{form}; charset=utf-8" if form.startswith("text/") else form


def _fields(text: str) -> list[tuple[str, str]]:
    """The fields of a form or of the query part of an address."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError as error:
        raise ProblemError(400, f"the parameters cannot be read: {error}", "Malformed parameters") from None


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"the body is not UTF-8: byte {error.start}", "Malformed text") from None
