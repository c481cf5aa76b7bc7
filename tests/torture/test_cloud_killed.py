"""The installed command, killed in the middle of taking events: what was acknowledged is there, and nothing is there twice."""

import asyncio
import os
import random
import signal
import sys

import grpc
import pytest

from tests.support.cloud_people import Browser, Relay, batch, make_event
from tests.support.oidc_provider import OidcProvider
from tests.support.postgres import free_port

pytestmark = pytest.mark.torture
EVENTS, AT_ONCE, KILLS = 2000, 20, 3
PROGRAM = [sys.executable, "-c", "from guardian_cloud.cli import main; main()"]


class Program:
    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    async def run(self, *words):
        process = await asyncio.create_subprocess_exec(*PROGRAM, *words, env=self.environment)
        assert await process.wait() == 0

    async def start(self):
        self.log = (self.folder / "log").open("ab")
        self.process = await asyncio.create_subprocess_exec(*PROGRAM, "run", env=self.environment, stderr=self.log)
        for _ in range(300):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", int(self.environment["PORT"]))
                writer.close()
                return
            except OSError:
                assert self.process.returncode is None, (self.folder / "log").read_text()
                await asyncio.sleep(0.1)
        raise AssertionError("it did not start")

    async def end(self, how):
        self.process.send_signal(how)
        code = await self.process.wait()
        self.log.close()
        return code


async def test_killed_while_it_takes_events(tmp_path):
    provider = await OidcProvider().start()
    provider.add("olga")
    web, control = free_port(), free_port()
    program = Program(tmp_path, {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PORT": str(web),
        "GUARDIAN_CLOUD_DATA_DIR": str(tmp_path / "data"),
        "GUARDIAN_CLOUD_WEB__LISTEN": f"127.0.0.1:{web}",
        "GUARDIAN_CLOUD_WEB__PUBLIC_URL": f"http://127.0.0.1:{web}",
        "GUARDIAN_CLOUD_WEB__OPEN_SIGN_UP": "true",
        "GUARDIAN_CLOUD_CONTROL__LISTEN": f"127.0.0.1:{control}",
        "GUARDIAN_CLOUD_IDENTITY__ISSUER": provider.issuer,
        "GUARDIAN_CLOUD_IDENTITY__CLIENT_ID": "cloud",
    })  # fmt: skip
    await program.run("migrate")
    await program.start()
    owner = await Browser(f"http://127.0.0.1:{web}", provider, "olga").login()
    tenant = (await owner.post("/tenants", {"name": "Canary Villa"}))["tenant"]
    code = (await owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": "Relay"}))["code"]
    relay = await Relay.enrol(owner.base, code)
    events = [make_event(number) for number in range(1, EVENTS + 1)]
    acknowledged, told = 0, 0

    async def send():
        """As a relay does: from behind what is acknowledged, several batches under way."""
        nonlocal acknowledged, told
        call, welcome = await relay.open()
        assert welcome.acknowledged >= told, "what was acknowledged is gone"
        acknowledged = welcome.acknowledged

        async def write():
            for first in range(acknowledged, EVENTS, AT_ONCE):
                await call.write(batch(first + 1, *events[first : first + AT_ONCE]))

        writing = asyncio.ensure_future(write())
        try:
            while told < EVENTS:
                message = await call.read()
                if message is grpc.aio.EOF:
                    return
                if message.WhichOneof("what") == "ack":
                    acknowledged = told = max(told, message.ack.up_to)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    chance = random.Random(5)
    for _ in range(KILLS):
        sending = asyncio.ensure_future(send())
        await asyncio.sleep(chance.uniform(0.2, 0.8))
        await program.end(signal.SIGKILL)
        await asyncio.gather(sending, return_exceptions=True)
        await relay.close()
        await program.start()
    async with asyncio.timeout(60):
        await send()
    await relay.close()
    await owner.login()  # sessions are in the process, and go with it
    found, before = [], None
    while True:
        page = await owner.get(f"/tenants/{tenant}/events?limit=500" + (f"&before={before}" if before else ""))
        found += page["items"]
        if (before := page["next"]) is None:
            break
    assert [one["event"] for one in reversed(found)] == [one.id.hex() for one in events]
    assert (await owner.get(f"/tenants/{tenant}/audit/check"))["whole"]
    assert await program.end(signal.SIGTERM) == 0
    log = (tmp_path / "log").read_text()
    for word in ("Canary", "olga", "Olga", relay.device.upper(), code, "@example.org", "Traceback"):
        assert word not in log
    await owner.close()
    await provider.stop()
