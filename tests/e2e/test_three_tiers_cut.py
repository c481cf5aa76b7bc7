"""Links that are cut for seconds and for minutes, between home and relay, relay and cloud, cloud and viewer, while things happen at home: nothing
is lost, nothing is there twice, each machine says plainly what is away, and all of it comes back without hands.

A cut is the worst kind: packets vanish, and nobody is told. GUARDIAN_TORTURE_ROUNDS short cuts of links by chance (6 unless told),
GUARDIAN_TORTURE_SEED repeats a run. As root, with the servers of test_three_tiers.py; what lacks is named, and it skips.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections import Counter

import aiohttp
import pytest

from guardian.model.errors import GuardianError
from guardian.model.time import from_rfc3339
from guardian.vault.scan import scan
from tests.support.browser import browser, open_afar, playing
from tests.support.cloud_people import Stream
from tests.support.house import PASSPHRASE
from tests.support.namespaces import RELAY
from tests.support.program import wait_for
from tests.support.relay_lab import CAMERA, opened, whole
from tests.support.three_tiers import three_tiers
from tests.support.three_tiers_network import There

pytestmark = [pytest.mark.torture, pytest.mark.timeout(1200)]
ROUNDS = int(os.environ.get("GUARDIAN_TORTURE_ROUNDS", "6"))
SEED = int(os.environ.get("GUARDIAN_TORTURE_SEED", str(random.randrange(1 << 32))))
LINKS = {"home and relay": ("relay", "nat"), "relay and cloud": ("relay", "cloud"), "cloud and viewer": ("cloud", "viewer")}
MINUTES_S = 130.0
VIEWER_CUT_S = 45.0
PATIENCE_S = 40.0  # the cloud says something each 15 s


class Listener:
    """A viewer who hears the cloud's stream as browsers do: what broke is begun anew behind the last that was heard."""

    def __init__(self, tiers):
        self.heard, self.streams = [], 0
        self._tiers, self._there = tiers, There(tiers.network, "viewer")
        self._last = self._there.do(self._newest())
        self._task = self._there.begin(self._hear())

    async def _newest(self):
        page = await self._browser().get(f"/tenants/{self._tiers.tenant}/events?limit=1")
        return page["items"][0]["seq"] if page["items"] else 0

    def _browser(self):
        owner = self._tiers.owner.browser
        if not hasattr(self, "_own"):
            connector = aiohttp.TCPConnector(ssl=self._tiers.certificates.client())
            self._own = type(owner).__new__(type(owner))
            self._own.__dict__.update(owner.__dict__)
            self._own.http = aiohttp.ClientSession(cookie_jar=owner.http.cookie_jar, connector=connector)
        return self._own

    async def _hear(self):
        while True:
            stream = Stream(self._browser(), self._tiers.tenant, self._last)
            with contextlib.suppress(OSError, aiohttp.ClientError, AssertionError):
                async with asyncio.timeout(10):
                    await stream.__aenter__()
                self.streams += 1
                with contextlib.suppress(TimeoutError):
                    while (found := await stream.next(seconds=PATIENCE_S))[0] != "end":
                        self._last = found[1]
                        self.heard.append(found[2]["event"])
                await stream.__aexit__()
            await asyncio.sleep(1)

    def close(self):
        self._task.cancel()
        self._there.do(self._own.close())
        self._there.close()


@pytest.fixture(scope="module")
def tiers(tmp_path_factory):
    with three_tiers(tmp_path_factory.mktemp("cut")) as one:
        print(" ".join(f"{what} {s:.1f}s" for what, s in one.took.items()))
        wait_for(lambda: one.at_home("relay")["state"] == "connected", 60, "the link")
        wait_for(lambda: one.fleet["edge_connected"], 60, "the home in the fleet")
        one.listener = Listener(one)
        one.before = {
            each["id"] for each in one.at_home("events?limit=200")["items"]
        }  # may have begun before the home was joined
        try:
            yield one
        finally:
            one.listener.close()


def in_the_cloud(tiers):
    """Everything, the oldest first."""
    found, before = [], ""
    while True:
        page = tiers.owner.get(f"/tenants/{tiers.tenant}/events?limit=500{before}")
        found += page["items"]
        if page["next"] is None:
            return [one["event"] for one in reversed(found)]
        before = f"&before={page['next']}"


def ended(tiers):
    return {one["id"]: one for one in tiers.at_home("events?limit=200")["items"] if one["end"]}


def away(tiers, link):
    """What the machine that is cut off says of it; nothing where it has not noticed."""
    if link == "home and relay":
        said = tiers.at_home("relay")
        return said["state"] == "connecting" and said["problem"]
    said = tiers.relay.status()
    return not said["cloud_connected"] and said["cloud_problem"]


def settled(tiers):
    relay = tiers.relay.status()
    return (
        tiers.at_home("relay")["state"] == "connected"
        and relay["cloud_connected"]
        and not tiers.at_home("relay")["waiting_events"]
        and not relay["events_waiting"]
    )


def recovered(tiers, what):
    began_s = time.monotonic()
    wait_for(lambda: settled(tiers), 360, "that all is there again, without hands")
    print(f"{what}: all is there {time.monotonic() - began_s:.0f} s after the cut was over")


def complete(tiers, known):
    """Whether start and end of all that has ended at home are at relay, cloud and viewer, each once and in order; raises at a double. Each place
    is looked at before the one behind it: what comes meanwhile is in none of it, or in both.
    """
    over = set(ended(tiers)) - known
    got = opened(tiers.relay, tiers.data)
    said = Counter((one["what"], one["event"]["id"]) for _, one in got if "event" in one)
    assert [one for one, times in said.items() if times > 1] == [], f"seed {SEED}: twice at the relay"
    by_camera = [one.serial for one, _ in got if one.camera]
    assert by_camera == list(range(1, len(by_camera) + 1)), f"seed {SEED}: lost, or out of order"
    at_relay, cloud = [one.id.hex() for one, _ in got], in_the_cloud(tiers)
    assert len(cloud) == len(set(cloud)), f"seed {SEED}: twice in the cloud"
    pg, database = tiers.servers.postgres, tiers.servers.database
    with tiers.network.inside("cloud"):
        counts = pg.ask(database, "SELECT count(*) || ' ' || count(DISTINCT event_id) FROM events", "postgres").split()
    assert counts[0] == counts[1]
    heard = list(tiers.listener.heard)
    assert len(heard) == len(set(heard)), f"seed {SEED}: twice at the viewer"
    begin = cloud.index(heard[0]) if heard and heard[0] in cloud else len(cloud)
    lacks = {
        "relay": [one for one in over if not all((what, one) in said for what in ("start", "end"))],
        "cloud": at_relay != cloud[: len(at_relay)],
        "viewer": len(heard) < 2 or cloud[begin:] != heard[: len(cloud) - begin],
    }
    tiers.lacks = {place: what for place, what in lacks.items() if what}
    return not tiers.lacks


def everything(tiers, known):
    try:
        wait_for(lambda: complete(tiers, known), 60, "everything, everywhere, once")
    except AssertionError as error:
        raise AssertionError((SEED, tiers.lacks)) from error
    clips_are_there(tiers, known)


def clips_lacking(tiers, known):
    """Finished segments at home in which something happened, and that the relay does not have."""
    new = [one for name, one in ended(tiers).items() if name not in known and one["camera"] == CAMERA]
    spans = [(from_rfc3339(one["start"]), from_rfc3339(one["end"])) for one in new]
    there, lacking = {segment for segment, _ in whole(tiers.relay)}, []
    for path in (tiers.data / "segments" / CAMERA / "main").rglob("*.pgs"):
        try:
            record = scan(path).record("")
        except (GuardianError, OSError):  # the one that is being written
            continue
        start, end = record.header.start_utc_us, record.end_utc_us
        if any(start <= b and end >= a for a, b in spans) and bytes.fromhex(path.stem.replace("-", "")) not in there:
            lacking.append(path.name)
    return lacking


def clips_are_there(tiers, known):
    try:
        wait_for(lambda: not clips_lacking(tiers, known), 60, "the footage of all of it at the relay")
    except AssertionError:
        raise AssertionError((SEED, clips_lacking(tiers, known), tiers.relay.status())) from None


@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_is_cut_for_minutes(tiers, link):
    known, happened = tiers.before, len(ended(tiers))
    with tiers.network.cut(*LINKS[link]):
        began_s = time.monotonic()
        if link != "cloud and viewer":
            said = wait_for(lambda: away(tiers, link), 60, "that it is said")
            print(f"said after {time.monotonic() - began_s:.0f} s: {said}")
        if link == "relay and cloud":
            with contextlib.suppress(AssertionError):
                wait_for(lambda: tiers.fleet["state"] == "away", MINUTES_S - 10, "the fleet")
            assert tiers.fleet["state"] == "away", "the cloud says that the relay is away"
        if link == "home and relay":
            wait_for(lambda: not tiers.fleet["edge_connected"], 60, "that the cloud says that the home is away")
        time.sleep(max(0.0, MINUTES_S - (time.monotonic() - began_s)))
        assert len(ended(tiers)) > happened, "something happened meanwhile"
        wait_for(
            lambda: tiers.at_home(f"cameras/{CAMERA}")["recording"], 20, "it records; the film begins anew now and then"
        )
    recovered(tiers, link)
    everything(tiers, known)


def test_a_viewer_who_looks_live_and_is_cut_off(tiers):
    """The page looks on by itself, whichever end has noticed the cut."""
    key = tiers.guardian("viewing", "on", "--data", str(tiers.data))["key"]
    with tiers.network.inside("viewer"), browser(ignore_https_errors=True) as page:
        page.set_default_timeout(60_000)
        page.goto(f"https://{RELAY}:8443/")
        open_afar(page, key, PASSPHRASE)
        page.wait_for_selector(".card img")
        page.click("[data-tab=live]")
        page.click("#cameras button")
        wait_for(lambda: playing(page, "#live-video"), 60, "the live picture plays")
        with tiers.network.cut("relay", "viewer"):
            began_s = time.monotonic()
            wait_for(lambda: "silent" in page.inner_text("#status"), 20, "the page says that home is silent")
            wait_for(lambda: "lost" in page.inner_text("#status"), 60, "the page says that the connection is lost")
            time.sleep(max(0.0, VIEWER_CUT_S - (time.monotonic() - began_s)))
        began_s = time.monotonic()
        wait_for(lambda: playing(page, "#live-video"), 120, "the live picture plays again")
        print(f"it plays {time.monotonic() - began_s:.0f} s after the cut was over")
        assert page.is_hidden("#open"), "without hands"


def test_links_that_are_cut_by_chance(tiers):
    chance, known = random.Random(SEED), tiers.before
    print(f"\nseed {SEED}, {ROUNDS} cuts")
    for _ in range(ROUNDS):
        links = chance.sample(sorted(LINKS), chance.choice((1, 1, 2, 3)))
        with contextlib.ExitStack() as cuts:
            for link in links:
                cuts.enter_context(tiers.network.cut(*LINKS[link]))
            time.sleep(chance.uniform(0.5, 20))
        time.sleep(chance.uniform(0, 10))
    recovered(tiers, f"{ROUNDS} cuts")
    everything(tiers, known)
