"""Errors as problem+json (RFC 9457)."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, Field, ValidationError

from guardian_cloud.model.errors import BadRequest, CloudError, NotLoggedIn, TooManyRequests

_log = structlog.get_logger(__name__)
MEDIA_TYPE: Final = "application/problem+json"


class Problem(BaseModel):
    """What went wrong (RFC 9457), and what to do about it."""

    type: str
    title: str
    status: int
    code: str = Field(description="A stable word for programs.")
    detail: str = Field(description="What went wrong, for people.")
    cure: str | None = Field(None, description="What to do about it.")
    field: str | None = Field(None, description="The parameter or field that is wrong.")
    retry: bool | None = Field(None, description="Trying again makes sense.")


def problem(error: CloudError, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error as a response."""
    body = Problem(
        type=f"urn:guardian:problem:{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=error.status,
        code=error.code,
        detail=error.message,
        cure=error.cure or None,
        field=error.field or None,
        retry=error.retry or None,
    )
    extra = dict(headers or {})
    if isinstance(error, NotLoggedIn):
        extra["WWW-Authenticate"] = 'Bearer realm="guardian-cloud"'
    if isinstance(error, TooManyRequests):
        extra["Retry-After"] = str(math.ceil(error.wait_s))
    text = json.dumps(body.model_dump(exclude_none=True), ensure_ascii=False)
    return web.Response(status=error.status, text=text, content_type=MEDIA_TYPE, headers=extra)


def fault_of(error: ValidationError, model: type[BaseModel]) -> BadRequest:
    """Return the first fault of a query or body."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    if first["type"] == "extra_forbidden":
        return BadRequest(
            f"{field} is not known here", field=field, cure=f"Known are: {', '.join(model.model_fields) or 'none'}."
        )
    info = model.model_fields.get(field.partition(".")[0])
    message = first["msg"].removeprefix("Value error, ")
    return BadRequest(
        f"{field}: {message}", field=field, cure=(info.description if info is not None else "") or "Correct it."
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn everything that goes wrong into a problem."""
    try:
        return await handler(request)
    except CloudError as error:
        return problem(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem(_of_http(error), {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None)
    except ConnectionResetError:
        raise  # who asked has gone
    except Exception as error:  # noqa: BLE001 - the last resort: ours, and logged as such
        _log.error("api_bug", route=route_of(request), error=type(error).__name__, exc_info=error)
        return problem(CloudError("something went wrong here", cure="Try again; the operator's log says more."))


def _of_http(error: web.HTTPException) -> CloudError:
    made = CloudError(HTTPStatus(error.status).phrase, cure="GET /api/v1/openapi.json lists what there is.")
    made.code, made.status = HTTPStatus(error.status).phrase.lower().replace(" ", "_"), error.status
    return made


def route_of(request: web.Request) -> str:
    """Return the pattern of the route, never the path: ids and words in it are not for logs."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
