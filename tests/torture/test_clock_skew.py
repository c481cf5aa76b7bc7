"""Home, relay and cloud with clocks that are an hour or a day apart: events arrive once and in order, who is refused for the time is told
that a clock is wrong, and all is well again by itself once the clocks are right.

Each program sees a wall clock of its own (`wall_clock.c`). WireGuard's program does not: it has no C library to preload for.
"""

from __future__ import annotations

import collections
import time

import pytest

from tests.support.cloud_lab import three_programs
from tests.support.program import wait_for
from tests.support.relay_lab import CAMERA
from tests.torture.clocks import WallClock, library

pytestmark = [pytest.mark.torture, pytest.mark.timeout(900)]
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
LEAF_HOURS = 12  # certificates that a day ends
SETTINGS = f"[authority]\nleaf_hours = {LEAF_HOURS}\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("skew")
    made = library(folder)
    clocks = {name: WallClock(folder / f"{name}.clock", made) for name in ("home", "relay", "cloud")}
    with three_programs(folder, SETTINGS, {name: one.environment for name, one in clocks.items()}) as one:
        wait_for(lambda: link(one)["state"] == "connected", 60, "the link")
        wait_for(lambda: one.get("/devices")["items"][0]["home"], 30, "the home in the fleet")
        one.clocks = clocks
        yield one


@pytest.fixture(autouse=True)
def right_again(place):
    """Whatever a test leaves: the clocks are right, and all are connected."""
    known = {one["id"] for one in at_home(place)}
    yield
    for one in place.clocks.values():
        one.set(0)
    began_s = time.monotonic()
    wait_for(lambda: link(place)["state"] == "connected" and not link(place)["problem"], 120, "home, without hands")
    wait_for(lambda: (said := place.relay.status())["cloud_connected"] and not said["clock_problem"], 330, "relay and cloud")
    print(f"all agree {time.monotonic() - began_s:.0f} s after the clocks were right")
    wait_for(lambda: link(place)["waiting_events"] == 0 and not place.relay.status()["events_waiting"], 60, "delivery")
    wait_for(lambda: not missing(place, known), 60, "everything, once and in order")
    wait_for(
        lambda: place.house.get(f"/api/v1/cameras/{CAMERA}")["recording"],
        20,
        "it records; the film begins anew now and then",
    )


def link(place):
    return place.house.get("/api/v1/relay")


def at_home(place):
    return place.house.get("/api/v1/events?limit=200")["items"]


def missing(place, known):
    """What has ended at home and is not in the cloud; raises at a double, or at a gap in the order."""
    got = place.opened()
    said = collections.Counter((one["what"], one["event"]["id"]) for _, one in got if "event" in one)
    assert [one for one, times in said.items() if times > 1] == []
    serials = [one["serial"] for one, _ in got if one["camera"]]
    assert serials == list(range(1, len(serials) + 1)), serials
    ended = {one["id"] for one in at_home(place) if one["end"]} - known
    return {one for one in ended if not all((what, one) in said for what in ("start", "end"))}


def an_event_more(place):
    known = {one["id"] for one in at_home(place)}
    return wait_for(lambda: {one["id"] for one in at_home(place)} - known, 90, "an event at home")


def in_the_cloud(place, some):
    def there():
        return some & {one["event"]["id"] for _, one in place.opened() if "event" in one}

    wait_for(there, 30, "it is in the cloud")


@pytest.mark.parametrize(
    ("shift_us", "words"), [(HOUR_US, "1 hour ahead of"), (-DAY_US, "1 day behind")], ids=["+1 h", "-1 d"]
)
def test_the_homes_clock_is_wrong(place, shift_us, words):
    place.clocks["home"].set(shift_us)
    said = wait_for(lambda: words in (one := link(place))["problem"] and one, 20, "that it is said at home")
    assert (said["state"], "NTP" in said["cure"]) == ("connected", True)
    there = wait_for(lambda: place.relay.status()["clock_problem"], 20, "that it is said at the relay")
    assert "the home" in there
    assert "the cloud" not in there
    in_the_cloud(place, an_event_more(place))
    wait_for(lambda: abs(clock_in_fleet(place, "edge") - shift_us / 1e6) < 60, 90, "that the cloud shows it, once a minute")


def clock_in_fleet(place, which):
    (one,) = place.get("/devices")["items"]
    return one["readings"].get(which, {}).get("clock_off_s", 0.0)


@pytest.mark.parametrize(
    ("shift_us", "words"), [(-HOUR_US, "1 hour behind"), (DAY_US, "1 day ahead of")], ids=["-1 h", "+1 d"]
)
def test_the_relays_clock_is_wrong(place, shift_us, words):
    place.clocks["relay"].set(shift_us)
    said = ("clock here", words, "the home", "the cloud")
    wait_for(lambda: all(one in place.relay.status()["clock_problem"] for one in said), 40, "that it is said there, of both")
    wait_for(lambda: "the one of the relay" in link(place)["problem"], 20, "that it is said at home")
    in_the_cloud(place, an_event_more(place))
    if shift_us < 0:  # a cloud whose certificate is younger than that
        place.cloud.kill()
        place.cloud.start()
        place.beside.do(place.browser.login())
        said = wait_for(lambda: place.relay.status()["cloud_problem"], 60, "that it cannot be")
        said = wait_for(lambda: "clock" in (one := place.relay.status()["cloud_problem"]) and one, 60, f"why: {said}")
        assert "certificate" in said
        assert an_event_more(place)
        wait_for(lambda: place.relay.status()["events_waiting"] > 0, 60, "that it waits")


@pytest.mark.parametrize(
    ("shift_us", "words"), [(HOUR_US, "1 hour behind"), (-HOUR_US, "1 hour ahead of")], ids=["+1 h", "-1 h"]
)
def test_the_clouds_clock_is_an_hour_wrong(place, shift_us, words):
    place.clocks["cloud"].set(shift_us)
    said = wait_for(lambda: words in (one := place.relay.status()["clock_problem"]) and one, 20, "that it is said")
    assert "the home" not in said
    in_the_cloud(place, an_event_more(place))
    if shift_us < 0:  # it does not take a certificate that begins later
        place.relay.kill()
        place.relay.start()
        said = wait_for(lambda: "clock" in (one := place.relay.status()["cloud_problem"]) and one, 60, "why it is away")
        assert "this relay's certificate" in said
        assert an_event_more(place)
        wait_for(lambda: place.relay.status()["events_waiting"] > 0, 60, "that it waits")


def test_the_clouds_clock_is_a_day_ahead_and_ends_a_certificate_that_is_good(place):
    place.clocks["cloud"].set(DAY_US)
    said = wait_for(lambda: "clock" in (one := place.relay.status()["cloud_problem"]) and one, 60, "why it is away")
    assert "this relay's certificate" in said
    assert an_event_more(place)
    wait_for(lambda: place.relay.status()["events_waiting"] > 0, 60, "that it waits")
