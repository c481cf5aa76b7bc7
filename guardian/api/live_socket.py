"""/cameras/{camera}/live: fragmented MP4 over a WebSocket, for Media Source Extensions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import WSCloseCode, web

from guardian.api.routing import ENDING, Operations
from guardian.api.schemas import LiveQuery
from guardian.model.errors import BadRequest, GuardianError, ServiceUnavailable
from guardian.platform.tasks import Tasks
from guardian.services.contract import Services

operations = Operations("live")
HEARTBEAT_S = 20.0
CLOSE_WITHIN_S = 2.0


@operations.add("GET", "/cameras/{camera}/live", media="video/mp4", status=101, errors=(400,))
async def watch_live(services: Services, request: web.Request, query: LiveQuery) -> web.StreamResponse:
    """Live video over a WebSocket.

    First comes a text message `{"type": "init", "mime", "codecs", "width", "height", "note"}`, then the MP4 init segment and
    the fragments from the latest keyframe on, as binary messages. What goes wrong comes as a text message
    `{"type": "error", "code", "message", "cure"}` before the end. A slow viewer skips to the next keyframe.
    """
    if not web.WebSocketResponse().can_prepare(request).ok:
        raise BadRequest("this is a WebSocket", field="Upgrade", cure="Connect with ws:// or wss://.")
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False, timeout=CLOSE_WITHIN_S, max_msg_size=4096)
    try:
        await socket.prepare(request)
    except ConnectionResetError:
        return socket  # who wanted to look has gone
    tasks = Tasks()
    sending = tasks.spawn(_send(services, socket, request.match_info["camera"], query), "live viewer")
    receiving = tasks.spawn(_until_closed(socket), "live viewer leaves")
    ending = tasks.spawn(request.app[ENDING].wait(), "live viewer until the end")
    try:
        await asyncio.wait({sending, receiving, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.close()
        await socket.close(code=WSCloseCode.GOING_AWAY)
    return socket


async def _until_closed(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


async def _send(services: Services, socket: web.WebSocketResponse, camera: str, query: LiveQuery) -> None:
    try:
        services.cameras.get(camera)
        async with services.live.subscribe(camera, query.can, query.prefer) as feed:
            opening = {
                "type": "init",
                "mime": f'video/mp4; codecs="{feed.codecs}"',
                "codecs": feed.codecs,
                "width": feed.width,
                "height": feed.height,
                "note": feed.note,
            }
            await _say(socket, opening)
            await socket.send_bytes(feed.init)
            async for _, fragment in feed:
                await socket.send_bytes(fragment)
        raise ServiceUnavailable("the camera's picture was interrupted", cure="Connect again.")
    except GuardianError as error:
        await _say(socket, {"type": "error", "code": error.code, "message": error.message, "cure": error.cure})
    except ConnectionResetError:
        pass  # who looked has gone


async def _say(socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
    if not socket.closed:
        await socket.send_str(json.dumps(message, ensure_ascii=False))
