"""The relay's end sets a silent home anew. With WireGuard's own program: `tests/e2e/test_clock_went_back.py`; here the programs are the test's."""

import base64

import pytest
import structlog
from guardian_relay import tunnel as module
from guardian_relay.silence import SILENT_S
from guardian_relay.tunnel import Place, Tunnel

from guardian.platform.subprocesses import Ran
from guardian.protocol.tunnel import Keys, KeySet
from tests.support.relay import OwnClock

PEER = b"p" * 32
SET_ANEW = ["wg", "setconf", "wg8", "/dev/stdin"]


class Programs:
    """`wg` and the others: remember what they were told. A peer that was set anew has shaken no hands."""

    def __init__(self):
        self.said, self.handshake_s, self.fails = [], 0, False

    def run(self, command, **_):
        self.said.append((command, self.handshake_s))
        if command == SET_ANEW:
            if self.fails:
                return Ran(1, "", "no")
            self.handshake_s = 0
        shown = self.handshake_s if command[-1] == "latest-handshakes" else "0\t0"
        return Ran(0, f"{base64.b64encode(PEER).decode()}\t{shown}\n", "")

    def set_anew(self):
        """How often since it was asked last."""
        found, self.said = [one for one, _ in self.said if one == SET_ANEW], []
        return len(found)


@pytest.fixture
async def place(monkeypatch):
    programs, clock = Programs(), OwnClock()
    monkeypatch.setattr(module, "run", programs.run)
    keys = Keys(KeySet(0, b"k" * 32, PEER, b"s" * 32))
    tunnel = Tunnel(Place("wg8", 51820, "fd00::1", "fd00::2"), keys, clock, lambda keys: None)
    await tunnel.up()
    programs.set_anew()
    return tunnel, programs, clock


async def looks(place, seconds):
    tunnel, _, clock = place
    for _ in range(round(seconds / 2)):
        clock.ms += 2000
        await tunnel._look()


async def test_a_home_that_falls_silent_is_set_anew_and_said_once(place):
    tunnel, programs, _ = place
    programs.handshake_s = 1_795_000_000
    await looks(place, SILENT_S)
    assert (programs.set_anew(), tunnel.forgotten) == (0, 0)
    with structlog.testing.capture_logs() as logs:
        await looks(place, 3 * SILENT_S)
    assert [one["event"] for one in logs] == ["tunnel_silent"]
    assert (programs.set_anew(), tunnel.forgotten) == (3, 3)
    programs.handshake_s = 1_794_000_000
    await looks(place, 2)
    assert tunnel.silence.forgot_s is None


async def test_what_was_seen_last_is_still_known_when_it_is_forgotten(place):
    tunnel, programs, _ = place
    programs.handshake_s = 1_795_000_000
    await looks(place, 3 * SILENT_S)
    assert tunnel.seen.handshake_s == 0
    assert tunnel.silence.handshake_s == 1_795_000_000


async def test_where_it_cannot_be_set_anew_it_is_tried_again_later(place):
    tunnel, programs, _ = place
    programs.handshake_s = 1_795_000_000
    await looks(place, SILENT_S)
    programs.fails = True
    with pytest.raises(module.RelayError):
        await looks(place, 2)
    programs.fails = False
    await looks(place, SILENT_S)
    assert tunnel.forgotten == 1
