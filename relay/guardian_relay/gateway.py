"""Where viewers come: a WebSocket whose frames go to the edge and back as they are. What is in them is sealed between the two.

The page that they look with is the bundle that the edge serves, too: its files, unchanged.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import grpc
import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from guardian_viewer import HEADERS, BadBundle, Build, checked, served

from guardian.protocol.tunnel import DETOUR_PATH
from guardian.protocol.v1 import link_pb2 as link
from guardian_relay.detours import Detours
from guardian_relay.errors import RelayError
from guardian_relay.settings import GatewaySettings, host_port

_log = structlog.get_logger(__name__)
MOST_VIEWERS = 32
MOST_FRAME = 1 << 20
ANSWER_WITHIN_S = 10.0
QUEUE = 32  # frames towards one viewer or the edge; full: the sender waits, and flow control reaches the other end


class Viewer:
    """One viewer and the edge's end of the call."""

    def __init__(self, ticket: int, socket: web.WebSocketResponse) -> None:
        self.ticket, self._socket = ticket, socket
        self.answered = asyncio.Event()
        self.over = asyncio.Event()
        self._up: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)

    async def read(self) -> None:
        """Take the viewer's frames until they hang up."""
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.BINARY or len(message.data) > MOST_FRAME:
                    await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                    return
                await self._up.put(message.data)
        finally:
            self.over.set()

    async def join(self, first: link.Frame, context: Any) -> None:
        """The edge has answered: frames go both ways until either end hangs up."""
        self.answered.set()
        ways = [
            asyncio.ensure_future(way)
            for way in (self._towards_edge(context), self._towards_viewer(first, context), self.over.wait())
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self.over.set()

    async def _towards_edge(self, context: Any) -> None:
        while True:
            await context.write(link.Frame(data=await self._up.get()))

    async def _towards_viewer(self, first: link.Frame, context: Any) -> None:
        one: Any = first
        while one is not grpc.aio.EOF:
            if one.data:
                await self._socket.send_bytes(one.data)
            one = await context.read()


class Viewers:
    """Those who are there. `call(ticket)` asks the edge to answer; False when it is away."""

    def __init__(self) -> None:
        self._there: dict[int, Viewer] = {}
        self._next = 1
        self.call: Callable[[int], bool] = lambda ticket: False
        self.refused = 0

    @property
    def count(self) -> int:
        """How many."""
        return len(self._there)

    def answer(self, ticket: int) -> Viewer | None:
        """The edge answers: return whose call it is, once."""
        viewer = self._there.get(ticket)
        return viewer if viewer is not None and not viewer.answered.is_set() else None

    def edge_gone(self) -> None:
        """Nobody will answer any more."""
        for viewer in self._there.values():
            viewer.over.set()

    async def serve(self, request: web.Request, allowed: frozenset[str]) -> web.StreamResponse:
        """One viewer's WebSocket."""
        origin = request.headers.get("Origin", "")
        if origin and origin not in allowed and origin != f"https://{request.host}":
            self.refused += 1
            _log.warning("viewer_refused", reason="origin")
            return web.Response(status=403, text="this origin may not connect\n")
        if len(self._there) >= MOST_VIEWERS:
            self.refused += 1
            return web.Response(status=503, text="too many viewers\n", headers={"Retry-After": "10"})
        socket = web.WebSocketResponse(max_msg_size=MOST_FRAME + 1, heartbeat=20.0, compress=False)
        await socket.prepare(request)
        viewer = Viewer(self._next, socket)
        self._next += 1
        self._there[viewer.ticket] = viewer
        _log.info("viewer_came", count=len(self._there))
        try:
            await self._talk(viewer, socket)
        finally:
            del self._there[viewer.ticket]
            _log.info("viewer_gone", count=len(self._there))
        return socket

    async def _talk(self, viewer: Viewer, socket: web.WebSocketResponse) -> None:
        if not self.call(viewer.ticket):
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"home is away")
            return
        reading = asyncio.ensure_future(viewer.read())
        try:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await viewer.answered.wait()
            except TimeoutError:
                await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"home does not answer")
                return
            await viewer.over.wait()
            await socket.close()
        finally:
            viewer.over.set()
            reading.cancel()


def gateway_app(viewers: Viewers, settings: GatewaySettings, detours: Detours | None = None) -> web.Application:
    """Return the gateway's application."""
    allowed = frozenset(settings.origins)

    async def view(request: web.Request) -> web.StreamResponse:
        return await viewers.serve(request, allowed)

    async def file(request: web.Request) -> web.StreamResponse:
        asset = served(request.match_info["path"])
        if asset is None:
            return web.Response(status=404, text="there is no such file\n", headers=HEADERS)
        return web.Response(body=asset.body, content_type=asset.media, charset="utf-8", headers=HEADERS)

    app = web.Application()
    app.router.add_get("/view", view)
    if detours is not None:
        app.router.add_get(DETOUR_PATH, detours.serve)
    app.router.add_get("/{path:.*}", file)
    return app


def viewer_build() -> Build:
    """Return what the page that viewers get is, and who signed it; RelayError where it is not what was signed."""
    try:
        return checked()
    except BadBundle as error:
        raise RelayError(error.message, cure=error.cure) from error


def gateway_tls(settings: GatewaySettings) -> ssl.SSLContext:
    """Return the gateway's TLS; RelayError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise RelayError(
            f"gateway.cert_file or gateway.key_file cannot be used: {error}",
            cure="Give PEM files that belong together, and that the relay's user may read.",
            field="gateway.cert_file",
        ) from error
    return context


async def open_gateway(viewers: Viewers, settings: GatewaySettings, detours: Detours | None = None) -> web.AppRunner:
    """Listen for viewers, and for homes whose UDP is blocked; RelayError, also where the page is not the one that was signed."""
    viewer_build()
    runner = web.AppRunner(gateway_app(viewers, settings, detours), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    host, port = host_port(settings.listen)
    try:
        await web.TCPSite(runner, host, port, ssl_context=gateway_tls(settings)).start()
    except OSError as error:
        await runner.cleanup()
        raise RelayError(f"gateway.listen {settings.listen}: {error.strerror}", cure="Choose another port.") from error
    return runner
