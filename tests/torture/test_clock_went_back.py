"""A home that comes up with a clock that is days behind what its relay has seen of it, as a small PC without a battery for its clock does:
it is out at first, says what may be why, and is let in by itself. The quick half is `tests/e2e/test_clock_went_back.py`.

WireGuard's program reads the kernel's clock, which is not ours to set. So the relay is shown the future instead: one handshake with the home's
own keys, dated nine days ahead, as that home would have sent it. From then on the true time is behind.
"""

from __future__ import annotations

import base64
import json
import socket
import time

import pytest
from guardian_relay.silence import SILENT_S

from tests.support.initiation import initiation
from tests.support.namespaces import RELAY
from tests.support.program import guardian, wait_for
from tests.support.relay_lab import at_home, joined_home, lacking, run

pytestmark = [pytest.mark.torture, pytest.mark.timeout(900)]
DAYS_S, OUT_S = 9 * 86_400, 60
FRESH_S = 60  # the last handshake: home is up again and out for OUT_S before the relay forgets it
LATER_S = 45  # the relay looks each 2 s, home tries each 5 s, and after 90 s in vain each 25 s


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with joined_home(tmp_path_factory.mktemp("went-back")) as one:
        wait_for(lambda: one[1].get("/api/v1/relay")["state"] == "connected", 30, "the link")
        wait_for(lambda: one[0].status()["handshake_age_seconds"] is not None, 10, "that the relay knows of it")
        yield one


def from_the_future(place):
    """What the relay hears of a home whose clock is ahead, from another port than the tunnel's own."""
    _, _, data, _, network = place
    keys = json.loads((data / "plugins/wireguard/relay.json").read_bytes())["keys"]["current"]
    private, peer = (base64.b64decode(keys[name]) for name in ("private", "peer"))
    with network.inside("home"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(5)
        one.sendto(initiation(private, peer, time.time() + DAYS_S), (RELAY, 51820))
        assert one.recv(2048)[0] == 2, "the relay takes it for the home's"


def test_a_clock_that_goes_back_while_the_tunnel_stands_cuts_it_for_seconds_at_most(place):
    """Past the moment at which the session has to be made anew: home's own handshakes cannot do that any more, the relay's can."""
    relay, program, _, _, _ = place
    from_the_future(place)
    began_s, out_s, longest_s = time.monotonic(), 0.0, 0.0
    while (now_s := time.monotonic()) - began_s < SILENT_S + 60:
        if program.get("/api/v1/relay")["state"] == "connected":
            out_s = 0.0
        else:
            out_s = out_s or now_s
            longest_s = max(longest_s, now_s - out_s)
        time.sleep(0.5)
    print(f"out for {longest_s:.1f} s at most; forgotten {relay.status()['tunnel_forgotten']} times")
    assert longest_s < 30
    assert relay.status()["handshake_age_seconds"] < SILENT_S, "they have shaken hands since"
    assert program.get("/api/v1/relay")["state"] == "connected"


def test_a_home_that_comes_up_in_the_past_is_let_in_by_itself(place):
    relay, program, data, _, network = place
    before, known = relay.status()["tunnel_forgotten"], {one["id"] for one in at_home(program)}
    wait_for(lambda: relay.status()["handshake_age_seconds"] < FRESH_S, 200, "a handshake")
    from_the_future(place)
    program.process.kill()
    program.process.wait()
    with network.inside("home"), guardian("run", "--data", str(data), first_line_within_s=120) as again:
        again.token = run("token", "create", "again", "--data", str(data), "--json")["token"]
        began_s = time.monotonic()
        while time.monotonic() - began_s < OUT_S:
            assert again.get("/api/v1/relay")["state"] == "connecting"
            assert relay.status()["tunnel_forgotten"] == before
            time.sleep(2)
        said = again.get("/api/v1/relay")
        assert "does not answer" in said["problem"]
        assert "clock" in said["cure"]
        wait_for(lambda: relay.status()["tunnel_forgotten"] == before + 1, SILENT_S, "that the relay forgets")
        assert "its clock went back" in relay.status()["tunnel_problem"]
        wait_for(lambda: again.get("/api/v1/relay")["state"] == "connected", LATER_S, "the tunnel")
        print(f"back {time.monotonic() - began_s:.0f} s after home was up again")
        wait_for(lambda: not relay.status()["tunnel_problem"], 10, "that all is well at the relay")
        assert again.get("/api/v1/relay")["problem"] == ""
        wait_for(lambda: again.get("/api/v1/relay")["waiting_events"] == 0, 60, "everything is delivered")
        wait_for(lambda: not lacking(relay, again, data, known), 30, "everything, once")
