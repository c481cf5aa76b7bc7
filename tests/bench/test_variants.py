"""Six visits on every harder version of the footage: night, a shaking camera, rain, rare keyframes, infrared, lamps, a pan."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from guardian.detect.client import LocalInference
from guardian.settings.schema import DetectSettings
from tests.bench.figures import ROOT, Figure, publish
from tests.support.as_camera import faults, modes, watch_as_camera
from tests.support.detectors import engine, shared

ALL = ("people", "night", "shake", "rain", "gop10", "infrared", "light", "pan")
CHOSEN = tuple(filter(None, os.environ.get("GUARDIAN_BENCH_VARIANTS", "").split(","))) or ALL
VISITS = 6

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    place = tmp_path_factory.mktemp("variants")
    wanted = [name for name in CHOSEN if name != "people"]
    script = ROOT / "packaging" / "footage" / "variants.py"
    if wanted:
        subprocess.run([sys.executable, str(script), str(shared("footage/people.mp4")), str(place), *wanted], check=True)
    return place


def test_variants(folder, tmp_path):
    infer = LocalInference(engine("default", "openvino"))
    figures, rows = [], []
    for name in CHOSEN:
        path: Path = shared("footage/people.mp4") if name == "people" else folder / f"{name}.mp4"
        for mode in modes():
            watched = watch_as_camera(path, infer, tmp_path, DetectSettings(**mode))
            wrong = faults(watched)
            counters = watched.counters
            how = ", ".join(f"{key} {value}" for key, value in mode.items())
            figures.append(Figure(f"{name}, {how}: differs from the truth", len(wrong), "times", budget=0))
            rows.append(
                {
                    "variant": name,
                    "mode": how,
                    "events": len(watched.events),
                    "faults": wrong,
                    "looks": counters.looks,
                    "crops": counters.crops,
                    "cpu_s_a_minute": round(watched.cpu_s / watched.footage_s * 60, 2),
                }
            )
    publish("variants", *figures, variants=rows, visits=VISITS)
