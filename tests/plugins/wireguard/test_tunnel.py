"""The edge's end: what it tells WireGuard while the relay is silent, whatever the wall clock does. The programs are the test's."""

import base64

import pytest
from guardian_wireguard import tunnel as module
from guardian_wireguard.config import WireGuardConfig
from guardian_wireguard.link import AGAIN, DAY_US, SILENT, WireGuardLink
from guardian_wireguard.state import Joined
from guardian_wireguard.tunnel import CALLS_S, RESOLVE_AGAIN_S, Tunnel

from guardian.protocol.tunnel import Keys, KeySet
from guardian.protocol.wireguard import REJECT_AFTER_S
from guardian.sdk import PluginContext, Ran
from tests.support.relay import NOW_MS, OwnClock

PEER = b"p" * 32
YEAR_MS = 365 * 86_400_000


class Clock(OwnClock):
    """The wall goes where it is put."""

    passed_s = 0.0

    def mono_s(self):
        return self.passed_s


class Programs:
    """`wg` and the others: remember what they were told, and show one handshake."""

    def __init__(self):
        self.said, self.handshake_s = [], 0

    def run(self, command, **_):
        self.said.append(command[:2])
        shown = self.handshake_s if command[-1] == "latest-handshakes" else "0\t0"
        return Ran(0, f"{base64.b64encode(PEER).decode()}\t{shown}\n", "")

    def configured(self):
        """How often since it was asked last."""
        found, self.said = [one for one in self.said if one in (["wg", "syncconf"], ["wg", "setconf"])], []
        return len(found)


@pytest.fixture
async def place(monkeypatch):
    programs, clock = Programs(), Clock()
    monkeypatch.setattr(module, "run", programs.run)
    keys = Keys(KeySet(0, b"k" * 32, PEER, b"s" * 32))
    joined = Joined(b"", b"", b"", b"", "relay.example:51820", "fd00::2", "fd00::1", 7444, keys, 0)
    tunnel = Tunnel("wg9", joined, clock, lambda keys: None)
    await tunnel.up()
    programs.configured()
    return tunnel, programs, clock


async def looks(place, seconds, rekeys=False):
    tunnel, programs, clock = place
    for _ in range(round(seconds / 5)):
        clock.passed_s += 5
        if rekeys and clock.passed_s % 120 == 0:
            programs.handshake_s += 120
        await tunnel.look()


async def test_a_relay_that_never_answers_is_silent_after_three_tries(place):
    tunnel, _, _ = place
    await looks(place, CALLS_S)
    assert not tunnel.silent
    await looks(place, 5)
    assert tunnel.silent


@pytest.mark.parametrize("moved_ms", [0, YEAR_MS, -YEAR_MS], ids=["right", "ahead", "behind"])
async def test_a_silent_relay_is_looked_up_again_whatever_the_wall_clock_says(place, moved_ms):
    tunnel, programs, clock = place
    programs.handshake_s = NOW_MS // 1000
    await looks(place, 600, rekeys=True)
    clock.ms += moved_ms
    await looks(place, 600, rekeys=True)
    assert not tunnel.silent
    assert programs.configured() == 0, "nothing is looked up while it shakes hands"
    await looks(place, RESOLVE_AGAIN_S + 5)
    assert programs.configured() == 1
    assert not tunnel.silent
    await looks(place, REJECT_AFTER_S - RESOLVE_AGAIN_S)
    assert tunnel.silent
    programs.handshake_s = 7
    await looks(place, 5)
    assert not tunnel.silent


async def test_a_tunnel_that_is_made_anew_has_three_tries_again(place):
    tunnel, programs, _ = place
    programs.handshake_s = NOW_MS // 1000
    await looks(place, 1000)
    assert tunnel.silent
    programs.handshake_s = 0
    await tunnel.up()
    assert not tunnel.silent
    await looks(place, CALLS_S + 5)
    assert tunnel.silent


@pytest.mark.parametrize(("age_days", "due"), [(0, False), (29, False), (30, True), (-1, True), (-4000, True)])
async def test_keys_are_made_anew_when_they_are_old_and_when_a_clock_that_went_back_would_never_find_them_old(
    tmp_path, monkeypatch, age_days, due
):
    context = PluginContext("wireguard", tmp_path, tuple, None, None, OwnClock())
    home, asked = WireGuardLink(WireGuardConfig(), context), []
    rotated_us = NOW_MS * 1000 - age_days * DAY_US
    home._joined = Joined(b"", b"", b"", b"", "", "", "", 0, Keys(KeySet(0, b"", b"", b"")), rotated_us)

    async def rotate():
        asked.append(True)

    monkeypatch.setattr(home, "rotate", rotate)
    await home._rotate_when_due()
    assert bool(asked) is due


def test_who_waits_is_told_what_to_look_at():
    assert AGAIN in SILENT
    assert "clock" in SILENT
