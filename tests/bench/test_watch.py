"""CPU of watching, calm and busy, beside ffmpeg that decodes every frame."""

from __future__ import annotations

import pytest

from tests.bench.figures import Figure, publish
from tests.support.house import command

BUDGETS = {"calm": 0.2, "busy": 0.8}

pytestmark = pytest.mark.bench


def test_watch(tmp_path):
    found = command("bench", "watch", "--data", str(tmp_path))
    figures = []
    for name, budget in BUDGETS.items():
        one = found[name]
        baseline = one["baseline_cpu_s_per_camera_minute"]
        figures += [
            Figure(
                f"watch, {name}", one["cpu_s_per_camera_minute"], "CPU-s a camera-minute", baseline, "ffmpeg, every frame"
            ),
            Figure(
                f"watch, {name}, without laziness",
                one["eager_cpu_s_per_camera_minute"],
                "CPU-s a camera-minute",
                baseline,
                "ffmpeg",
            ),
            Figure(f"watch, {name}, against ffmpeg", one["ratio"], "times", 1.0, "ffmpeg", budget),
            Figure(f"inference, {name}", one["inference_cpu_s_per_camera_minute"], "CPU-s a camera-minute", None, ""),
        ]
    publish("watch", *figures, decoded_share={name: found[name]["decoded_share"] for name in BUDGETS})
