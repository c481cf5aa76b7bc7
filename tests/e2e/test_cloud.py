"""The real programs of home, relay and cloud: enrolled with a code, an event in the cloud's stream, the fleet's state, commands that the home
obeys and others that it does not, and cloud and home killed without a loss or a double.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import json
import os
import sqlite3
import time
import tomllib
import uuid

import pytest

from guardian.model.ids import uuid7
from guardian.protocol.commands import make_command
from guardian.protocol.v1.events_pb2 import Command
from tests.support.cloud_lab import three_programs
from tests.support.cloud_people import Stream
from tests.support.program import wait_for
from tests.support.relay_lab import CAMERA, NAME, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with three_programs(tmp_path_factory.mktemp("cloud")) as one:
        wait_for(lambda: one.house.get("/api/v1/relay")["state"] == "connected", 60, "the link")
        wait_for(lambda: device(one)["home"], 30, "the home in the fleet")
        yield one


def device(place):
    (one,) = place.get("/devices")["items"]
    return one


def at_home(place):
    return place.house.get("/api/v1/events?limit=200")["items"]


def test_an_event_is_in_the_clouds_stream_at_once(place):
    async def hear():
        async with Stream(place.browser, place.tenant) as stream:
            while True:
                kind, _, said = await stream.next("event", 90)
                assert kind == "event", "the stream ended"
                if said["kind"] == "alert":
                    return said, time.monotonic()

    said, heard = place.beside.do(hear(), 100)
    (mine,) = [sealed for one, sealed in place.opened() if one["event"] == said["event"]]
    assert mine["what"] == "start"
    assert mine["event"]["camera"] == CAMERA
    assert said["camera"] in device(place)["cameras"]
    assert CAMERA not in json.dumps(said)
    assert mine["event"]["id"] in {one["id"] for one in at_home(place)}
    print(f"heard {time.monotonic() - heard:.2f} s before it was opened")


def test_health_inventory_and_what_the_home_has_signed_are_in_the_fleet(place):
    wait_for(lambda: list(device(place)["cameras"].values()) == ["recording"], 30, "the camera's state")
    one = wait_for(lambda: (found := device(place))["readings"]["edge"].get("disk_free_bytes") and found, 30, "readings")
    assert (one["state"], one["edge_connected"]) == ("connected", True)
    assert one["home"] == place.house.get("/api/v1/cloud")["home"]
    assert (one["plugins"]["wireguard"], one["plugins"]["saas"], one["other_plugins"]) == ("running", "running", 0)
    assert one["edge_version"]
    assert one["readings"]["edge"]["cameras_recording"] == 1
    assert sorted(each["role"] for each in one["statements"]) == ["edge", "relay"]
    whole = json.dumps(one) + place.page()
    assert CAMERA not in whole
    assert NAME not in whole
    assert "Signed by the home" in whole
    assert place.asked({"verb": "report"})["state"] == "done"
    health = wait_for(lambda: place.get(f"/devices/{place.device}/health")["items"], 15, "health over time")
    assert health[-1]["readings"]["cameras"] == 1


def detect(place):
    settings = tomllib.loads((place.house.data / "config.toml").read_text())
    return settings["cameras"][CAMERA]["detect"]


def signed(place, setting, value, *more):
    return place.house.command("cloud", "sign", setting, value, *more)["message"]


def forged(place, sign=None, **changes):
    """A `set` of our own making."""
    now_ms = time.time_ns() // 1_000_000
    (camera,) = device(place)["cameras"]
    body = json.dumps({"setting": "enabled", "value": False, "camera": camera}).encode()
    values = {"home": bytes.fromhex(device(place)["home"]), "issued_ms": now_ms, "expires_ms": now_ms + 60_000, "body": body}
    identity = uuid.UUID(uuid7(now_ms, os.urandom(10))).bytes
    return base64.b64encode(make_command(identity, "set", sign=sign, **(values | changes))).decode()


def altered(message):
    command = Command.FromString(base64.b64decode(message))
    command.body = command.body.replace(b"0.5", b"0.9")
    command.id = uuid.UUID(uuid7(time.time_ns() // 1_000_000, os.urandom(10))).bytes
    return base64.b64encode(command.SerializeToString()).decode()


def test_the_cloud_can_ask_and_never_order(place):
    assert place.asked({"verb": "ping"})["state"] == "done"
    before = detect(place)
    good = signed(place, "detect.event_min_score", "0.5", "--camera", CAMERA)
    for message, code in [
        (forged(place), "not_signed"),
        (forged(place, sign=lambda _: os.urandom(64)), "bad_signature"),
        (altered(good), "bad_signature"),
        (forged(place, home=os.urandom(32)), "another_home"),
    ]:
        found = place.asked({"message": message})
        assert (found["state"], found["code"]) == ("failed", code)
        assert found["reason"]
        assert found["reason"] in place.page()
    assert detect(place) == before
    assert place.house.get(f"/api/v1/cameras/{CAMERA}")["recording"]
    seen = place.house.get("/api/v1/cloud")["commands"]
    assert {"not_signed", "bad_signature", "another_home"} <= {one["code"] for one in seen}
    with place.network.inside("home"):
        status, page = place.house.program.request("/system")
    assert (status, "must be signed by the home" in page.decode()) in ((200, True), (303, False))
    assert any("command_refused" in line and "not_signed" in line for line in place.house.program.log)


def test_what_the_home_has_signed_is_done_once_and_in_order(place):
    earlier = signed(place, "detect.event_min_score", "0.4", "--camera", CAMERA)
    good = signed(place, "detect.event_min_score", "0.5", "--camera", CAMERA)
    found = place.asked({"message": good})
    assert (found["state"], found["signed"]) == ("done", True)
    assert detect(place)["event_min_score"] == 0.5
    assert place.ask("POST", "/commands", {"device": place.device, "message": good})[0] == 409
    assert place.asked({"message": earlier})["code"] == "out_of_order"
    assert detect(place)["event_min_score"] == 0.5
    assert place.asked({"message": signed(place, "enabled", "false", "--camera", CAMERA)})["state"] == "done"
    wait_for(lambda: list(device(place)["cameras"].values()) == ["off"], 30, "the camera is off")
    assert not place.house.get(f"/api/v1/cameras/{CAMERA}")["recording"]
    assert place.asked({"message": signed(place, "enabled", "true", "--camera", CAMERA)})["state"] == "done"
    wait_for(lambda: list(device(place)["cameras"].values()) == ["recording"], 30, "the camera is on")


def test_a_signer_signs_away_from_home_until_the_home_takes_it_out(place):
    key = place.folder / "laptop.key"
    made = place.house.command("cloud", "signer", "add", "laptop", "--out", str(key))
    assert key.stat().st_mode & 0o077 == 0

    def member(wanted):
        said = {each["subject"]: each for each in device(place)["statements"]}
        return made["member"] in said and said[made["member"]]["revoked"] is wanted

    wait_for(lambda: member(False), 15, "the home's word for it in the cloud")

    def away(value):  # as on a laptop somewhere: nothing of the home is there but the key
        command = ["cloud", "sign", "detect.event_min_score", value, "--camera", CAMERA, "--key", str(key), "--json"]
        return run(*command, "--data", str(place.folder / "nothing"))["message"]

    assert place.asked({"message": away("0.6")})["state"] == "done"
    assert detect(place)["event_min_score"] == 0.6
    place.house.command("cloud", "signer", "remove", "laptop")
    assert place.asked({"message": away("0.7")})["code"] == "not_trusted"
    assert detect(place)["event_min_score"] == 0.6
    wait_for(lambda: member(True), 15, "that it is out, in the cloud")


def complete(place):
    """Whether the cloud has the start and the end of all that has ended at home, each once; raises at a double."""
    ended = {one["id"] for one in at_home(place) if one["end"] and one["start"] > place.since}
    got = place.opened()
    said = collections.Counter((one["what"], one["event"]["id"]) for _, one in got if "event" in one)
    assert not [one for one, times in said.items() if times > 1], "nothing twice"
    serials = [one["serial"] for one, _ in got if one["camera"]]
    assert serials == list(range(1, len(serials) + 1)), "nothing lost on the way, and in order"
    return ended and all((what, one) in said for one in ended for what in ("start", "end"))


def test_a_cloud_that_is_killed_loses_and_doubles_nothing(place):
    place.since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    place.cloud.kill()
    wait_for(lambda: any(one["start"] > place.since for one in at_home(place)), 60, "an event meanwhile")
    assert place.relay.status()["cloud_connected"] is False
    place.cloud.start()
    place.beside.do(place.browser.login())  # sessions are in its memory
    wait_for(lambda: place.relay.status()["cloud_connected"], 60, "the relay is back at the cloud")
    wait_for(lambda: complete(place), 60, "everything is there")


def rows(data):
    with contextlib.closing(sqlite3.connect(f"file:{data}/index.db?mode=ro", uri=True)) as db:
        return {name for (name,) in db.execute("SELECT id FROM events")}


def test_an_event_whose_home_is_killed_in_that_moment_is_told_all_the_same(place):
    place.since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    known, deadline = rows(place.house.data), time.monotonic() + 60
    while not rows(place.house.data) - known:  # as soon as it is in the index: the link may not have heard of it
        assert time.monotonic() < deadline, "no event"
    place.house.kill()
    (new,) = rows(place.house.data) - known
    place.house.start()
    wait_for(lambda: place.house.get("/api/v1/relay")["state"] == "connected", 60, "the link")
    told = wait_for(
        lambda: [one for _, one in place.opened() if one.get("event", {}).get("id") == new][1:], 30, "start and end"
    )
    assert [one["what"] for one in told] == ["end"]
    place.since = "2000"
