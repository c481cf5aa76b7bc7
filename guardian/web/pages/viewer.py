"""/viewer/: the page that a relay serves, too, with its WebSocket. Whoever comes proves themself to the desk, not by a login."""

from __future__ import annotations

from aiohttp import WSMsgType, web
from guardian_viewer import HEADERS, BadBundle, served

from guardian.model.errors import ServiceUnavailable
from guardian.web.security import check_origin
from guardian.web.site import Site

MOST_FRAME = 1 << 20
HEARTBEAT_S = 20.0


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [
        web.get("/viewer", _to_page),
        site.get("/viewer/view", view),
        web.get("/viewer/{path:.*}", _file),
    ]


async def _to_page(_: web.Request) -> web.Response:
    return web.Response(status=308, headers={"Location": "/viewer/"})


async def _file(request: web.Request) -> web.Response:
    try:
        asset = served(request.match_info["path"])
    except BadBundle as error:  # recording goes on without it
        return web.Response(status=503, text=f"{error.message}. {error.cure}\n", headers=HEADERS)
    if asset is None:
        return web.Response(status=404, text="there is no such file\n", headers=HEADERS)
    return web.Response(body=asset.body, content_type=asset.media, charset="utf-8", headers=HEADERS)


class Call:
    """Implements ViewerCall."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def read(self) -> bytes | None:
        message = await self._socket.receive()
        return bytes(message.data) if message.type is WSMsgType.BINARY else None

    async def write(self, frame: bytes) -> None:
        try:
            await self._socket.send_bytes(frame)
        except (ConnectionError, RuntimeError):
            raise ServiceUnavailable("the viewer has hung up") from None


async def view(site: Site, request: web.Request) -> web.StreamResponse:
    """One viewer, whose frames are those that a relay would pass on."""
    check_origin(request)
    socket = web.WebSocketResponse(max_msg_size=MOST_FRAME + 1, heartbeat=HEARTBEAT_S, compress=False)
    if not socket.can_prepare(request).ok:
        return web.Response(status=400, text="this is a WebSocket\n", headers=HEADERS)
    await socket.prepare(request)
    try:
        await site.services.viewing.serve(Call(socket))
    except ServiceUnavailable:
        pass  # the viewer has hung up
    finally:
        await socket.close()
    return socket
