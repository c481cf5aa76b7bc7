"""Recall by height and by contrast: people cut out of footage cross real backgrounds, and the whole watch looks on."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from guardian.detect.client import LocalInference
from guardian.settings.schema import DetectSettings
from tests.bench.figures import ROOT, Figure, publish
from tests.support.as_camera import watch_as_camera
from tests.support.detectors import engine, shared

CLIPS = int(os.environ.get("GUARDIAN_BENCH_CLIPS", "30"))
BACKGROUNDS = ("footage/pets09.avi", "footage/people.mp4", "images/dog.jpg")
EARLY_S, LATE_S = 0.5, 2.0  # an event this much outside a person's time is another's

pytestmark = pytest.mark.bench


def walkers_script() -> Any:
    """Load the script that makes the clips."""
    spec = importlib.util.spec_from_file_location("walkers", ROOT / "packaging" / "footage" / "walkers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["walkers"] = module
    spec.loader.exec_module(module)
    return module


def test_walkers(tmp_path):
    walkers = walkers_script()
    persons = walkers.people(shared("footage/people.mp4"))
    places = [(name.rpartition("/")[2], walkers.background(shared(name))) for name in BACKGROUNDS]
    infer = LocalInference(engine("default", "openvino"))
    rows, crops, cpu_s, footage_s = [], 0, 0.0, 0.0
    for index, clip in enumerate(walkers.plan(CLIPS, len(persons), places)):
        path = tmp_path / clip.file
        walkers.write(clip, persons[clip.person], dict(places)[clip.background], path, index)
        watched = watch_as_camera(path, infer, tmp_path, DetectSettings(labels=("person",)))
        path.unlink()
        mine = [v for v in watched.visits if v[1] >= clip.start_s - EARLY_S and v[1] <= clip.end_s + LATE_S]
        late = round(mine[0][1] - clip.start_s, 2) if mine else None
        rows.append((clip, bool(mine), len(watched.visits) - len(mine), len(mine), late))
        crops, cpu_s, footage_s = crops + watched.counters.crops, cpu_s + watched.cpu_s, footage_s + watched.footage_s
    by_height = _table(rows, lambda clip: clip.height)
    publish(
        "walkers",
        Figure("recall", _share(rows), ""),
        Figure(
            "recall from 64 px up, full contrast", _share([r for r in rows if r[0].height >= 64 and r[0].contrast == 1]), ""
        ),
        Figure("false events", sum(row[2] for row in rows), "events"),
        Figure("told more than once", sum(row[3] > 1 for row in rows), "clips"),
        Figure("CPU", round(cpu_s / footage_s * 60, 2), "s a camera-minute"),
        clips=len(rows),
        crops=crops,
        by_height=by_height,
        by_contrast=_table(rows, lambda clip: clip.contrast),
        by_speed=_table(rows, lambda clip: clip.speed),
        by_background=_table(rows, lambda clip: clip.background),
        by_height_and_contrast={
            f"{contrast:g}": _table([row for row in rows if row[0].contrast == contrast], lambda clip: clip.height)
            for contrast in walkers.CONTRASTS
        },
        missed=[vars(row[0]) for row in rows if not row[1]],
    )
    assert len(rows) == CLIPS


def _share(rows: list[Any]) -> float:
    return round(sum(row[1] for row in rows) / max(1, len(rows)), 3)


def _table(rows: list[Any], key: Callable[[Any], Any]) -> dict[str, dict[str, float]]:
    values = sorted({key(row[0]) for row in rows})
    parts = {f"{value}": [row for row in rows if key(row[0]) == value] for value in values}
    return {value: {"clips": len(part), "recall": _share(part)} for value, part in parts.items()}
