"""Where UDP is blocked: the tunnel's datagrams over a WebSocket of the gateway, one a message.

WireGuard says who may: it answers nobody but the home that has joined, and a connection in which it answers nothing is closed soon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from guardian.protocol.tunnel import MOST_DATAGRAM

_log = structlog.get_logger(__name__)
MOST_DETOURS = 8
ANSWER_WITHIN_S = 10.0
QUEUE = 256  # datagrams on their way home; more are lost, as on any network


class _Wire(asyncio.DatagramProtocol):
    """A UDP socket towards WireGuard."""

    def __init__(self) -> None:
        self.back: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        self.answered = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answered.set()
        if not self.back.full():
            self.back.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        """The tunnel is down for a moment."""


class Detours:
    """Those who are there. `port()` is WireGuard's, None while no home has joined."""

    def __init__(self, port: Callable[[], int | None]) -> None:
        self._port = port
        self.count = 0
        self.refused = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One home's WebSocket."""
        port = self._port()
        if port is None or self.count >= MOST_DETOURS or "Origin" in request.headers:  # a browser is no home
            self.refused += 1
            return web.Response(status=503, text="there is no tunnel for you\n", headers={"Retry-After": "30"})
        socket = web.WebSocketResponse(max_msg_size=MOST_DATAGRAM + 1, heartbeat=20.0, compress=False)
        await socket.prepare(request)
        loop = asyncio.get_running_loop()
        transport, wire = await loop.create_datagram_endpoint(_Wire, remote_addr=("127.0.0.1", port))
        self.count += 1
        _log.info("detour_came", count=self.count)
        back = [asyncio.ensure_future(way) for way in (_towards_home(wire, socket), self._judge(wire, socket))]
        try:
            async for message in socket:
                if message.type is not WSMsgType.BINARY:
                    await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                    break
                transport.sendto(message.data)
        finally:
            for way in back:
                way.cancel()
            transport.close()
            self.count -= 1
            _log.info("detour_gone", count=self.count)
        return socket

    async def _judge(self, wire: _Wire, socket: web.WebSocketResponse) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await wire.answered.wait()
        except TimeoutError:
            self.refused += 1
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)


async def _towards_home(wire: _Wire, socket: web.WebSocketResponse) -> None:
    while True:
        await socket.send_bytes(await wire.back.get())
