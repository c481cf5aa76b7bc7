"""CPU of record + seal beside ffmpeg's, on the same cameras at the same time. Sixteen cameras too: GUARDIAN_BENCH_CAMERAS=4,16."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.bench.figures import Figure, publish
from tests.support.house import command
from tests.support.rtsp import require_server

CAMERAS = [int(word) for word in os.environ.get("GUARDIAN_BENCH_CAMERAS", "4").split(",")]
SECONDS = os.environ.get("GUARDIAN_BENCH_SECONDS", "30")
BUDGET_4, BUDGET_16 = 0.8, 0.5

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("cameras", CAMERAS)
def test_record(cameras):
    require_server()
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    found = command("bench", "record", "--cameras", str(cameras), "--seconds", SECONDS)
    budget = BUDGET_16 if cameras >= 16 else BUDGET_4
    publish(
        f"record-{cameras}",
        Figure(
            "CPU of record + seal",
            found["cpu_s_per_camera_minute"],
            "CPU-s a camera-minute",
            found["baseline_cpu_s_per_camera_minute"],
            "ffmpeg -c copy -f segment",
        ),
        Figure("CPU against ffmpeg's", found["ratio"], "times", 1.0, "ffmpeg", budget),
        cameras=cameras,
        seconds=found["seconds"],
    )
