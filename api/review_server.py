"""The review page and what it asks, for reviewers on this machine."""

import unicodedata
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api import problems
from api.limits import BodyLimitMiddleware
from api.problems import Json
from api.review_desk import Desk
from api.routes_site import STATIC
from api.server import HeadersMiddleware
from kg import __version__

HOSTS = ["127.0.0.1", "localhost"]  # under any other name a page of a stranger would be asking
_BODY_BYTES, _BODY_SECONDS = 10_000, 30.0


def reviewer_name(name: str) -> str:
    """The name as it is written into the log: composed, without spaces around it, one between its words."""
    return " ".join(unicodedata.normalize("NFC", name).split())


Reviewer = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(reviewer_name)]


class ActRequest(BaseModel):
    """What a reviewer did. `id` is made by the page, and the same when it is sent again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=8, max_length=64, pattern=r"^[0-9a-zA-Z-]+$")
    reviewer: Reviewer
    kind: Literal["label", "skip", "undo"]
    triple_id: str = Field(max_length=64)
    label: int = Field(0, ge=0, le=5)
    outdated: bool = False
    offensive: bool = False
    undoes: str = Field("", max_length=64)


def create_review_app(desk: Desk) -> FastAPI:
    """The app that serves a desk: the page at `/`, and two routes that it uses."""
    app = FastAPI(
        title="distilkg review", version=__version__, docs_url=None, redoc_url=None, openapi_url=None,
        default_response_class=Json,
    )
    app.state.patience = 5.0

    @app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse((STATIC / "review.html").read_text(encoding="utf-8"))

    @app.get("/review/next")
    def following(reviewer: Annotated[Reviewer, Query()]) -> Json:
        return Json(_state(desk, reviewer))

    @app.post("/review/acts")
    def act(body: ActRequest) -> Json:
        desk.take(
            body.id, body.reviewer, body.kind, body.triple_id, body.label, body.outdated, body.offensive, body.undoes
        )
        return Json(_state(desk, body.reviewer))

    app.mount("/static", StaticFiles(directory=str(STATIC)), "static")
    problems.install(app)
    app.add_middleware(BodyLimitMiddleware, most=_BODY_BYTES, seconds=_BODY_SECONDS)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    app.add_middleware(HeadersMiddleware)
    return app


def _state(desk: Desk, reviewer: str) -> dict[str, Any]:
    card = desk.next(reviewer)
    return {"card": asdict(card) if card else None, "progress": asdict(desk.progress(reviewer))}
