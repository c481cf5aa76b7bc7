"""/holds: footage that is protected."""

from __future__ import annotations

from aiohttp import web

from guardian.api.cameras import checked_span
from guardian.api.paging import Page
from guardian.api.routing import Operations
from guardian.api.schemas import HoldFilter, HoldIn, HoldOut
from guardian.model.views import LASTING_US
from guardian.services.contract import Services

operations = Operations("holds")


@operations.add("GET", "/holds", errors=(400,))
async def list_holds(services: Services, request: web.Request, query: HoldFilter) -> Page[HoldOut]:
    """Protected footage, by its begin."""
    start_us, end_us = query.start or 0, query.end if query.end is not None else LASTING_US
    checked_span(start_us, end_us)
    found = await services.holds.list(query.camera, start_us, end_us)
    return Page[HoldOut](items=[HoldOut.of(hold) for hold in found], next=None)


@operations.add("POST", "/holds", status=201, errors=(400, 404))
async def create_hold(services: Services, request: web.Request, body: HoldIn) -> HoldOut:
    """Protect a span of a camera's footage, also what is to come: no age, no size and no full disk deletes it."""
    services.cameras.get(body.camera)
    return HoldOut.of(await services.holds.hold(body.camera, body.start, body.end))


@operations.add("DELETE", "/holds/{hold}", status=204, errors=(404,))
async def release_hold(services: Services, request: web.Request) -> web.StreamResponse:
    """Take the protection off. The footage stays until its time is over."""
    await services.holds.release(request.match_info["hold"])
    return web.Response(status=204)
