"""Datagrams over TLS: a real gateway, a real UDP port behind it that answers as WireGuard does, or does not."""

import asyncio
import contextlib
import os
import socket

import pytest
from aiohttp import ClientSession, WSMsgType
from guardian_relay import detours as detours_module
from guardian_relay.detours import Detours
from guardian_relay.gateway import Viewers, open_gateway
from guardian_relay.settings import GatewaySettings
from guardian_wireguard.detour import Detour

from guardian.platform.clock import SystemClock
from tests.support.authority import Authority


class Answers(asyncio.DatagramProtocol):
    """What is behind the gateway."""

    mute = False

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        if not self.mute:
            self.transport.sendto(b"re:" + data, addr)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.asynccontextmanager
async def relay(folder, port):
    key, chain = Authority().server("127.0.0.1")
    (folder / "key.pem").write_bytes(key)
    (folder / "chain.pem").write_bytes(chain)
    behind, answers = await asyncio.get_running_loop().create_datagram_endpoint(Answers, local_addr=("127.0.0.1", 0))
    detours = Detours(lambda: behind.get_extra_info("sockname")[1])
    settings = GatewaySettings(
        listen=f"127.0.0.1:{port}", cert_file=str(folder / "chain.pem"), key_file=str(folder / "key.pem")
    )
    runner = await open_gateway(Viewers(), settings, detours)
    try:
        yield detours, answers
    finally:
        await runner.cleanup()
        behind.close()


@contextlib.asynccontextmanager
async def detour(port):
    one = Detour("127.0.0.1", port, SystemClock())
    await one.open()
    caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    caller.setblocking(False)
    host, _, own = one.endpoint.rpartition(":")
    caller.connect((host, int(own)))
    try:
        yield one, caller
    finally:
        caller.close()
        await one.close()


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def ask(caller, data):
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(caller, data)
    async with asyncio.timeout(5):
        return await loop.sock_recv(caller, 70_000)


async def test_datagrams_go_there_and_back_each_whole(tmp_path):
    port = free_port()
    async with relay(tmp_path, port) as (detours, _), detour(port) as (one, caller):
        await until(lambda: one.since_s is not None)
        for size in (1, 148, 1452, 9000):
            data = os.urandom(size)
            assert await ask(caller, data) == b"re:" + data
        assert (detours.count, one.problem) == (1, "")
    await until(lambda: detours.count == 0)


async def test_a_gateway_that_comes_later_and_goes_again_is_said(tmp_path):
    port = free_port()
    async with detour(port) as (one, caller):
        await until(lambda: one.problem)
        assert one.since_s is None
        async with relay(tmp_path, port):
            await until(lambda: one.since_s is not None)
            assert await ask(caller, b"x") == b"re:x"
        await until(lambda: one.problem and one.since_s is None)


async def test_who_wireguard_does_not_answer_is_shown_the_door(tmp_path, monkeypatch):
    monkeypatch.setattr(detours_module, "ANSWER_WITHIN_S", 0.2)
    port = free_port()
    async with relay(tmp_path, port) as (detours, answers), ClientSession() as session:
        answers.mute = True
        async with session.ws_connect(f"https://127.0.0.1:{port}/tunnel", ssl=False) as stranger:
            await stranger.send_bytes(b"scan")
            assert (await stranger.receive(5)).type is WSMsgType.CLOSE
        await until(lambda: detours.count == 0)
        assert detours.refused == 1


@pytest.mark.parametrize("how", ["a browser", "too many", "nobody has joined"])
async def test_who_cannot_be_a_home_is_refused(tmp_path, monkeypatch, how):
    port = free_port()
    async with relay(tmp_path, port) as (detours, _), ClientSession() as session:
        if how == "too many":
            monkeypatch.setattr(detours_module, "MOST_DETOURS", 0)
        if how == "nobody has joined":
            detours._port = lambda: None
        headers = {"Origin": f"https://127.0.0.1:{port}"} if how == "a browser" else {}
        async with session.get(f"https://127.0.0.1:{port}/tunnel", ssl=False, headers=headers) as answer:
            assert answer.status == 503
        assert detours.count == 0
