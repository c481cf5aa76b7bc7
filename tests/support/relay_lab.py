"""A home with a camera, a NAT and a relay, all of them real programs in namespaces of their own, joined as owner and operator do it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pytest

from guardian.protocol.v1 import events_pb2 as events
from guardian.services.demo import CLIP
from guardian.vault.keyring import Keyring
from guardian.vault.reader import open_bytes
from tests.support.house import PASSPHRASE, set_up
from tests.support.namespaces import RELAY, Capture, lab
from tests.support.program import Program, environment, guardian, wait_for
from tests.support.rtsp import RtspServer, require_server

CAMERA = "canarygate7f3a9"
NAME = "Canary Street 12, front gate"
INTERFACE = f"g{os.getpid()}r"
COMMAND = Path(sys.executable).with_name("guardian-relay")
SETTINGS = f"""
heartbeat_s = 2
[pairing]
listen = "0.0.0.0:7443"
address = "{RELAY}:7443"
[tunnel]
interface = "{INTERFACE}"
"""


class Relay:
    """The real program, in its namespace."""

    def __init__(self, network, folder: Path, settings: str = "", state: Path | None = None) -> None:
        self._network, self.folder = network, folder
        folder.mkdir(parents=True)
        self.file, self.state, self.log = folder / "relay.toml", state or folder / "state", folder / "log"
        self.env: dict[str, str] = {}  # besides that of the tests
        self.file.write_text(f'state = "{self.state}"\n{SETTINGS}{settings}')
        self.process: subprocess.Popen[bytes] | None = None
        self.camera: RtspServer | None = None  # of the home that is joined to it

    def start(self) -> None:
        with self._network.inside("relay"), self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "run", "--config", self.file],
                stderr=log,
                env={**environment(), **self.env},
                start_new_session=True,
            )
        wait_for(lambda: self.status() is not None, 30, "the relay's status")

    def kill(self) -> None:
        """As when the power goes."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def status(self):
        try:
            with self._network.inside("relay"), urllib.request.urlopen("http://127.0.0.1:9480/status", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            assert self.process.poll() is None, self.log.read_text()
            return None

    def invite(self) -> subprocess.Popen[str]:
        with self._network.inside("relay"):
            words = [COMMAND, "invite", "--wait", "--json", "--config", self.file]
            return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())

    def events(self) -> list[events.Event]:
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/relay.db?mode=ro", uri=True)) as db:
            return [events.Event.FromString(body) for (body,) in db.execute("SELECT body FROM events ORDER BY seq")]


@contextlib.contextmanager
def joined_home(
    folder: Path, settings: str = "", film: Path = CLIP, segment_s: int = 5, state: Path | None = None, cameras: str = ""
):
    """Everything running: a camera that shows `film`, the house that records it, a relay; joined. Yields (relay, program, data, capture, network).
    `settings`: more of the relay's; `state`: its folder; `cameras`: more of home's.
    """
    if not COMMAND.exists():
        pytest.skip("guardian-relay is not installed beside this Python")
    require_server()
    with lab() as network:
        relay = Relay(network, folder / "relay", settings, state)
        with network.inside("home"):
            camera = relay.camera = RtspServer({"yard": str(film)}).start()
        data = folder / "house"
        set_up(data, config(camera.url("yard"), segment_s) + cameras)
        capture = Capture(network, "nat", "n1")
        try:
            relay.start()
            with network.inside("home"), guardian("run", "--data", str(data), first_line_within_s=120) as program:
                program.token = run("token", "create", "test", "--data", str(data), "--json")["token"]
                join(relay, data)
                yield relay, program, data, capture, network
        finally:
            capture.end()
            if relay.process is not None and relay.process.poll() is None:
                relay.process.send_signal(signal.SIGTERM)
                relay.process.wait(20)
            camera.kill()


def config(url: str, segment_s: int = 5) -> str:
    return f"""
[cameras.{CAMERA}]
name = "{NAME}"
kind = "rtsp"
source = {{ url = "{url}" }}
record.segment_s = {segment_s}
[cameras.{CAMERA}.detect]
min_seconds = 0.5
[plugins.settings.wireguard]
interface = "g{os.getpid()}h"
"""


def run(*words: str):
    done = subprocess.run(
        [sys.executable, "-m", "guardian", *words], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def join(
    relay: Relay,
    data: Path,
    *,
    again: bool = False,
    command: Sequence[str] = (sys.executable, "-m", "guardian"),
    env: Mapping[str, str] | None = None,
) -> str:
    """As owner and operator do it: the digits are compared before the yes. Returns the invitation, which is used up."""
    invite = relay.invite()
    text = json.loads(invite.stdout.readline())["invitation"]
    (data / "invitation").write_text(text)
    words = [*command, "relay", "join", "--code-file", str(data / "invitation"), "--data", str(data), "--json"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    joining = subprocess.Popen(words, text=True, env=environment() if env is None else env, **pipes)
    shown = joining.stderr.readline().removeprefix("This end shows").strip()
    assert json.loads(invite.stdout.readline()) == {"short_code": shown}, shown
    assert relay.status()["joined"] is again, "nothing opens before the yes"
    out, err = joining.communicate("y\n", timeout=60)
    assert joining.returncode == 0, (out, err)
    assert json.loads(invite.stdout.readline()) == {"state": "confirmed"}
    assert invite.wait(10) == 0
    invite.stdout.close()
    return text


def opened(relay: Relay, data: Path) -> list[tuple[events.Event, dict]]:
    """What the owner can read of what the relay has."""
    keyring = Keyring.load(data / "vault")
    keyring.unlock(PASSPHRASE)
    return [(one, json.loads(open_bytes(one.sealed, keyring)[1])) for one in relay.events()]


def lacking(relay: Relay, program: Program, data: Path, known: Collection[str] = ()) -> set[str]:
    """Events but those that are known, that have ended at home and whose start or end is not at the relay; raises at a double."""
    said = Counter((one["what"], one["event"]["id"]) for _, one in opened(relay, data) if "event" in one)
    assert [one for one, times in said.items() if times > 1] == [], "twice"
    ended = {one["id"] for one in at_home(program) if one["end"]} - set(known)
    return {one for one in ended if not all((what, one) in said for what in ("start", "end"))}


def at_home(program: Program) -> list[dict]:
    return program.get("/api/v1/events?limit=200")["items"]


def whole(relay: Relay) -> list[tuple[bytes, bytes]]:
    with contextlib.closing(sqlite3.connect(f"file:{relay.state}/relay.db?mode=ro", uri=True)) as db:
        return db.execute("SELECT segment, sealed FROM clips WHERE whole = 1").fetchall()


def address_in_tunnel(relay: Relay) -> str:
    """The relay's end of the tunnel."""
    with contextlib.closing(sqlite3.connect(f"file:{relay.state}/relay.db?mode=ro", uri=True)) as db:
        ((prefix,),) = db.execute("SELECT network FROM home").fetchall()
    return socket.inet_ntop(socket.AF_INET6, prefix + bytes(7) + b"\x01")


def open_port(network, port: int) -> None:
    """Let the relay's end of the tunnel answer at a port of the test's own, until the relay starts again."""
    with network.inside("relay"):
        words = ["nft", "insert", "rule", "inet", f"guardian_g{os.getpid()}r", "input", "tcp", "dport", str(port), "accept"]
        subprocess.run(words, check=True)


def echoing(relay: Relay, network) -> Beats:
    """Begin to beat from home to an echo at the relay's end of the tunnel, for which a port of it is opened."""
    address = address_in_tunnel(relay)
    with network.inside("relay"):
        server = socket.create_server((address, 7999), family=socket.AF_INET6)
    open_port(network, 7999)
    threading.Thread(target=echo, args=(server,), daemon=True).start()
    return Beats(socket.create_connection((address, 7999), timeout=10))


def rotated(program: Program) -> bool:
    status, _ = program.request("/api/v1/relay/rotate", method="POST")
    return status == 200


def settled(data: Path) -> bool:
    return json.loads((data / "plugins/wireguard/relay.json").read_bytes())["keys"]["other"] is None


def echo(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        with server:  # closed at once: the next one has the same port
            peer, _ = server.accept()
        with peer:
            while data := peer.recv(4096):
                peer.sendall(data)


class Beats:
    """A beat every 5 ms over a TCP connection that must not break, and the longest time without one coming back."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._ending, self._came = connection, threading.Event(), [time.monotonic()]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for work in (self._send, self._take):
            threading.Thread(target=work, daemon=True).start()

    def _send(self) -> None:
        while not self._ending.wait(0.005):
            self._connection.sendall(b".")

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while self._connection.recv(4096):
                self._came.append(time.monotonic())

    def end(self) -> tuple[float, int]:
        self._ending.set()
        time.sleep(0.1)
        self._connection.close()
        return max(b - a for a, b in zip(self._came, self._came[1:], strict=False)), len(self._came)
