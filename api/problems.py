"""Errors of the HTTP interface as RFC 9457 problem details, and the JSON that answers are written in."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.explain import UnknownTripleError
from api.output import finite
from kg.errors import (
    InputError,
    KGError,
    QueryTimeoutError,
    RunError,
    StoreError,
    StudentError,
    UnknownNameError,
)

PROBLEM = "application/problem+json"
_SHOWN = 100  # faults of one request that are listed, and characters of a key that is shown
_STATUS: list[tuple[type[KGError], int]] = [  # the first class that fits counts
    (UnknownTripleError, 404),
    (UnknownNameError, 422),
    (InputError, 422),
    (QueryTimeoutError, 504),
    (StoreError, 400),
    (StudentError, 422),
    (RunError, 503),
    (KGError, 400),
]
_TITLES = {  # what the plain reason phrase of the status would not tell
    401: "Key needed",
    404: "Not found",
    405: "Method not allowed",
    406: "No such form",
    413: "Request too large",
    415: "Unsupported content type",
    422: "Invalid request",
    500: "Internal error",
    503: "Not available",
    504: "Time is up",
}


class Json(JSONResponse):
    """A JSON answer that can hold any text and number, see `json_bytes`."""

    def render(self, content: Any) -> bytes:
        return json_bytes(content)


class ProblemError(Exception):
    """An answer other than success. `title` is the same for every problem of one kind, `detail` is about this one."""

    def __init__(
        self, status: int, detail: str, title: str = "", headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = title or _TITLES.get(status) or HTTPStatus(status).phrase
        self.headers = dict(headers or {})
        self.members = members

    def content(self, instance: str) -> dict[str, Any]:
        """The members of the problem details about the resource `instance`."""
        return {
            "type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail,
            "instance": instance, **self.members,
        }

    def response(self, instance: str) -> Json:
        """The problem as an answer about the resource `instance`."""
        return Json(self.content(instance), self.status, self.headers, PROBLEM)


def json_bytes(content: Any) -> bytes:
    """The content as JSON, on one line.

    Half surrogates, which UTF-8 cannot hold, are escaped; NaN and infinities, which JSON cannot hold, are strings.
    """
    try:
        return _dump(content, ascii_only=False)
    except UnicodeEncodeError:
        return _dump(content, ascii_only=True)
    except ValueError:
        return json_bytes(finite(content))


def problem_of(error: KGError | ProblemError) -> ProblemError:
    """The problem that one of our own errors is to a client."""
    if isinstance(error, ProblemError):
        return error
    return ProblemError(next(status for kind, status in _STATUS if isinstance(error, kind)), str(error))


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(KGError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(request: Request, error: Exception) -> Json:
    assert isinstance(error, ProblemError)
    return error.response(request.url.path)


async def _ours(request: Request, error: Exception) -> Json:
    assert isinstance(error, KGError)
    return problem_of(error).response(request.url.path)


async def _http(request: Request, error: Exception) -> Json:
    assert isinstance(error, HTTPException)
    details = {
        404: f"there is nothing at {request.url.path}: /docs lists what there is",
        405: f"{request.method} is not possible here, see the header Allow",
    }
    detail = details.get(error.status_code, str(error.detail))
    return ProblemError(error.status_code, detail, headers=error.headers).response(request.url.path)


async def _invalid(request: Request, error: Exception) -> Json:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    content_type = request.headers.get("content-type", "")
    if request.method == "POST" and not _is_json(content_type):
        said = f"not {content_type!r}" if content_type else "but the header Content-Type is missing"
        return ProblemError(415, f"send the body as application/json, {said}").response(request.url.path)
    if any(fault["type"] == "json_invalid" for fault in faults):
        where = f"at character {faults[0]['loc'][-1]}: {faults[0].get('ctx', {}).get('error', '')}"
        return ProblemError(400, f"the body is not JSON {where}", "Malformed JSON").response(request.url.path)
    errors = [
        {"where": [str(part)[:_SHOWN] for part in fault["loc"]], "message": fault["msg"]} for fault in faults[:_SHOWN]
    ]
    detail = "; ".join(f"{'.'.join(e['where'])}: {e['message']}" for e in errors[:5])
    return ProblemError(422, detail, errors=errors).response(request.url.path)


async def _unexpected(request: Request, _: Exception) -> Json:
    detail = "the server failed on this request; its log says why"
    return ProblemError(500, detail).response(request.url.path)


def _dump(content: Any, ascii_only: bool) -> bytes:
    return json.dumps(content, ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":")).encode()


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
