"""OpenAPI 3.1, made from the operations. `x-needs` says which permission an operation asks for, `x-roles` who has it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from guardian import __version__
from guardian_cloud.api.problems import MEDIA_TYPE, Problem
from guardian_cloud.api.routing import Needs, Operation
from guardian_cloud.model.roles import May, Role, allows

PREFIX: Final = "/api/v1"
COOKIE: Final = "__Host-guardian"  # browsers take it with TLS only, and from no other host of the domain
PLAIN_COOKIE: Final = "guardian_cloud"  # for a trial on this machine, without TLS
CSRF_HEADER: Final = "X-CSRF-Token"
_PARAMETERS: Final = {
    "tenant": "Id of the home.",
    "user": "Id of a member.",
    "invitation": "Id of an invitation.",
    "device": "Id of a relay or an edge.",
    "event": "Id of an event, in hex.",
    "command": "Id of a command.",
    "subscription": "Id of a push subscription.",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document."""
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    wanted += [(one.body, "validation") for one in operations if one.body is not None]
    wanted += [(one.result, "serialization") for one in operations if one.result is not None]
    refs, schemas = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    paths: dict[str, Any] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The Private AI Guardian, cloud",
            "version": __version__,
            "description": "Fleets, people and the open part of events. Errors are problem+json with `cure` and `field`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
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
    made["x-needs"] = str(one.needs)
    if isinstance(one.needs, May):
        made["x-roles"] = [str(role) for role in Role if allows(role, one.needs)]
    if one.needs is Needs.NOTHING:
        made["security"] = []
    parameters = [
        {"name": name, "in": "path", "required": True, "description": _PARAMETERS[name], "schema": {"type": "string"}}
        for name in one.parameters
    ]
    parameters += _query(one)
    if parameters:
        made["parameters"] = parameters
    if one.body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": refs[one.body, "validation"]}}}
    made["responses"] = _responses(one, refs)
    return made


def _query(one: Operation) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    schema = one.query.model_json_schema()
    made = []
    for name, part in schema.get("properties", {}).items():
        choices = [choice for choice in part.get("anyOf", [part]) if choice != {"type": "null"}]
        inner = {key: value for key, value in choices[0].items() if key not in ("title", "description")}
        made.append(
            {"name": name, "in": "query", "required": False, "description": part.get("description", ""), "schema": inner}
        )
    return made


def _responses(one: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(one.status).phrase}
    if one.result is not None:
        good["content"] = {"application/json": {"schema": refs[one.result, "serialization"]}}
    elif one.media:
        good["content"] = {one.media: {"schema": {"type": "string"} if one.media.startswith("text/") else {}}}
    statuses = {400, 429} if one.needs is Needs.NOTHING else {400, 401, 403, 429}
    if one.parameters:
        statuses.add(404)
    if one.method != "GET":
        statuses |= {403, 409}
    problem = {MEDIA_TYPE: {"schema": refs[Problem, "serialization"]}}
    faults = {str(status): {"description": HTTPStatus(status).phrase, "content": problem} for status in sorted(statuses)}
    return {str(one.status): good, **faults}
