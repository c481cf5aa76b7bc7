"""A viewer who looks live through a relay's gateway, and measures how the picture keeps pace: a stall is how much longer a fragment was waited for
than the picture in it lasts. It hides nothing in a buffer.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import aiohttp

from guardian.media.fmp4_read import fragment_info
from tests.support.authority import Authority
from tests.support.house import PASSPHRASE, camera
from tests.support.namespaces import RELAY
from tests.support.program import wait_for
from tests.support.relay_lab import rotated, run, settled
from tests.support.three_tiers_network import There
from tests.support.viewer import Viewer

VIDEO, TICKS = 1, 90_000
AFTER_S = 5.0  # so long a stall is waited for
PATTERN = "pattern"  # a camera that never ends, as a clip does that is played over and over
CAMERAS = camera(PATTERN, "testpattern", {"width": 640, "height": 360, "fps": 15})


class LiveViewer:
    """Looks from one of a network's machines; `calm()` forgets what was measured so far."""

    def __init__(self, network: Any, machine: str, gateway: str, key: str, passphrase: str, camera: str) -> None:
        self.came: list[tuple[float, float]] = []  # of each fragment: when, and how long the picture in it lasts
        self.again: list[str] = []  # what home said when it ended the picture: it was asked for again, as the page does
        self.ended = ""
        self._there = There(network, machine)
        self._task = self._there.begin(self._look(gateway, key, passphrase, camera))

    async def _look(self, gateway: str, key: str, passphrase: str, camera: str) -> None:
        own = ssl.create_default_context()
        own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
        one = Viewer(key)
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=own)) as http,
                http.ws_connect(f"{gateway}/view", max_msg_size=0, heartbeat=None) as socket,
            ):
                await socket.send_bytes(one.hello())
                one.take(await socket.receive_bytes(timeout=30))
                await socket.send_bytes(one.proof(passphrase))
                one.open(await socket.receive_bytes(timeout=30))
                number = 1
                await socket.send_bytes(one.ask(id=number, ask="live", camera=camera, can=["h264", "h265"]))
                parts = b""
                async for message in socket:
                    head, body = one.answer(message.data)
                    parts += body
                    if head.get("piece"):
                        continue
                    fragment, parts = parts, b""
                    if "error" in head:
                        self.again.append(head["error"]["message"])
                        await asyncio.sleep(0.5)
                        number += 1
                        await socket.send_bytes(one.ask(id=number, ask="live", camera=camera, can=["h264", "h265"]))
                    if head.get("live") == "part":
                        run = fragment_info(fragment).tracks[VIDEO]
                        self.came.append((time.monotonic(), run.duration / TICKS))
                self.ended = f"closed with {socket.close_code}"
        except Exception as error:
            self.ended = f"{type(error).__name__}: {error}"
            raise

    def calm(self) -> None:
        """Measure from here on."""
        del self.came[:-1]
        self.again.clear()

    def stall_s(self) -> float:
        """The worst stall."""
        pairs = zip(self.came, self.came[1:], strict=False)
        return max((after - before - lasts for (before, _), (after, lasts) in pairs), default=0.0)

    def close(self) -> None:
        """Go."""
        self._task.cancel()
        self._there.close()


def gate(folder):
    """Settings of a gateway, whose certificate is made in a folder."""
    folder.mkdir(exist_ok=True)
    key, chain = Authority().server(RELAY)
    (folder / "key.pem").write_bytes(key)
    (folder / "chain.pem").write_bytes(chain)
    return f'[gateway]\nlisten = "0.0.0.0:8443"\ncert_file = "{folder}/chain.pem"\nkey_file = "{folder}/key.pem"\n'


def looking(network, data):
    """Somebody who looks live; it is begun once pictures come."""
    key = run("viewing", "on", "--data", str(data), "--json")["key"]
    viewer = LiveViewer(network, "relay", f"https://{RELAY}:8443", key, PASSPHRASE, PATTERN)
    wait_for(lambda: len(viewer.came) > 3 or viewer.ended, 60, "a live picture")
    return viewer


def vault_rotated(data):
    words = ("vault", "rotate", "--passphrase-file", str(data / "passphrase"), "--data", str(data), "--json")
    return run(*words)["epoch"]


def shake(viewer, network, program, data, rotations):
    """Move everything that moves under a picture. Returns the worst stall (s) by what was moved."""
    found = {}

    def measured(what):
        time.sleep(AFTER_S)
        found[what] = max(viewer.stall_s(), found.get(what, 0.0))
        viewer.calm()

    viewer.calm()
    measured("nothing")
    for _ in range(rotations):
        wait_for(lambda: rotated(program), 20, "a rotation of the tunnel's keys")
        wait_for(lambda: settled(data), 20, "new keys that have shaken hands")
        measured("tunnel's keys")
    assert vault_rotated(data) == 2
    measured("vault's keys")
    network.rebind("198.51.100.77")
    measured("NAT's address")
    return found
