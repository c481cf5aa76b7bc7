"""A link whose parts are killed, and that is left and joined anew: it comes back by itself, and the recorder notices nothing."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.support.program import wait_for
from tests.support.relay_lab import CAMERA, join, joined_home, run

pytestmark = [pytest.mark.torture]


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
    assert program.camera(CAMERA)["recording"]


def tunnel_of(pid: str) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        if words[0].endswith("wireguard-go"):
            return words[2]
    return ""


def tunnel_runs(end: str) -> bool:
    return any(tunnel_of(pid) == f"g{os.getpid()}{end}" for pid in os.listdir("/proc") if pid.isdigit())


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
