"""Pages for people, and what a machine that watches the server asks for."""

from importlib.resources import files

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from api.metrics import CONTENT_TYPE
from api.models import HealthResponse
from api.problems import Json
from api.state import AppState

router = APIRouter()

STATIC = files("api") / "static"
_EDITOR_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAMPLE = 'kg_http_requests_total{method="GET",route="/health",status="200"} 1.0'


@router.get("/health", summary="State of each part", response_model=HealthResponse, tags=["Server"], responses={
    503: {"model": HealthResponse, "description": "A part does not work."},
})
async def health(state: AppState) -> Json:
    """Whether run, stores and student work: asked at once, and answered at once even while long queries run."""
    found = await state.health.state()
    return Json(found.model_dump(), 200 if found.status == "ok" else 503)


@router.get("/metrics", summary="Counters for Prometheus", tags=["Server"], response_class=Response, responses={
    200: {"content": {"text/plain": {"example": _SAMPLE}}},
})
async def metrics(state: AppState) -> Response:
    """Requests and seconds by method, route and status."""
    return Response(state.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


@router.get("/", include_in_schema=False)
async def page() -> HTMLResponse:
    return _page("index.html")


@router.get("/docs", include_in_schema=False)
async def docs() -> HTMLResponse:
    return _page("docs.html")


def query_page() -> HTMLResponse:
    """The page on which a person writes SPARQL; its editor makes styles and images of its own as it runs."""
    return _page("query.html", {"Content-Security-Policy": _EDITOR_POLICY, "Vary": "Accept"})


def _page(name: str, headers: dict[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse((STATIC / name).read_text(encoding="utf-8"), headers=headers)
