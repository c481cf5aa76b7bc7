"""Home, relay and cloud, run from their installed commands as owner and operator run them, each in its namespace; and the people."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from guardian.services.demo import CLIP
from tests.plugins.filecoin.world import SESSION_KEY, filecoin
from tests.support import postgres, rabbit_server, redis_server, relay_lab
from tests.support.cloud_people import Browser, Stream
from tests.support.house import PASSPHRASE, set_up
from tests.support.namespaces import RELAY, Capture, lab, require_lab
from tests.support.postgres import Postgres
from tests.support.program import Program, guardian, wait_for
from tests.support.rabbit_server import RabbitServer
from tests.support.redis_server import RedisServer
from tests.support.relay_lab import CAMERA, NAME, Relay, join
from tests.support.rtsp import RtspServer, require_server
from tests.support.three_tiers_network import CLOUD, LINKS, Internet, There
from tests.support.three_tiers_world import OWNER, Certificates, Front, World

PEOPLE = Path(__file__).parents[3] / "shared" / "data" / "footage" / "people.mp4"
COMMANDS = {name: Path(sys.executable).with_name(name) for name in ("guardian", "guardian-relay", "guardian-cloud")}
CAMERA_USER, CAMERA_PASSWORD = "owner", "Cam3ra+canary/x&7"
ZONE, PHONE_NAME = "porchcanary5d1f", "Canary phone 41d7"
PAGE_PORT, CONTROL_PORT = 8480, 8481
ADDRESS = f"https://{CLOUD}"


def footage() -> Path:
    """Return people walking through a room; where they are not to be had, the clip of the demo."""
    return PEOPLE if PEOPLE.exists() else CLIP


def require_all() -> None:
    """Skip, naming everything that lacks."""
    require_lab()
    require_server()
    lacking = [f"{path.name} is not installed beside this Python" for path in COMMANDS.values() if not path.exists()]
    lacking += [why for one in (postgres, redis_server, rabbit_server) if (why := one.why_not())]
    if lacking:
        pytest.skip(f"{'; '.join(lacking)} (python tests/support/system_packages.py --servers)")


def environment(certificates: Certificates) -> dict[str, str]:
    """Return this process's environment, with the test's authority as the one that the machine believes."""
    return {**os.environ, "SSL_CERT_FILE": str(certificates.root)}


class Servers:
    """PostgreSQL, Redis and RabbitMQ, on the cloud's machine."""

    def __init__(self, network: Internet, folder: Path) -> None:
        self._network = network
        for name in ("redis", "rabbit"):
            (folder / name).mkdir()
        with network.inside("cloud"):  # free ports are looked for there
            self.postgres = Postgres(durable=True)
            self.redis, self.rabbit = RedisServer(folder / "redis"), RabbitServer(folder / "rabbit")
        self._started: list[Any] = []

    def start(self) -> None:
        """Start all at once."""
        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(self._start, one) for one in (self.postgres, self.redis, self.rabbit)]:
                done.result()
        with self._network.inside("cloud"):
            self.database = self.postgres.new_database()

    def _start(self, one: Any) -> None:
        with self._network.inside("cloud"):
            self._started.append(one)
            one.start()

    def stop(self) -> None:
        """End them."""
        for one in self._started:
            one.stop()


class Cloud:
    """`guardian-cloud`, on all its servers."""

    def __init__(self, network: Internet, folder: Path, servers: Servers, world: World, env: dict[str, str]) -> None:
        self._network, self.folder, self._env = network, folder, env
        self.file, self.log = folder / "cloud.toml", folder / "log"
        self.data = folder / "data"
        self.process: subprocess.Popen[bytes] | None = None
        pg, database = servers.postgres, servers.database
        words = {
            "store": pg.url(database),
            "owner": pg.url(database, postgres.OWNER),
            "redis": servers.redis.url,
            "amqp": servers.rabbit.url,
            "client": world.identity.client_secret,
        }
        (folder / "secrets").mkdir(mode=0o700)
        for name, word in words.items():
            (folder / "secrets" / name).write_text(word + "\n")
        self.file.write_text(_cloud_toml(folder, world))

    def command(self, *words: str) -> str:
        """Run one of its commands; return what it says."""
        with self._network.inside("cloud"):
            argv = [COMMANDS["guardian-cloud"], "--config", self.file, *words]
            done = subprocess.run(argv, capture_output=True, text=True, env=self._env, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    def start(self) -> None:
        """Run it."""
        with self._network.inside("cloud"), self.log.open("ab") as log:
            argv = [COMMANDS["guardian-cloud"], "--config", self.file, "run"]
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, env=self._env, start_new_session=True)
        wait_for(self._answers, 30, "the cloud's answer")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError), self._network.inside("cloud"):
            urllib.request.urlopen(f"http://127.0.0.1:{PAGE_PORT}/healthz", timeout=5).close()
            return True
        return False

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)


def _cloud_toml(folder: Path, world: World) -> str:
    return f"""
data_dir = "{folder}/data"
[web]
listen = "127.0.0.1:{PAGE_PORT}"
public_url = "{ADDRESS}"
[control]
listen = "0.0.0.0:{CONTROL_PORT}"
names = ["{CLOUD}"]
heartbeat_s = 2
[store]
url = "file:{folder}/secrets/store"
owner_url = "file:{folder}/secrets/owner"
[ephemeral]
redis_url = "file:{folder}/secrets/redis"
[queue]
amqp_url = "file:{folder}/secrets/amqp"
[identity]
issuer = "{world.identity.issuer}"
client_id = "cloud"
client_secret = "file:{folder}/secrets/client"
audience = "{world.identity.audience}"
[push]
contact = "mailto:operator@example.org"
hosts = ["{world.push.base.removeprefix("https://")}"]
"""


class Person:
    """Somebody with a browser at the viewer's machine, who may listen to what the cloud tells."""

    def __init__(self, network: Internet, world: World, certificates: Certificates, subject: str) -> None:
        self._there = There(network, "viewer")
        self.heard: list[tuple[float, dict[str, Any]]] = []  # when (UTC in seconds), and what
        self._listening: Any = None

        async def come() -> Browser:
            return await Browser(ADDRESS, world.identity, subject, certificates.client()).login()

        self.browser = self._there.do(come())

    def get(self, path: str) -> Any:
        """Ask the cloud's API."""
        return self._there.do(self.browser.get(path))

    def post(self, path: str, body: dict[str, Any], expect: int = 201) -> Any:
        """Send it something."""
        return self._there.do(self.browser.post(path, body, expect))

    def fetch(self, path: str) -> bytes:
        """Return bytes of the API."""

        async def read() -> bytes:
            async with self.browser.http.get(f"{ADDRESS}/api/v1{path}") as answer:
                assert answer.status == 200, await answer.text()
                return await answer.read()

        return self._there.do(read())

    def listen(self, tenant: str) -> None:
        """Hear a home's events from now on."""
        ready = threading.Event()

        async def hear() -> None:
            async with Stream(self.browser, tenant) as stream:
                ready.set()
                while True:
                    kind, _, data = await stream.next(seconds=600)
                    self.heard.append((time.time(), data))
                    if kind == "end":
                        return

        self._listening = self._there.begin(hear())
        assert ready.wait(20), self._listening

    def close(self) -> None:
        """Go."""
        if self._listening is not None:
            self._listening.cancel()
        self._there.do(self.browser.close())
        self._there.close()


class AtHome:
    """Somebody at home who hears the home's own event stream: `began` holds when (UTC in seconds) each event was told there."""

    def __init__(self, network: Internet, home: Program) -> None:
        self.began: dict[str, float] = {}
        self._there = There(network, "home")
        self._task = self._there.begin(
            self._hear(f"{home.url}/api/v1/events/stream", {"Authorization": f"Bearer {home.token}"})
        )

    async def _hear(self, url: str, headers: dict[str, str]) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url, headers=headers) as answer:
            what = b""
            async for line in answer.content:
                name, _, value = line.strip().partition(b": ")
                what = value if name == b"event" else what
                if name == b"data" and what == b"start":
                    self.began[json.loads(value)["id"]] = time.time()

    def close(self) -> None:
        """Go."""
        self._task.cancel()
        self._there.close()


@dataclass
class Tiers:
    """All of it, running."""

    network: Internet
    folder: Path
    env: dict[str, str]
    certificates: Certificates
    world: World
    servers: Servers
    cloud: Cloud
    relay: Relay
    owner: Person
    tenant: str
    home: Program
    data: Path
    code: str  # of the relay's enrolment; used
    invitation: str  # of the home's; used
    recovery_code: str
    captures: dict[str, Capture]
    hearing: AtHome
    took: dict[str, float] = field(default_factory=dict)
    planted: dict[int, subprocess.Popen[str]] = field(default_factory=dict)  # processes of leaks on purpose

    def at_home(self, path: str) -> Any:
        """Ask the home's API, at home."""
        with self.network.inside("home"):
            return self.home.get(f"/api/v1/{path}")

    def guardian(self, *words: str, place: str = "home") -> dict[str, Any]:
        """Run a command of `guardian` at a machine; return its answer."""
        with self.network.inside(place):
            argv = [COMMANDS["guardian"], *words, "--json"]
            done = subprocess.run(argv, capture_output=True, text=True, env=self.env, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        answer = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(answer, dict)
        return answer

    def end_planted(self) -> None:
        """End the processes of leaks on purpose."""
        for one in self.planted.values():
            one.communicate("\n", timeout=10)

    @property
    def fleet(self) -> dict[str, Any]:
        """The relay, as the cloud shows it to the owner."""
        (found,) = self.owner.get(f"/tenants/{self.tenant}/devices")["items"]
        assert isinstance(found, dict)
        return found


@contextlib.contextmanager
def three_tiers(folder: Path, settings: str = "") -> Iterator[Tiers]:
    """Everything running and joined, from codes that were used once. `settings`: more of the home's."""
    require_all()
    took, began = {}, time.monotonic()

    def lap(what: str) -> None:
        took[what] = time.monotonic() - began

    with contextlib.ExitStack() as stack:
        network = stack.enter_context(lab(Internet))
        captures = {name: Capture(network, *link) for name, link in LINKS.items()}
        for one in captures.values():
            stack.callback(one.end)
        for name in ("certificates", "cloud"):
            (folder / name).mkdir()
        certificates = Certificates(folder / "certificates")
        env = environment(certificates)
        servers = Servers(network, folder / "cloud")
        stack.callback(servers.stop)
        servers.start()
        lap("servers")
        world = World(network, certificates)
        stack.callback(world.close)
        cloud = Cloud(network, folder / "cloud", servers, world, env)
        stack.callback(cloud.stop)
        cloud.command("migrate")
        invitation = cloud.command("tenant", "Home").strip()
        front = Front(network, certificates, PAGE_PORT)
        stack.callback(front.close)
        cloud.start()
        lap("cloud")
        owner = Person(network, world, certificates, OWNER)
        stack.callback(owner.close)
        tenant = owner.post("/invitations/accepted", {"word": invitation.rpartition("#")[2]})["tenant"]
        owner.listen(tenant)
        code = owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": "Relay"})["code"]
        relay = stack.enter_context(_relay(network, folder / "relay", certificates, code))
        lap("relay")
        camera = stack.enter_context(_camera(network))
        data = folder / "house"
        set_up(data, _house_toml(camera.url("yard"), world, folder) + settings)
        stack.enter_context(network.inside("home"))
        command = (str(COMMANDS["guardian"]),)
        home = stack.enter_context(guardian("run", "--data", str(data), first_line_within_s=120, command=command, env=env))
        lap("home")
        home.token = _token(command, data, env)
        machines = (network, folder, env, certificates, world, servers, cloud, relay)
        tiers = Tiers(*machines, owner, tenant, home, data, code, "", "", captures, AtHome(network, home), took)
        stack.callback(tiers.hearing.close)
        stack.callback(tiers.end_planted)
        words = ("--passphrase-file", str(data / "passphrase"), "--data", str(data))
        tiers.recovery_code = tiers.guardian("vault", "recovery-code", *words)["recovery_code"]
        tiers.invitation = join(relay, data, command=command, env=env)
        captures["tunnel"] = Capture(network, "relay", relay_lab.INTERFACE)
        stack.callback(captures["tunnel"].end)
        lap("joined")
        yield tiers


def _token(command: tuple[str, ...], data: Path, env: dict[str, str]) -> str:
    argv = [*command, "token", "create", "test", "--data", str(data), "--json"]
    return str(json.loads(subprocess.run(argv, capture_output=True, text=True, env=env, check=True).stdout)["token"])


@contextlib.contextmanager
def _relay(network: Internet, folder: Path, certificates: Certificates, code: str) -> Iterator[Relay]:
    chain, key = certificates.files(RELAY)
    relay = Relay(
        network,
        folder,
        f"""
[cloud]
enrol_url = "{ADDRESS}/api/v1/enrolments"
enrol_ca_file = "{certificates.root}"
[gateway]
listen = "0.0.0.0:8443"
cert_file = "{chain}"
key_file = "{key}"
""",
    )
    enrol(relay, network, code)
    relay.start()
    try:
        yield relay
    finally:
        if relay.process is not None and relay.process.poll() is None:
            relay.process.send_signal(signal.SIGTERM)
            relay.process.wait(20)


def enrol(relay: Relay, network: Internet, code: str, expect: int = 0) -> str:
    """Join the cloud with a code, as the operator of a relay does; return what is said."""
    argv = [COMMANDS["guardian-relay"], "enrol", "--code-file", "-", "--config", relay.file]
    with network.inside("relay"):
        done = subprocess.run(argv, input=code, capture_output=True, text=True, env=relay_lab.environment(), check=False)
    assert done.returncode == expect, (done.stdout, done.stderr)
    return done.stdout + done.stderr


@contextlib.contextmanager
def _camera(network: Internet) -> Iterator[RtspServer]:
    with network.inside("home"):
        camera = RtspServer({"yard": str(footage())}, "--basic", CAMERA_USER, CAMERA_PASSWORD).start()
    try:
        yield camera
    finally:
        camera.kill()


def _house_toml(url: str, world: World, folder: Path) -> str:
    (folder / "camera-password").write_text(CAMERA_PASSWORD + "\n")
    (folder / "session-key").write_text(SESSION_KEY + "\n")
    provider = filecoin(world.provider_url, session_key=f"file:{folder}/session-key")
    lines = [f"{key} = {json.dumps(value)}" for key, value in provider.items()]
    return f"""
[cameras.{CAMERA}]
name = "{NAME}"
kind = "rtsp"
source = {{ url = "{url}", username = "{CAMERA_USER}", password = "file:{folder}/camera-password" }}
record.segment_s = 5
[cameras.{CAMERA}.detect.zones.{ZONE}]
points = [[0, 0], [1, 0], [1, 1], [0, 1]]
[plugins.settings.wireguard]
interface = "g{os.getpid()}h"
[plugins.settings.filecoin]
everything = true
pack_mib = 1
close_after_hours = 0.002
delay_minutes = 0
accept_public = true
[plugins.settings.filecoin.filecoin.one]
""" + "\n".join(lines)


__all__ = ["PASSPHRASE", "Tiers", "enrol", "footage", "three_tiers"]
