"""A home, a relay and a cloud, all of them the installed programs; home and relay in namespaces of their own, the cloud beside the relay.

The cloud has SQLite. Its people come from a thread that lives beside it, with the provider that they log in at and a TLS proxy before the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from guardian.services.demo import CLIP
from guardian.vault.keyring import Keyring
from guardian.vault.reader import open_bytes
from tests.support.authority import Authority
from tests.support.cloud_people import Browser
from tests.support.house import PASSPHRASE, set_up
from tests.support.namespaces import lab
from tests.support.oidc_provider import OidcProvider
from tests.support.program import environment, guardian, wait_for
from tests.support.relay_lab import COMMAND as RELAY_COMMAND
from tests.support.relay_lab import Relay, config, join, run
from tests.support.rtsp import RtspServer, require_server

CLOUD_COMMAND = Path(sys.executable).with_name("guardian-cloud")
WEB, CONTROL, TLS = 8480, 8481, 8443  # nobody else is in that namespace


class Beside:
    """A thread in the cloud's namespace with a loop of its own: the provider, the proxy, and browsers."""

    def __init__(self, network) -> None:
        self.loop = asyncio.new_event_loop()
        self._there = threading.Event()

        def live() -> None:
            with network.inside("relay"):
                asyncio.set_event_loop(self.loop)
                self._there.set()
                self.loop.run_forever()

        self._thread = threading.Thread(target=live, daemon=True)
        self._thread.start()
        self._there.wait(10)

    def do(self, work, within_s=60):
        """Have a coroutine done there, and return what it does."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(within_s)

    def end(self) -> None:
        async def let_go():
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0.05)

        self.do(let_go())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


async def tls_before(port, pair, folder):
    """A TLS proxy, as an operator puts one before the page."""
    key, chain = folder / "tls.key", folder / "tls.pem"
    key.write_bytes(pair[0])
    chain.write_bytes(pair[1])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)

    async def pass_on(reader, writer):
        async def pump(one, other):
            with contextlib.suppress(OSError):
                while data := await one.read(65536):
                    other.write(data)
                    await other.drain()
            other.close()

        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    return await asyncio.start_server(pass_on, "127.0.0.1", TLS, ssl=context)


class Cloud:
    """The real program."""

    def __init__(self, network, folder: Path, issuer: str, settings: str = "") -> None:
        self._network, self.folder, self.log = network, folder, folder / "log"
        folder.mkdir(exist_ok=True)
        self.file = folder / "cloud.toml"
        self.file.write_text(
            f'data_dir = "{folder}/data"\n'
            f'[web]\nlisten = "127.0.0.1:{WEB}"\npublic_url = "http://127.0.0.1:{WEB}"\nopen_sign_up = true\n'
            f'[control]\nlisten = "127.0.0.1:{CONTROL}"\nheartbeat_s = 2\n'
            f'[identity]\nissuer = "{issuer}"\nclient_id = "cloud"\n'
            f"[limits]\napi_per_s = 500\nenrol_per_minute = 600\n{settings}"
        )
        self.env: dict[str, str] = {}  # besides that of the tests
        self.process: subprocess.Popen[bytes] | None = None

    def _words(self, *words):
        return [CLOUD_COMMAND, "--config", self.file, *words]

    def migrate(self) -> None:
        subprocess.run(self._words("migrate"), check=True, capture_output=True, env=environment())

    def start(self) -> None:
        with self._network.inside("relay"), self.log.open("ab") as log:
            env = {**environment(), **self.env}
            self.process = subprocess.Popen(self._words("run"), stderr=log, env=env, start_new_session=True)
        wait_for(self._answers, 30, "the cloud's page")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with self._network.inside("relay"):
            try:
                socket.create_connection(("127.0.0.1", WEB), timeout=1).close()
                return True
            except OSError:
                return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)


class House:
    """Guardian at home; it can be killed and come back."""

    def __init__(self, network, data: Path) -> None:
        self._network, self.data = network, data
        self.env: dict[str, str] = {}  # besides that of the tests
        self._stack = contextlib.ExitStack()
        self.program = None

    def start(self) -> None:
        with self._network.inside("home"):
            env = {**environment(), **self.env}
            running = guardian("run", "--data", str(self.data), first_line_within_s=120, env=env)
            self.program = self._stack.enter_context(running)
        self.program.token = run("token", "create", f"test{time.monotonic_ns()}", "--data", str(self.data), "--json")[
            "token"
        ]

    def get(self, path):
        with self._network.inside("home"):
            return self.program.get(path)

    def command(self, *words):
        """A command with --json, as its owner gives it there."""
        with self._network.inside("home"):
            return run(*words, "--data", str(self.data), "--json")

    def kill(self) -> None:
        self.program.process.kill()
        self.program.process.wait()

    def stop(self) -> None:
        with self._network.inside("home"):
            self._stack.close()


class Place:
    """All of it. `ask(method, path, body)` is the owner at the cloud's API; paths below the tenant."""

    def __init__(self, network, folder: Path) -> None:
        self.network, self.folder = network, folder
        self.beside = Beside(network)
        self.tenant = self.device = self.home = ""

    def ask(self, method, path, body=None):
        return self.beside.do(self.browser.ask(method, f"/tenants/{self.tenant}{path}", body))

    def get(self, path):
        status, body = self.ask("GET", path)
        assert status == 200, body
        return body

    def page(self, path=""):
        return self.beside.do(self.browser.page(f"/t/{self.tenant}{path}"))[1]

    def sealed(self, event):
        async def fetch():
            url = f"{self.browser.base}/api/v1/tenants/{self.tenant}/events/{event}/sealed"
            async with self.browser.http.get(url) as answer:
                assert answer.status == 200
                return await answer.read()

        return self.beside.do(fetch())

    def all_events(self):
        """Everything that the cloud has, the oldest first."""
        found, before = [], ""
        while True:
            page = self.get(f"/events?limit=500{before}")
            found += page["items"]
            if page["next"] is None:
                return list(reversed(found))
            before = f"&before={page['next']}"

    def opened(self):
        """What the owner can read of what the cloud has: (open part, what is sealed)."""
        keyring = Keyring.load(self.house.data / "vault")
        keyring.unlock(PASSPHRASE)
        return [(one, json.loads(open_bytes(self.sealed(one["event"]), keyring)[1])) for one in self.all_events()]

    def asked(self, body, within_s=15):
        """Send a command, and return it once it is answered."""
        status, made = self.ask("POST", "/commands", {"device": self.device, **body})
        assert status == 202, made

        def answered():
            found = self.get(f"/commands/{made['command']}")
            return found if found["state"] != "waiting" else None

        return wait_for(answered, within_s, "the home's answer")


def _enrol(place: Place, relay: Relay) -> None:
    """Join relay and cloud with a one-time code; a second use of it opens nothing."""
    _, made = place.ask("POST", "/devices/codes", {"role": "relay", "name": "Relay"})
    code = place.folder / "code"
    code.write_text(made["code"])
    with place.network.inside("relay"):
        words = [RELAY_COMMAND, "enrol", "--config", relay.file, "--code-file", code]
        done = [subprocess.run(words, capture_output=True, text=True, env=environment(), check=False) for _ in range(2)]
    assert done[0].returncode == 0, done[0].stderr
    assert done[1].returncode != 0
    assert "each is good once" in done[1].stderr
    place.device = done[0].stdout.split()[-1].rstrip(".")


@contextlib.contextmanager
def three_programs(folder: Path, settings: str = "", env: Mapping[str, dict[str, str]] = MappingProxyType({})):
    """Yield a Place in which everything runs and is joined. `settings`: more of the cloud's; `env`: more of `home`, `relay` and `cloud`."""
    if not RELAY_COMMAND.exists() or not CLOUD_COMMAND.exists():
        pytest.skip("guardian-relay and guardian-cloud are not installed beside this Python")
    require_server()
    with lab() as network, contextlib.ExitStack() as closing:
        place = Place(network, folder)
        closing.callback(place.beside.end)
        provider = place.beside.do(OidcProvider().start())
        closing.callback(lambda: place.beside.do(provider.stop()))
        provider.add("olga")
        place.cloud = Cloud(network, folder / "cloud", provider.issuer, settings)
        place.cloud.env = env.get("cloud", {})
        place.cloud.migrate()
        closing.callback(place.cloud.stop)
        place.cloud.start()
        authority = Authority()
        (folder / "authority.pem").write_bytes(authority.root_pem)
        proxy = place.beside.do(tls_before(WEB, authority.server("localhost"), folder))
        closing.callback(lambda: place.beside.loop.call_soon_threadsafe(proxy.close))

        async def log_in():
            place.browser = Browser(f"http://127.0.0.1:{WEB}", provider, "olga")
            await place.browser.login()
            return (await place.browser.post("/tenants", {"name": "Home"}))["tenant"]

        place.tenant = place.beside.do(log_in())
        closing.callback(lambda: place.beside.do(place.browser.close()))
        url = f"https://localhost:{TLS}/api/v1/enrolments"
        enrolment = f'[cloud]\nenrol_url = "{url}"\nenrol_ca_file = "{folder}/authority.pem"\n'
        place.relay = relay = Relay(network, folder / "relay", enrolment)
        relay.env = env.get("relay", {})
        _enrol(place, relay)
        with network.inside("home"):
            camera = RtspServer({"yard": str(CLIP)}).start()
        closing.callback(camera.kill)
        place.house = House(network, folder / "house")
        place.house.env = env.get("home", {})
        set_up(place.house.data, config(camera.url("yard")))
        closing.callback(lambda: _end(relay))
        relay.start()
        closing.callback(place.house.stop)
        place.house.start()
        with network.inside("home"):
            join(relay, place.house.data)
        yield place


def _end(relay: Relay) -> None:
    if relay.process is not None and relay.process.poll() is None:
        relay.process.send_signal(signal.SIGTERM)
        relay.process.wait(20)
