"""A link whose parts are killed, whose keys somebody has copied, and that is left and joined anew: it comes back by itself, what happened
arrives once, and the recorder notices nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.support.program import guardian, wait_for
from tests.support.relay_lab import CAMERA, at_home, join, joined_home, lacking, run

pytestmark = [pytest.mark.torture, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with joined_home(tmp_path_factory.mktemp("relay")) as one:
        yield one


def test_a_tunnel_whose_program_is_killed_is_back_by_itself(place):
    relay, program, _data, _, _ = place
    for end in ("h", "r"):
        (pid,) = [int(p) for p in os.listdir("/proc") if p.isdigit() and tunnel_of(p) == f"g{os.getpid()}{end}"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda end=end: tunnel_runs(end), 30, f"wireguard-go of {end}")
        wait_for(
            lambda: program.get("/api/v1/relay")["state"] == "connected" and relay.status()["edge_connected"], 60, "the link"
        )
    wait_for(lambda: program.get("/api/v1/relay")["waiting_events"] == 0, 60, "everything is delivered")
    wait_for(lambda: program.camera(CAMERA)["recording"], 20, "it records; the film begins anew now and then")


def tunnel_of(pid: str) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        if words[0].endswith("wireguard-go"):
            return words[2]
    return ""


def tunnel_runs(end: str) -> bool:
    return any(tunnel_of(pid) == f"g{os.getpid()}{end}" for pid in os.listdir("/proc") if pid.isdigit())


@contextlib.contextmanager
def thief(place):
    """The home's folder on another machine, with all its keys, and running there."""
    _, _, data, _, network = place
    copy = data.parent / "thief"
    if not copy.exists():
        shutil.copytree(data, copy, ignore=shutil.ignore_patterns("segments", "*.sock"))
        config = (copy / "config.toml").read_text()
        (copy / "config.toml").write_text(config.replace(f"g{os.getpid()}h", f"g{os.getpid()}t"))
    with contextlib.ExitStack() as stack:
        with network.inside("nat"):
            one = stack.enter_context(guardian("run", "--data", str(copy), first_line_within_s=120))
        one.token = run("token", "create", f"thief{time.monotonic_ns()}", "--data", str(copy), "--json")["token"]
        yield one


def test_a_copy_of_the_homes_folder_is_noticed_and_hides_nothing(place):
    relay, program, data, _, _ = place
    known = {one["id"] for one in at_home(program)}
    with thief(place) as copy:
        wait_for(lambda: "this home's keys" in program.get("/api/v1/relay")["problem"], 150, "that it is said at home")
        assert "join anew" in program.get("/api/v1/relay")["cure"]
        assert relay.status()["edge_copied"]
        wait_for(lambda: {one["id"] for one in at_home(program) if one["end"]} - known, 90, "an event meanwhile")
        assert copy.process.poll() is None
    wait_for(lambda: program.get("/api/v1/relay")["state"] == "connected", 200, "the link")
    wait_for(lambda: program.get("/api/v1/relay")["waiting_events"] == 0, 60, "everything is delivered")
    wait_for(lambda: not lacking(relay, program, data, known), 30, "everything, once")
    wait_for(lambda: program.camera(CAMERA)["recording"], 20, "it records; the film begins anew now and then")


def test_a_home_that_left_joins_anew(place):
    relay, program, data, _, _ = place
    with place[4].inside("home"):
        left = run("relay", "leave", "--data", str(data), "--json")
    assert left["state"] == "none"
    assert not (data / "plugins/wireguard/relay.json").exists()
    wait_for(lambda: not relay.status()["edge_connected"], 30, "that the home has gone")
    kept = relay.status()["events"]
    with place[4].inside("home"):
        join(relay, data, again=True)
    wait_for(lambda: program.get("/api/v1/relay")["state"] == "connected", 30, "the link")
    wait_for(lambda: relay.status()["events"] > kept, 90, "events again")


def test_keys_that_were_copied_open_nothing_once_the_home_has_joined_anew(place):
    relay, program, _, _, network = place
    rotation = relay.status()["tunnel_rotation"]
    with thief(place) as copy:
        for _ in range(10):
            with network.inside("nat"):
                assert copy.get("/api/v1/relay")["state"] != "connected"
            time.sleep(2)
    assert relay.status()["tunnel_rotation"] == rotation
    assert not relay.status()["edge_copied"]
    assert (program.get("/api/v1/relay")["state"], program.get("/api/v1/relay")["problem"]) == ("connected", "")
