"""/events/stream: changes of events as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from guardian.api.event_schemas import EventOut, StreamQuery
from guardian.api.routing import ENDING, Operations
from guardian.model.errors import BadRequest
from guardian.model.event import EventChange
from guardian.platform.tasks import Tasks
from guardian.services.contract import Services

operations = Operations("events")
SSE = "text/event-stream"
HEARTBEAT_S = 15.0  # proxies hang up on silence after 30 to 60 s


@operations.add("GET", "/events/stream", media=SSE, errors=(400,))
async def stream_events(services: Services, request: web.Request, query: StreamQuery) -> web.StreamResponse:
    """Changes of events as they happen (server-sent events).

    `event` is start, update, end or delete; `id` a serial that only grows; `data` the event as JSON. Send the last serial as
    `Last-Event-ID` to get what was missed, as far as it is still held. Comments keep the line alive.
    """
    changes = services.events.stream(_after(request, query))
    response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
    response.content_type, response.charset = SSE, "utf-8"
    await response.prepare(request)
    await response.write(b": hello\nretry: 2000\n\n")
    await _send(response, changes, request.app[ENDING])
    return response


def _after(request: web.Request, query: StreamQuery) -> int | None:
    last = request.headers.get("Last-Event-ID")
    if not last:
        return query.after
    if not last.isascii() or not last.isdigit() or len(last) > 18:
        raise BadRequest("Last-Event-ID is no serial", field="Last-Event-ID", cure="Send the id of the last event, or none.")
    return int(last)


async def _send(response: web.StreamResponse, changes: AsyncIterator[EventChange], end: asyncio.Event) -> None:
    tasks = Tasks()
    ending = tasks.spawn(end.wait(), "events until the end")
    try:
        while True:
            upcoming = tasks.spawn(_next(changes), "next change")
            while not (await _first(upcoming, ending))[0]:
                await response.write(b": still here\n\n")
            change = await upcoming if upcoming.done() else None
            if change is None:
                break
            await response.write(_text(change).encode())
    except ConnectionResetError:
        pass  # who listened has gone
    finally:
        await tasks.close()


async def _first(*tasks: asyncio.Task[Any]) -> tuple[set[asyncio.Task[Any]], set[asyncio.Task[Any]]]:
    return await asyncio.wait(tasks, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)


async def _next(changes: AsyncIterator[EventChange]) -> EventChange | None:
    return await anext(changes, None)


def _text(change: EventChange) -> str:
    return f"id: {change.serial}\nevent: {change.what}\ndata: {EventOut.of(change.event).model_dump_json()}\n\n"
