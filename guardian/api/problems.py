"""Errors as problem+json (RFC 9457): what happened, which field, and what to do about it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from guardian.model.errors import BadRequest, GuardianError

_log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"


def problem_body(
    status: int, code: str, detail: str, *, cure: str = "", field: str = "", retry: bool = False
) -> dict[str, Any]:
    """Return the members of a problem. `code` is a stable word, `detail` and `cure` are for people."""
    body: dict[str, Any] = {
        "type": f"urn:guardian:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if cure:
        body["cure"] = cure
    if field:
        body["field"] = field
    if retry:
        body["retry"] = True
    return body


def problem(body: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
    """Return a problem as a response."""
    return web.Response(
        status=body["status"],
        text=json.dumps(body, ensure_ascii=False),
        content_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def of_error(error: GuardianError) -> dict[str, Any]:
    """Return the members for one of our own errors."""
    return problem_body(error.status, error.code, error.message, cure=error.cure, field=error.field, retry=error.retry)


def not_logged_in() -> web.Response:
    """Say that a token or a login is needed."""
    body = problem_body(
        401,
        "not_logged_in",
        "this needs a login",
        cure="Send `Authorization: Bearer TOKEN`; `guardian token create NAME` makes a token.",
    )
    return problem(body, {"WWW-Authenticate": 'Bearer realm="guardian"'})


def bad_request(error: ValidationError, fields: dict[str, str]) -> BadRequest:
    """Return the first fault of a query or body. `fields`: what each field means, for the cure."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    name = field.partition(".")[0]
    if first["type"] == "extra_forbidden":
        known = ", ".join(fields) or "none"
        return BadRequest(f"{field} is not known here", field=field, cure=f"Known are: {known}.")
    message = first["msg"].removeprefix("Value error, ").partition(", unable to parse")[0]
    return BadRequest(
        f"{field}: {message}", field=field, cure=f"{name}: {fields[name]}" if fields.get(name) else "Send a JSON object."
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn everything that goes wrong into a problem."""
    try:
        return await handler(request)
    except GuardianError as error:
        return problem(of_error(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        phrase = HTTPStatus(error.status).phrase
        code = phrase.lower().replace(" ", "_")
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        cure = "/api/v1/openapi.json lists what there is." if error.status in (404, 405) else ""
        return problem(problem_body(error.status, code, phrase, cure=cure), allow)
    except ConnectionResetError:
        raise  # who asked has gone
    except Exception as error:  # noqa: BLE001 - the last resort: ours, and logged as such
        _log.error("api_bug", path=request.path, error=type(error).__name__, exc_info=error)
        return problem(problem_body(500, "bug", "something went wrong here", cure="Look into the log; please report it."))
