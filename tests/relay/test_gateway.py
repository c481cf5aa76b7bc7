"""A viewer's frames go to the edge and back as they are; what the relay could read of them it does not."""

import asyncio
import os

import aiohttp
import grpc
from aiohttp import web
from guardian_relay.gateway import gateway_app
from guardian_relay.settings import GatewaySettings

from guardian.protocol.v1 import link_pb2 as link
from tests.relay.bench import expect, hello, relay


async def serve(one, **settings):
    runner = web.AppRunner(gateway_app(one.viewers, GatewaySettings(**settings)))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/view"


async def test_frames_go_both_ways_as_they_are(tmp_path):
    async with relay(tmp_path) as one, aiohttp.ClientSession() as session:
        runner, url = await serve(one)
        stream, _ = await hello(one)
        async with session.ws_connect(url, max_msg_size=0) as viewer:
            ticket = (await expect(stream, "call")).ticket
            call = one.stub.View()
            await call.write(link.Frame(ticket=ticket))
            frames = [os.urandom(size) for size in (1, 1000, 1 << 20)]
            for frame in frames:
                await viewer.send_bytes(frame)
                assert (await call.read()).data == frame
                await call.write(link.Frame(data=frame[::-1]))
                assert (await viewer.receive_bytes()) == frame[::-1]
            await viewer.close()
            assert await call.read() is grpc.aio.EOF
        assert one.viewers.count == 0
        assert not any(frames[2][:32] in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        stream.cancel()
        await runner.cleanup()


async def test_a_call_is_answered_once_and_by_its_ticket(tmp_path):
    async with relay(tmp_path) as one, aiohttp.ClientSession() as session:
        runner, url = await serve(one)
        stream, _ = await hello(one)
        async with session.ws_connect(url) as viewer:
            ticket = (await expect(stream, "call")).ticket
            wrong = one.stub.View()
            await wrong.write(link.Frame(ticket=ticket + 1))
            assert await wrong.code() is grpc.StatusCode.NOT_FOUND
            right = one.stub.View()
            await right.write(link.Frame(ticket=ticket, data=b"hello"))
            assert await viewer.receive_bytes() == b"hello"
            second = one.stub.View()
            await second.write(link.Frame(ticket=ticket))
            assert await second.code() is grpc.StatusCode.NOT_FOUND
            right.cancel()
            assert (await viewer.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        stream.cancel()
        await runner.cleanup()


async def test_while_home_is_away_a_viewer_is_told_so(tmp_path):
    async with relay(tmp_path) as one, aiohttp.ClientSession() as session:
        runner, url = await serve(one)
        async with session.ws_connect(url) as viewer:
            closed = await asyncio.wait_for(viewer.receive(), 5)
            assert (closed.data, closed.extra) == (1013, "home is away")
        await runner.cleanup()


async def test_pages_of_other_origins_may_not_connect(tmp_path):
    async with relay(tmp_path) as one, aiohttp.ClientSession() as session:
        runner, url = await serve(one, origins=("https://view.example",))
        for origin, status in (("https://evil.example", 403), ("https://view.example", 101)):
            async with session.get(url, headers={"Origin": origin, **UPGRADE}) as answer:
                assert answer.status == status
        await runner.cleanup()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
