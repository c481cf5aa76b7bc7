"""Server-sent events of one tenant. What a piece looks like on the wire is worked out once, however many are sent it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from aiohttp import web

from guardian_cloud.index.happenings import Event
from guardian_cloud.model.errors import BadRequest, CloudError, TooManyRequests
from guardian_cloud.services.caller import Caller
from guardian_cloud.services.cloud import Cloud
from guardian_cloud.services.news import AT_ONCE, Piece

LOOK_AGAIN_S: Final = 60.0  # whether they still may: at most so long does a removed member hear on
RETRY_MS: Final = 3000
MOST_REPLAY: Final = 5000  # more: read the list
STREAMS: Final[web.AppKey[Counter[str]]] = web.AppKey("streams", Counter)


async def serve(cloud: Cloud, who: Caller, request: web.Request, text: Callable[[Event], str]) -> web.StreamResponse:
    """Send what is new until the client goes, falls behind, or we end."""
    last = _last(request)
    count = request.app[STREAMS]
    if count[who.user] >= cloud.settings.limits.streams_per_member:
        raise TooManyRequests("too many streams are open", wait_s=LOOK_AGAIN_S, cure="Close some.")
    count[who.user] += 1
    try:
        async with cloud.news.listen(who.tenant) as (listener, upto):
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
            await response.prepare(request)
            await response.write(f"retry: {RETRY_MS}\n\n".encode())
            if last is not None:
                await _replay(cloud, who, response, last, upto, text)
            looked_s = cloud.clock.mono_s()
            while not listener.ended:
                await (
                    listener.wake.wait()
                )  # at the latest with the next look: a timer for each of thousands would cost more than the rest
                listener.wake.clear()
                if cloud.clock.mono_s() - looked_s > LOOK_AGAIN_S:
                    if not await _still(cloud, who):
                        break
                    looked_s = cloud.clock.mono_s()
                sent = False
                while listener.pieces:
                    await response.write(_wire(listener.pieces.popleft(), text))
                    sent = True
                if not sent:  # proxies end what is silent for long; and we notice who has gone
                    await response.write(b": still here\n\n")
            return response
    finally:
        count[who.user] -= 1


async def _replay(
    cloud: Cloud, who: Caller, response: web.StreamResponse, last: int, upto: int, text: Callable[[Event], str]
) -> None:
    first = max(last, upto - MOST_REPLAY)
    if first > last:
        await response.write(b"event: missed\ndata: {}\n\n")  # too long ago: the list has the rest
    while first < upto:
        found = [one for one in await cloud.happenings.after(who.tenant, first, AT_ONCE) if one.seq <= upto]
        if not found:
            return
        await response.write(b"".join(_line(one, text) for one in found))
        first = found[-1].seq


async def _still(cloud: Cloud, who: Caller) -> bool:
    try:
        again = await cloud.people.caller(who.person, who.tenant, who.origin)
    except CloudError:
        return False
    return again.role == who.role


def _wire(piece: Piece, text: Callable[[Event], str]) -> bytes:
    if piece.wire is None:
        lines = b"".join(_line(one, text) for one in piece.events)
        piece.wire = lines or b"event: fleet\ndata: {}\n\n"
    return piece.wire


def _line(event: Event, text: Callable[[Event], str]) -> bytes:
    return f"id: {event.seq}\nevent: event\ndata: {text(event)}\n\n".encode()


def _last(request: web.Request) -> int | None:
    given = request.headers.get("Last-Event-ID")
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise BadRequest("Last-Event-ID is no number", field="Last-Event-ID", cure="Send the id of the last event you have.")
    return int(given)
