"""OpenAPI 3.1, generated from the operations: their paths, models and docstrings."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from guardian import __version__
from guardian.api.fields import PREFIX
from guardian.api.problems import MEDIA_TYPE
from guardian.api.routing import Operation
from guardian.api.tokens import COOKIE, CSRF_HEADER

_REF = "#/components/schemas/{model}"
_PARAMETERS = {
    "camera": "Id of a camera.",
    "event": "Id of an event.",
    "device": "Id of a device, as GET /relay/devices has it.",
    "viewer": "Id of somebody who looks from afar, as GET /viewing/viewers has it.",
    "hold": "Id of a protected span.",
    "export": "Id of an export.",
    "token": "Id of a token.",
    "segment": "Id of a segment, from a playlist.",
    "member": "Id of a signer: 32 hex digits.",
    "index": "Number of a fragment, from a playlist.",
}


class Problem(BaseModel):
    """What went wrong (RFC 9457), and what to do about it."""

    type: str
    title: str
    status: int
    code: str = Field(description="A stable word for programs.")
    detail: str = Field(description="What went wrong, for people.")
    cure: str | None = Field(None, description="What to do about it.")
    field: str | None = Field(None, description="The parameter or field that is wrong.")
    retry: bool = Field(False, description="Trying again makes sense.")


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document."""
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    wanted += [(one.body, "validation") for one in operations if one.body is not None]
    wanted += [(one.result, "serialization") for one in operations if one.result is not None]
    refs, schemas = models_json_schema(wanted, ref_template=_REF)
    paths: dict[str, Any] = {}
    for one in operations:
        paths.setdefault(one.plain_path, {})[one.method.lower()] = _operation(one, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The Private AI Guardian",
            "version": __version__,
            "description": "Times are RFC 3339 in UTC. Lists are `{items, next}`. Errors are problem+json with `cure` and `field`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`guardian token create NAME` makes one."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": f"The page's login; changes need the header {CSRF_HEADER} too.",
                },
            },
        },
    }


def _operation(one: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    summary, description = one.words
    made: dict[str, Any] = {"operationId": one.name, "tags": [one.tag], "summary": summary}
    if description:
        made["description"] = description
    parameters = [_path_parameter(name) for name in one.parameters] + _query_parameters(one)
    if parameters:
        made["parameters"] = parameters
    if one.body is not None:
        content = {"application/json": {"schema": refs[one.body, "validation"]}}
        made["requestBody"] = {"required": True, "content": content}
    made["responses"] = _responses(one, refs)
    return made


def _path_parameter(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": _PARAMETERS[name],
        "schema": {"type": "integer", "minimum": 1} if name == "index" else {"type": "string"},
    }


def _query_parameters(one: Operation) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    schema = one.query.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": part.pop("description", ""),
            "schema": _parameter_schema(part),
        }
        for name, part in schema.get("properties", {}).items()
    ]


def _parameter_schema(part: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's schema; in a query a list is words with commas, and null cannot be sent."""
    default = part.pop("default", None)
    part.pop("title", None)
    choices = [choice for choice in part.pop("anyOf", []) if choice != {"type": "null"}]
    schema = {**part, **(choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})}
    if default is not None:
        schema["default"] = ",".join(default) if isinstance(default, list) else default
    return schema


def _responses(one: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(one.status).phrase}
    if one.result is not None:
        good["content"] = {"application/json": {"schema": refs[one.result, "serialization"]}}
    elif one.media and one.status == 200:
        is_text = one.media.startswith("text/") or "mpegurl" in one.media
        good["content"] = {one.media: {"schema": {"type": "string"} if is_text else {}}}
    if one.status == 202:
        good["headers"] = {"Location": {"description": "Where to ask how far it is.", "schema": {"type": "string"}}}
    problem = {MEDIA_TYPE: {"schema": refs[Problem, "serialization"]}}
    may_be = {*one.errors, 401, *((400,) if one.query is not None or one.body is not None else ())}
    faults = {str(status): {"description": HTTPStatus(status).phrase, "content": problem} for status in sorted(may_be)}
    return {str(one.status): good, **faults}
