"""A gateway that stands between a browser and the true one: it sees what a relay sees, and can change it."""

from __future__ import annotations

import asyncio
import threading

import aiohttp
from aiohttp import web


class HostileGateway:
    """Serves what the true one serves, on 127.0.0.1. `seen`: every frame that went by; `change(number, frame)` may return another one
    for the n-th towards the browser.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream, self.seen, self.change = upstream, bytearray(), lambda number, frame: frame
        self._sockets: set[web.WebSocketResponse] = set()
        self._loop, self._ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)  # of the namespace in which it is started
        self._thread.start()
        assert self._ready.wait(20)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._ending = asyncio.Event()
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False))
        app = web.Application()
        app.router.add_get("/view", self._view)
        app.router.add_get("/{path:.*}", self._file)
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        self._ready.set()
        await self._ending.wait()
        await self._session.close()
        await runner.cleanup()

    def cut(self) -> None:
        """Cut every connection that is there."""
        for socket in list(self._sockets):
            asyncio.run_coroutine_threadsafe(socket.close(), self._loop)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)
        self._loop.close()

    async def _file(self, request: web.Request) -> web.Response:
        async with self._session.get(self._upstream + request.match_info["path"]) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), headers={"Content-Type": answer.headers["Content-Type"]}
            )

    async def _view(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self._sockets.add(socket)
        async with self._session.ws_connect(self._upstream + "view", max_msg_size=0) as home:

            async def up() -> None:
                async for message in socket:
                    self.seen += message.data
                    await home.send_bytes(message.data)
                await home.close()

            going = asyncio.ensure_future(up())
            number = 0
            async for message in home:
                if message.type is not aiohttp.WSMsgType.BINARY:
                    break
                self.seen += message.data
                await socket.send_bytes(self.change(number, message.data))
                number += 1
            await socket.close()
            going.cancel()
        self._sockets.discard(socket)
        return socket
