"""The relay's memory with a home that sends, and while keys change and the NAT moves: the longest silence on a connection, and how long a live
picture stood still.
"""

from __future__ import annotations

import time

import pytest

from tests.bench.figures import Figure, publish
from tests.support.live_viewer import CAMERAS, gate, looking, shake
from tests.support.program import wait_for
from tests.support.relay_lab import echoing, joined_home, rotated, settled

MEMORY_MB, STALL_MS = 128.0, 500.0
ROTATIONS = 5

pytestmark = [pytest.mark.bench, pytest.mark.timeout(400)]


def test_relay(tmp_path):
    with joined_home(tmp_path / "lab") as (relay, program, data, _, network):
        wait_for(lambda: program.get("/api/v1/relay")["state"] == "connected", 60, "the link")
        wait_for(lambda: relay.status()["clips"] > 1, 120, "clips")
        calm = echoing(relay, network)
        time.sleep(20)
        still, _ = calm.end()
        beats = echoing(relay, network)
        for _ in range(ROTATIONS):
            wait_for(lambda: rotated(program), 20, "a rotation")
            wait_for(lambda: settled(data), 20, "new keys that have shaken hands")
        network.rebind("198.51.100.77")
        time.sleep(4)
        worst, _ = beats.end()
        memory = relay.status()["memory_bytes"] / 1e6
    publish(
        "relay",
        Figure("resident memory of the relay", round(memory, 1), "MB", budget=MEMORY_MB),
        Figure(
            f"longest silence over {ROTATIONS} rotations and a NAT rebind",
            round(worst * 1000),
            "ms",
            baseline=round(still * 1000),
            baseline_is="without them",
            budget=STALL_MS,
        ),
    )


def test_live_picture(tmp_path):
    with joined_home(tmp_path / "lab", gate(tmp_path / "gate"), cameras=CAMERAS) as (_, program, data, _, network):
        wait_for(lambda: program.get("/api/v1/relay")["state"] == "connected", 60, "the link")
        viewer = looking(network, data)
        stalls = shake(viewer, network, program, data, ROTATIONS)
        viewer.close()
        assert not viewer.ended, "the session went on"
        assert viewer.again == [], "the camera was interrupted: this says nothing of the link"
    still = round(stalls.pop("nothing") * 1000)
    publish(
        "live picture",
        *(
            Figure(
                f"longest stall, change of the {what}",
                round(s * 1000),
                "ms",
                baseline=still,
                baseline_is="of none",
                budget=STALL_MS,
            )
            for what, s in stalls.items()
        ),
    )
