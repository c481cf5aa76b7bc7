"""Operations about events: the open part, the sealed part as bytes, and the stream."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from guardian_cloud.api.routing import TENANT, Operations
from guardian_cloud.api.schemas import EventOut, Events, Page, sure_moment
from guardian_cloud.api.stream import serve
from guardian_cloud.index.happenings import Event
from guardian_cloud.model.roles import May
from guardian_cloud.services.caller import Caller
from guardian_cloud.services.cloud import Cloud

operations = Operations("events")
_KINDS: Final = {1: "alert", 2: "change", 3: "system"}
_SIZES: Final = {1: "1k", 2: "4k", 3: "16k", 4: "64k"}


@operations.add("GET", f"{TENANT}/events", May.SEE_EVENTS)
async def list_events(cloud: Cloud, who: Caller, _: web.Request, query: Page) -> Events:
    """Events, the newest first: what they show is in the sealed part."""
    found = await cloud.happenings.page(who, query.before, query.limit)
    return Events(items=[_shown(one) for one in found], next=found[-1].seq if len(found) == query.limit else None)


@operations.add("GET", f"{TENANT}/events/{{event}}/sealed", May.SEE_EVENTS, media="application/octet-stream")
async def get_sealed(cloud: Cloud, who: Caller, request: web.Request) -> web.Response:
    """The part of an event that only the home's vault opens."""
    sealed = await cloud.happenings.sealed(who, request.match_info["event"])
    return web.Response(body=sealed, content_type="application/octet-stream")


@operations.add("GET", f"{TENANT}/stream", May.SEE_EVENTS, media="text/event-stream")
async def stream(cloud: Cloud, who: Caller, request: web.Request) -> web.StreamResponse:
    """Events as they come, as server-sent events.

    Each has its number as id; with `Last-Event-ID` what came meanwhile is sent first. `fleet`: the fleet's state changed, ask for it.
    """
    return await serve(cloud, who, request, as_text)


def as_text(event: Event) -> str:
    """Return an event's open part as JSON."""
    return _shown(event).model_dump_json()


def _shown(one: Event) -> EventOut:
    return EventOut(
        event=one.id.hex(),
        seq=one.seq,
        camera=one.camera.hex(),
        serial=one.serial,
        time=sure_moment(one.time_s * 1_000_000),
        kind=_KINDS.get(one.kind, "unknown"),
        size=_SIZES.get(one.size, "unknown"),
    )
