"""Operations: a handler whose signature says its query, body and answer, from which it is called and described.

A handler is `async def name(services, request, [query: Model], [body: Model]) -> Model | web.StreamResponse`.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ValidationError

from guardian.api.problems import bad_request
from guardian.model.errors import BadRequest
from guardian.services.contract import Services

Function = Callable[..., Awaitable[BaseModel | web.StreamResponse]]
MAX_BODY = 64 * 1024
ENDING: web.AppKey[asyncio.Event] = web.AppKey("ending", asyncio.Event)  # what lasts ends when it is set
_PARAMETER = re.compile(r"{(\w+)(?::[^{}]*(?:{[^{}]*}[^{}]*)*)?}")  # {name} or {name:pattern}, as aiohttp writes it


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `media`: what it answers with when that is no JSON. `errors`: statuses it may end in."""

    method: str
    path: str
    function: Function
    tag: str
    media: str = ""
    status: int = 200
    errors: tuple[int, ...] = ()
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    result: type[BaseModel] | None = None

    @property
    def name(self) -> str:
        """Its operation id."""
        return self.function.__name__

    @property
    def words(self) -> tuple[str, str]:
        """First sentence and the rest of its docstring."""
        text = inspect.getdoc(self.function) or ""
        first, _, rest = text.partition("\n")
        return first.strip(), re.sub(r"\s+", " ", rest).strip()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names in the path."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def plain_path(self) -> str:
        """The path without the patterns of its parameters."""
        return _PARAMETER.sub(r"{\1}", self.path)


@dataclass(slots=True)
class Operations:
    """The operations of one file."""

    tag: str
    items: list[Operation] = field(default_factory=list)

    def add(
        self, method: str, path: str, *, media: str = "", status: int = 200, errors: tuple[int, ...] = ()
    ) -> Callable[[Function], Function]:
        """Say that a function answers a method of a path."""

        def keep(function: Function) -> Function:
            hints = get_type_hints(function)
            result = _model(hints.get("return"))
            operation = Operation(
                method, path, function, self.tag, media, status, errors, hints.get("query"), hints.get("body"), result
            )
            self.items.append(operation)
            return function

        return keep


def _model(hint: Any) -> type[BaseModel] | None:
    for one in (hint, *get_args(hint)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def routes(services: Services, operations: Iterable[Operation]) -> list[web.RouteDef]:
    """Return aiohttp's routes."""
    return [
        web.get(one.path, _handler(services, one), allow_head=True)
        if one.method == "GET"
        else web.route(one.method, one.path, _handler(services, one))
        for one in operations
    ]


def _handler(services: Services, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        arguments: dict[str, Any] = {}
        if operation.query is not None:
            arguments["query"] = read_query(request, operation.query)
        elif request.query:
            raise BadRequest(
                f"{next(iter(request.query))} is not known here", field=next(iter(request.query)), cure="Leave it out."
            )
        if operation.body is not None:
            arguments["body"] = await read_body(request, operation.body)
        answer = await operation.function(services, request, **arguments)
        if isinstance(answer, BaseModel):
            return json_response(answer, operation.status)
        return answer

    return handle


def json_response(answer: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a model as JSON."""
    return web.Response(
        status=status,
        text=answer.model_dump_json(),
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def read_query(request: web.Request, model: type[BaseModel]) -> BaseModel:
    """Return the validated query. BadRequest names the parameter."""
    for name in set(request.query):
        if len(request.query.getall(name)) > 1:
            raise BadRequest(f"{name} is given more than once", field=name, cure="Give it once.")
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise bad_request(error, _meanings(model)) from error


async def read_body(request: web.Request, model: type[BaseModel]) -> BaseModel:
    """Return the validated JSON body. BadRequest names the field."""
    if request.content_type != "application/json":
        raise BadRequest("the body is not JSON", field="Content-Type", cure="Send Content-Type: application/json.")
    data = bytearray()
    async for chunk in request.content.iter_chunked(16 * 1024):
        data += chunk
        if len(data) > MAX_BODY:
            raise BadRequest(f"the body is longer than {MAX_BODY} bytes", field="body", cure="Send less.")
    try:
        return model.model_validate_json(bytes(data))
    except ValidationError as error:
        raise bad_request(error, _meanings(model)) from error


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    return {field.alias or name: field.description or "" for name, field in model.model_fields.items()}
