"""Puts the API together. Mount it at /api/v1: `root.add_subapp("/api/v1", make_api(services))`."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from guardian.api import (
    cameras,
    cloud,
    event_stream,
    events,
    exports,
    holds,
    live_socket,
    relay,
    rules,
    system,
    vault,
    viewing,
)
from guardian.api.openapi import document
from guardian.api.problems import problems
from guardian.api.routing import ENDING, Operation, routes
from guardian.api.tokens import login_required
from guardian.services.contract import Services

# The stream before the events: its path is one of theirs too.
OPERATIONS: tuple[Operation, ...] = (
    *cameras.operations.items,
    *rules.operations.items,
    *live_socket.operations.items,
    *event_stream.operations.items,
    *events.operations.items,
    *holds.operations.items,
    *exports.operations.items,
    *vault.operations.items,
    *relay.operations.items,
    *cloud.operations.items,
    *viewing.operations.items,
    *system.operations.items,
)


def make_api(services: Services) -> web.Application:
    """Return the API's application. Nothing in it answers without a login."""
    app = web.Application(middlewares=[problems, login_required(services.accounts)], client_max_size=1024 * 1024)
    app[ENDING] = asyncio.Event()
    app.on_shutdown.append(_end)
    app.add_routes(routes(services, OPERATIONS))
    app.router.add_get("/openapi.json", get_openapi)
    return app


async def _end(app: web.Application) -> None:
    app[ENDING].set()


async def get_openapi(_: web.Request) -> web.Response:
    """The OpenAPI document."""
    return web.Response(text=json.dumps(document(OPERATIONS), ensure_ascii=False), content_type="application/json")
