"""/events: list, one, picture, clip, protection, deletion."""

from __future__ import annotations

from aiohttp import web

from guardian.api.cameras import checked_span, stamp
from guardian.api.event_schemas import EventFilter, EventOut, FeedbackIn, SearchOut, SearchQuery
from guardian.api.media import MP4, body, send_clip
from guardian.api.paging import Page
from guardian.api.routing import Operations
from guardian.api.schemas import MediaQuery
from guardian.model.event import EventQuery, HappeningKind
from guardian.services.contract import Services

operations = Operations("events")
JPEG = "image/jpeg"


@operations.add("GET", "/events", errors=(400,))
async def list_events(services: Services, request: web.Request, query: EventFilter) -> Page[EventOut]:
    """Events, newest first."""
    if query.start is not None and query.end is not None:
        checked_span(query.start, query.end)
    happening = HappeningKind(query.happening) if query.happening is not None else None
    items, cursor = await services.events.list(
        EventQuery(
            query.camera,
            query.label,
            query.zone,
            happening,
            query.start,
            query.end,
            query.limit,
            query.cursor,
            query.verdict,
        )
    )
    return Page[EventOut](items=[EventOut.of(event) for event in items], next=cursor)


@operations.add("GET", "/events/search", errors=(400, 423))
async def search_events(services: Services, request: web.Request, query: SearchQuery) -> SearchOut:
    """Events in plain words, such as `a person with a red jacket at the front door last night`, the best first.

    Needs an unlocked vault: what events are found by is sealed.
    """
    return SearchOut.of(await services.search.search(query.q, query.tz, query.limit))


@operations.add("GET", "/events/{event}", errors=(404,))
async def get_event(services: Services, request: web.Request) -> EventOut:
    """One event."""
    return EventOut.of(await services.events.get(request.match_info["event"]))


@operations.add("DELETE", "/events/{event}", status=204, errors=(404, 409))
async def delete_event(services: Services, request: web.Request) -> web.StreamResponse:
    """Delete an event and its picture. Its footage stays until it is the oldest."""
    await services.events.delete(request.match_info["event"])
    return web.Response(status=204)


@operations.add("PUT", "/events/{event}/feedback", errors=(400, 404))
async def judge_event(services: Services, request: web.Request, body: FeedbackIn) -> EventOut:
    """Say whether an event was right or wrong, for `guardian tune` to learn from; null takes it back."""
    return EventOut.of(await services.events.judge(request.match_info["event"], body.verdict or ""))


@operations.add("PUT", "/events/{event}/hold", errors=(404,))
async def hold_event(services: Services, request: web.Request) -> EventOut:
    """Protect an event, its picture and the footage of its clip: no age, no size and no full disk deletes them."""
    return EventOut.of(await services.holds.hold_event(request.match_info["event"]))


@operations.add("DELETE", "/events/{event}/hold", errors=(404,))
async def release_event(services: Services, request: web.Request) -> EventOut:
    """Take the protection off an event."""
    return EventOut.of(await services.holds.release_event(request.match_info["event"]))


@operations.add("GET", "/events/{event}/snapshot.jpg", media=JPEG, errors=(404, 423))
async def get_snapshot(services: Services, request: web.Request) -> web.StreamResponse:
    """The event's best picture."""
    return body(await services.events.snapshot(request.match_info["event"]), JPEG)


@operations.add("GET", "/events/{event}/clip.mp4", media=MP4, errors=(404, 416, 423, 503))
async def get_event_clip(services: Services, request: web.Request, query: MediaQuery) -> web.StreamResponse:
    """The event's moment as MP4, with the seconds before and after; of one that goes on, what there is until now."""
    event, span = await services.events.clip_span(request.match_info["event"])
    pieces = services.playback.clip(event.camera, span.start_us, span.end_us, as_h264=query.as_ == "h264")
    return await send_clip(request, pieces, f"{event.camera}-{stamp(event.start_us)}-{event.id[-6:]}.mp4")
