"""/events: what happened, and each event by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from guardian.model.errors import VaultLocked
from guardian.model.event import UNJUDGED, VERDICTS, EventQuery, HappeningKind
from guardian.model.ids import is_camera_id
from guardian.model.time import from_rfc3339
from guardian.web.render import is_fragment
from guardian.web.site import Site, see_other, text_field

PAGE = 24
LONGEST = 300
FILTERS = ("camera", "label", "zone", "happening", "date", "tz", "tz_end", "verdict")


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [
        site.get("/events", show_list),
        site.get("/events/{id}", show),
        site.get("/events/{id}/card", show_card),
        site.post("/events/{id}/protect", protect),
        site.post("/events/{id}/release", release),
        site.post("/events/{id}/feedback", judge),
        site.post("/events/{id}/delete", delete),
    ]


async def show_list(site: Site, request: web.Request) -> web.StreamResponse:
    """The grid; with a cursor, its next page."""
    if request.query.get("q", "").strip():
        return await _search(site, request)
    chosen = {name: request.query.get(name, "").strip()[:64] for name in FILTERS}
    cursor = request.query.get("cursor") or None
    found, upcoming = await site.services.events.list(_query(chosen, cursor))
    filters = {name: value for name, value in chosen.items() if value}
    values: dict[str, Any] = {
        "events": found,
        "names": _names(site),
        "more": f"/events?{urlencode(filters | {'cursor': upcoming})}" if upcoming else "",
    }
    if is_fragment(request) and cursor:
        return await site.render.block(request, "events.html", "cards", **values)
    labels = sorted({*await site.services.events.labels(), *([chosen["label"]] if chosen["label"] else [])})
    values |= {"zones": _zones(site, chosen["zone"]), "happenings": list(HappeningKind)}
    values |= {"chosen": chosen, "labels": labels, "cameras": site.services.cameras.list(), "filtered": bool(filters)}
    return await site.render.page(request, "events.html", q="", search=None, **values)


async def _search(site: Site, request: web.Request) -> web.StreamResponse:
    """What fits a sentence, the best first; while the vault is locked, how to unlock it."""
    sentence = request.query["q"].strip()[:LONGEST]
    result, locked = None, ""
    try:
        result = await site.services.search.search(sentence, _minutes(request.query.get("tz", "")), PAGE * 2)
    except VaultLocked as error:
        locked = error.message
    return await site.render.page(
        request,
        "events.html",
        q=sentence,
        search=result,
        locked=locked,
        events=tuple(one.event for one in result.items) if result is not None else (),
        names=_names(site),
        more="",
        chosen=dict.fromkeys(FILTERS, ""),
        labels=await site.services.events.labels(),
        cameras=site.services.cameras.list(),
        filtered=True,
    )


def _minutes(text: str) -> int:
    try:
        return max(-900, min(900, int(text or 0)))
    except ValueError:
        return 0


async def show_card(site: Site, request: web.Request) -> web.StreamResponse:
    """One card of the grid, for events that come while it is open."""
    event = await site.services.events.get(request.match_info["id"])
    return await site.render.block(request, "event_card.html", "card", event=event, names=_names(site))


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """One event."""
    event, span = await site.services.events.clip_span(request.match_info["id"])
    names = _names(site)
    return await site.render.page(
        request, "event.html", event=event, span=span, camera_name=names.get(event.camera, event.camera)
    )


async def protect(site: Site, request: web.Request) -> web.StreamResponse:
    """Protect an event and its footage."""
    event = await site.services.holds.hold_event(request.match_info["id"])
    return see_other(request, f"/events/{event.id}")


async def release(site: Site, request: web.Request) -> web.StreamResponse:
    """Take the protection off."""
    event = await site.services.holds.release_event(request.match_info["id"])
    return see_other(request, f"/events/{event.id}")


async def judge(site: Site, request: web.Request) -> web.StreamResponse:
    """Keep a thumb up or down, or take it back; htmx gets the thumbs as they are now."""
    event = await site.services.events.judge(request.match_info["id"], await text_field(request, "verdict"))
    back = await text_field(request, "back")
    back = back if back.startswith("/events") and "\\" not in back else f"/events/{event.id}"
    if is_fragment(request):
        return await site.render.block(request, "thumbs.html", "thumbs", event=event, back=back)
    return see_other(request, back)


async def delete(site: Site, request: web.Request) -> web.StreamResponse:
    """Delete an event and its picture; footage stays until its time is over."""
    await site.services.events.delete(request.match_info["id"])
    return see_other(request, "/events")


def _names(site: Site) -> dict[str, str]:
    return {camera.id: camera.name for camera in site.services.cameras.list()}


def _zones(site: Site, chosen: str) -> list[str]:
    """Names of the zones and lines that cameras have, and the one that is chosen: it may be of the past."""
    return sorted(
        {name for camera in site.services.cameras.list() for name in camera.zones} | ({chosen} if chosen else set())
    )


def _query(chosen: dict[str, str], cursor: str | None) -> EventQuery:
    start_us, end_us = _day(chosen["date"], chosen["tz"], chosen["tz_end"])
    return EventQuery(
        camera=chosen["camera"] if is_camera_id(chosen["camera"]) else None,
        label=chosen["label"] or None,
        zone=chosen["zone"] or None,
        happening=HappeningKind(chosen["happening"]) if chosen["happening"] in set(HappeningKind) else None,
        start_us=start_us,
        end_us=end_us,
        limit=PAGE,
        cursor=cursor,
        verdict=chosen["verdict"] if chosen["verdict"] in (*VERDICTS, UNJUDGED) else None,
    )


def _day(date: str, zone: str, zone_end: str) -> tuple[int | None, int | None]:
    """Return a day's begin and end. Zones: minutes that local time is behind UTC then, as browsers tell it."""
    try:
        begin = datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC)
        end = begin + timedelta(days=1) + _behind(zone_end or zone)
        begin += _behind(zone)
        return from_rfc3339(begin.isoformat()), from_rfc3339(end.isoformat())
    except (ValueError, OverflowError):
        return None, None


def _behind(zone: str) -> timedelta:
    return timedelta(minutes=max(-900, min(900, int(zone or 0))))
