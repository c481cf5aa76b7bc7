"""Operations: a handler, who may call it, and what its signature says of query, body and answer. It is called and described from that.

A handler is `async def name(cloud, who, request, [query], [body]) -> Model | web.StreamResponse`. `who` is a Caller for what a role in a
tenant allows, a Person for what any login allows, and the caller's network for what is open. There is no operation without a `needs`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, get_args, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from guardian_cloud.api.problems import fault_of
from guardian_cloud.model.errors import BadRequest
from guardian_cloud.model.roles import May

Function = Callable[..., Awaitable[BaseModel | web.StreamResponse]]
MOST_BODY: Final = 128 * 1024
_PARAMETER: Final = re.compile(r"{(\w+)}")
TENANT: Final = "/tenants/{tenant}"


class Needs(StrEnum):
    """What an operation needs where no role is asked for."""

    NOTHING = "nothing"
    LOGIN = "login"


class Body(BaseModel):
    """Base of bodies and queries: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    function: Function
    tag: str
    needs: May | Needs
    status: int
    media: str
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    result: type[BaseModel] | None

    @property
    def name(self) -> str:
        """Its operation id."""
        return self.function.__name__

    @property
    def words(self) -> tuple[str, str]:
        """First sentence and the rest of its docstring."""
        first, _, rest = (inspect.getdoc(self.function) or "").partition("\n")
        return first.strip(), re.sub(r"\s+", " ", rest).strip()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names in the path."""
        return tuple(_PARAMETER.findall(self.path))


@dataclass(slots=True)
class Operations:
    """The operations of one file."""

    tag: str
    items: list[Operation] = field(default_factory=list)

    def add(
        self, method: str, path: str, needs: May | Needs, *, status: int = 200, media: str = ""
    ) -> Callable[[Function], Function]:
        """Say that a function answers a method of a path. What a role allows lies below a tenant, and only that."""
        if isinstance(needs, May) != path.startswith(TENANT):
            raise ValueError(f"{method} {path}: a role is one in a tenant")

        def keep(function: Function) -> Function:
            hints = get_type_hints(function)
            result = next((one for one in (hints.get("return"), *get_args(hints.get("return"))) if _is_model(one)), None)
            self.items.append(
                Operation(
                    method, path, function, self.tag, needs, status, media, hints.get("query"), hints.get("body"), result
                )
            )
            return function

        return keep


def _is_model(one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, BaseModel)


async def arguments(operation: Operation, request: web.Request) -> dict[str, Any]:
    """Return query and body, validated. BadRequest."""
    found: dict[str, Any] = {}
    if operation.query is not None:
        found["query"] = _validated(operation.query, _once(request))
    elif request.query:
        name = next(iter(request.query))
        raise BadRequest(f"{name} is not known here", field=name, cure="Leave it out.")
    if operation.body is not None:
        if request.content_type != "application/json":
            raise BadRequest("the body is not JSON", field="Content-Type", cure="Send Content-Type: application/json.")
        try:
            found["body"] = operation.body.model_validate_json(await request.read())
        except ValidationError as error:
            raise fault_of(error, operation.body) from None
    return found


def _once(request: web.Request) -> dict[str, str]:
    for name in set(request.query):
        if len(request.query.getall(name)) > 1:
            raise BadRequest(f"{name} is given more than once", field=name, cure="Give it once.")
    return dict(request.query)


def _validated(model: type[BaseModel], values: dict[str, str]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise fault_of(error, model) from None


def answer(operation: Operation, made: BaseModel | web.StreamResponse) -> web.StreamResponse:
    """Return what a handler made as a response."""
    if isinstance(made, BaseModel):
        return web.Response(status=operation.status, text=made.model_dump_json(), content_type="application/json")
    return made
