"""The tunnel's datagrams over TLS: a UDP port of this machine, behind which a WebSocket to the relay's gateway stands.

Nothing is trusted to this TLS, and no certificate of it is looked at: what passes is WireGuard's, sealed and proven between the keys
that the home has signed. Whoever sits in between can stop it, as they can stop UDP, and no more.
"""

from __future__ import annotations

import asyncio
import ssl

import aiohttp

from guardian.protocol import waits
from guardian.protocol.tunnel import DETOUR_PATH, MOST_DATAGRAM
from guardian.sdk import Clock, Tasks

QUEUE = 256  # datagrams on their way to the relay; more are lost, as on any network
CONNECT_S = 10.0
LONGEST_WAIT_S = 15.0


class Detour(asyncio.DatagramProtocol):
    """One of them. `open` it, point WireGuard at `endpoint`, and `close` it."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self._url = f"wss://{f'[{host}]' if ':' in host else host}:{port}{DETOUR_PATH}"
        self._clock, self._tasks = clock, Tasks()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        self._udp: asyncio.DatagramTransport | None = None
        self._caller: tuple[str, int] | None = None
        self.endpoint = ""
        self.since_s: float | None = None  # since when the gateway is there
        self.problem = ""

    async def open(self) -> None:
        """Begin; the relay is called for as long as it takes."""
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        host, port = self._udp.get_extra_info("sockname")
        self.endpoint = f"{host}:{port}"
        self._tasks.spawn(self._run(), "tunnel over TLS")

    async def close(self) -> None:
        """Hang up."""
        await self._tasks.close(1.0)
        if self._udp is not None:
            self._udp.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take WireGuard's."""
        self._caller = addr
        if not self._waiting.full():
            self._waiting.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        """WireGuard's port is closed for a moment: it begins anew."""

    async def _run(self) -> None:
        wait_s = waits.FIRST_WAIT_S
        while True:
            self.since_s, began_s = None, self._clock.mono_s()
            try:
                await self._talk()
                self.problem = "the relay's gateway hung up"
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self.problem = f"the relay's gateway cannot be reached over TLS: {type(error).__name__}"
            self.since_s = None
            if self._clock.mono_s() - began_s > CONNECT_S:
                wait_s = waits.FIRST_WAIT_S
            wait_s = min(LONGEST_WAIT_S, waits.next_wait(wait_s))
            await self._clock.sleep(wait_s)

    async def _talk(self) -> None:
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.ws_connect(self._url, ssl=tls, compress=0, max_msg_size=MOST_DATAGRAM + 1, heartbeat=20.0) as socket,
        ):
            self.problem, self.since_s = "", self._clock.mono_s()
            ways = [asyncio.ensure_future(way) for way in (self._out(socket), self._in(socket))]
            try:
                done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in done:
                    way.result()
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    async def _out(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await socket.send_bytes(await self._waiting.get())

    async def _in(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                return
            if self._udp is not None and self._caller is not None:
                self._udp.sendto(message.data, self._caller)
