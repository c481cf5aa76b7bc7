"""The relay's disk is full for a while: it says so, the home keeps what it has to say, and once there is room all of it arrives, once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from tests.support.program import wait_for
from tests.support.relay_lab import CAMERA, at_home, joined_home, lacking, whole

pytestmark = [pytest.mark.torture, pytest.mark.timeout(420)]
SIZE = "48m"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    state = folder / "small"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(state)], check=True)
    try:
        with joined_home(folder / "lab", state=state) as (relay, program, data, _, network):
            wait_for(lambda: program.get("/api/v1/relay")["state"] == "connected", 60, "the link")
            yield SimpleNamespace(relay=relay, program=program, data=data, network=network, ballast=state / "ballast")
    finally:
        subprocess.run(["umount", "-l", str(state)], check=False)


def fill(path):
    """Write until not one more byte goes in."""
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))


def health(place):
    with place.network.inside("relay"):
        try:
            with urllib.request.urlopen("http://127.0.0.1:9480/healthz", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def complete(place, known):
    serials = [one.serial for one in place.relay.events()]
    assert serials == list(range(1, len(serials) + 1)), "lost, or out of order"
    return not lacking(place.relay, place.program, place.data, known)


def test_a_full_disk_is_said_and_nothing_is_lost(place):
    relay, program = place.relay, place.program
    link = lambda: program.get("/api/v1/relay")  # noqa: E731
    wait_for(lambda: whole(relay), 120, "a clip at the relay")
    wait_for(lambda: link()["waiting_events"] == 0, 60, "everything is delivered")
    before = {one["id"] for one in at_home(program)}
    fill(place.ballast)
    wait_for(lambda: link()["waiting_events"] >= 2, 120, "events that wait at home")
    said = wait_for(lambda: "no room" in (one := link())["problem"] and one, 20, "that it is said at home")
    assert said["state"] == "connected", "for viewers and commands it is there"
    assert "make room" in said["cure"]
    assert "full" in " ".join(relay.status()["problems"])
    code, words = health(place)
    assert (code, "full" in words) == (503, True)
    wait_for(lambda: program.camera(CAMERA)["recording"], 20, "it records; the film begins anew now and then")
    relay.kill()
    relay.start()  # with a full disk
    wait_for(lambda: "no room" in link()["problem"], 60, "that it is said again")
    waits = link()["waiting_events"]
    wait_for(lambda: link()["waiting_events"] > waits, 120, "more that waits")
    place.ballast.unlink()
    wait_for(lambda: link()["waiting_events"] == 0, 60, "everything is delivered, without hands")
    wait_for(lambda: not link()["problem"] and not relay.status()["problems"], 20, "that all is well again")
    assert health(place)[0] == 200
    assert link()["dropped_events"] == 0
    wait_for(lambda: complete(place, before), 30, "all that ended at home is at the relay")
    log = relay.log.read_text()
    assert '"store_full"' in log
    assert "unlisted_event" not in log


def test_clips_make_room_for_events(place):
    """Footage fills the disk up to its quota, which is more than there is: events find room all the same."""
    relay = place.relay
    place.ballast.unlink(missing_ok=True)
    with contextlib.suppress(OSError), place.ballast.open("ab", buffering=0) as file:
        free = os.statvfs(relay.state)
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - (8 << 20))))
    first = {segment for segment, _ in whole(relay)}
    wait_for(lambda: {segment for segment, _ in whole(relay)} - first, 120, "a clip that found room")
    seen = relay.status()["events"]
    wait_for(lambda: first - {segment for segment, _ in whole(relay)}, 120, "an older one that made it")
    wait_for(lambda: relay.status()["events"] > seen, 120, "an event")
    assert relay.status()["problems"] == []
    free = os.statvfs(relay.state)
    assert free.f_bavail * free.f_frsize > 0
    place.ballast.unlink()
