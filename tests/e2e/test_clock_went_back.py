"""A home whose clock was ahead, and is right again: WireGuard at the relay drops its handshakes, until the relay forgets the newest one.

Both ends of the tunnel as the programs use them, with WireGuard's own program, in namespaces; the time that the relay waits is the test's.
`tests/torture/test_clock_went_back.py` waits for it, with the whole programs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import threading
import time

import pytest
from guardian_relay.silence import SILENT_S
from guardian_relay.tunnel import Place
from guardian_relay.tunnel import Tunnel as RelayTunnel
from guardian_wireguard.state import Joined
from guardian_wireguard.tunnel import Tunnel as EdgeTunnel

from guardian.platform.clock import SystemClock
from guardian.protocol.tunnel import Keys, KeySet
from guardian.protocol.wireguard import make_private_key, public_key
from tests.support import initiation
from tests.support.namespaces import RELAY, lab
from tests.support.program import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
PORT, DAY_S = 51820, 86_400
RELAY_IN, EDGE_IN = "fd77::1", "fd77::2"
TRIES = 2  # initiations that are dropped: WireGuard sends one each 5 s


class Clock(SystemClock):
    """The machine's, with time that passes when the test says so."""

    passed_s = 0.0

    def mono_s(self) -> float:
        return super().mono_s() + self.passed_s


class End:
    """A loop in a namespace of its own, and the tunnel that it looks after."""

    def __init__(self, network, name):
        self.loop, self.clock, self.tunnel = asyncio.new_event_loop(), Clock(), None
        self._network, self._name = network, name
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with self._network.inside(self._name):
            self.loop.run_forever()
        self.loop.close()

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def end(self):
        self.do(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    async def _end(self):
        watching = asyncio.all_tasks() - {asyncio.current_task()}
        for one in watching:
            one.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await self.tunnel.down()
        await asyncio.get_running_loop().shutdown_default_executor()


@pytest.fixture(scope="module")
def ends():
    home, relay, preshared = make_private_key(), make_private_key(), os.urandom(32)
    with lab() as network, contextlib.ExitStack() as stack:
        there, here = End(network, "relay"), End(network, "home")
        place = Place(f"g{os.getpid()}r", PORT, RELAY_IN, EDGE_IN)
        keys = Keys(KeySet(0, relay, public_key(home), preshared))
        there.tunnel = RelayTunnel(place, keys, there.clock, lambda keys: None)
        keys = Keys(KeySet(0, home, public_key(relay), preshared))
        endpoint = f"{RELAY}:{PORT}"
        joined = Joined(b"", b"", b"", b"", endpoint, EDGE_IN, RELAY_IN, place.link_port, keys, 0)
        here.tunnel = EdgeTunnel(f"g{os.getpid()}h", joined, here.clock, lambda keys: None)
        here.private, here.peer = home, public_key(relay)
        for one in (there, here):
            stack.callback(one.end)
            one.do(one.tunnel.up())
        asyncio.run_coroutine_threadsafe(there.tunnel.watch(), there.loop)
        wait_for(lambda: shaken(here), 20, "the tunnel")
        wait_for(lambda: there.tunnel.silence.handshake_s, 10, "that the relay knows of it")
        yield network, here, there


def shaken(home):
    home.do(home.tunnel.look())
    return home.tunnel.seen.handshake_s


def calls(network, where, message):
    """Send a handshake to the relay from a place; say whether the relay answered it."""
    with network.inside(where), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(2)
        one.sendto(message, (RELAY, PORT))
        with contextlib.suppress(TimeoutError):
            return one.recv(2048)[:1] == b"\x02"
    return False


def restarted(home):
    """As a machine that was switched off and on: its clock is right, and WireGuard knows nothing of before."""
    home.do(home.tunnel.down())
    home.do(home.tunnel.up())


def received(relay):
    """How many bytes of what came from home are true and new."""
    said = subprocess.run(["wg", "show", relay.tunnel.place.interface, "transfer"], capture_output=True, check=True)
    return int(said.stdout.split()[1])


def stays_out(home, relay):
    """It has called some times, and the relay has heard none of it."""
    heard = received(relay)
    wait_for(lambda: not shaken(home) and home.tunnel.seen.sent >= TRIES * initiation.SIZE, 40, "that it has called")
    assert received(relay) == heard, "none of it was taken"


def comes_back(home, relay):
    before = relay.tunnel.forgotten
    relay.clock.passed_s += SILENT_S
    began_s = time.monotonic()
    wait_for(lambda: shaken(home), 20, "the tunnel")
    print(f"back {time.monotonic() - began_s:.1f} s after the silence was long enough")
    assert relay.tunnel.forgotten == before + 1
    wait_for(lambda: relay.tunnel.silence.forgot_s is None, 10, "that the relay knows of it")


def test_a_home_whose_clock_went_back_is_let_in_by_itself(ends):
    network, home, relay = ends
    assert relay.tunnel.forgotten == 0
    assert calls(network, "home", initiation.initiation(home.private, home.peer, time.time() + 9 * DAY_S))
    restarted(home)
    stays_out(home, relay)
    comes_back(home, relay)


def test_a_handshake_that_was_recorded_is_taken_once_and_the_next_packet_of_home_undoes_it(ends):
    """docs/security.md says so of what the cure costs."""
    network, home, relay = ends
    recorded = initiation.initiation(home.private, home.peer, time.time() + 8 * DAY_S)
    at = relay.tunnel.seen.endpoint
    shaken_s = shaken(home)
    assert calls(network, "nat", recorded)
    assert not calls(network, "nat", recorded)
    wait_for(lambda: relay.tunnel.seen.endpoint != at, 10, "that the relay would answer elsewhere")
    with network.inside("home"), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        one.sendto(b"hello", (RELAY_IN, 9))
    wait_for(lambda: relay.tunnel.seen.endpoint == at, 10, "home's own packet")
    assert shaken(home) == shaken_s, "the session stood"
    restarted(home)
    stays_out(home, relay)
    comes_back(home, relay)
