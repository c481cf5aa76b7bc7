"""Footage through `Watcher` as a camera's process feeds it: samples on one side, reports on the other, faster than real time."""

from __future__ import annotations

import json
import time
from datetime import UTC
from pathlib import Path
from typing import Any

from guardian_bytetrack.tracker import ByteTracker

from guardian.detect.client import LocalInference
from guardian.model.messages import EventReport
from guardian.platform.clock import SystemClock
from guardian.processes.watching import make_watcher
from guardian.settings.schema import DetectSettings
from tests.support.detectors import shared
from tests.support.plain_sealer import PlainSealer
from tests.support.watched import T0, Watched, samples_of

START_S = 1.0  # a visit is told to begin within this of the truth


def modes() -> tuple[dict[str, Any], ...]:
    """Return settings for each way of watching."""
    return ({"lazy": True}, {"lazy": False})


def watch_as_camera(path: Path, infer: LocalInference, pictures: Path, options: DetectSettings | None = None) -> Watched:
    """Watch a whole H.264 or H.265 file."""
    watched = Watched()
    info, samples = samples_of(path)
    began = time.process_time()
    watcher = make_watcher(
        camera="front",
        options=options or DetectSettings(),
        zone=UTC,
        clock=SystemClock(),
        infer=infer,
        tracker=ByteTracker(),
        sealer=PlainSealer(),
        pictures_dir=pictures,
        report=lambda report: watched.reports.append(_timed(report)),
        own_thread=False,
    ).watcher
    try:
        watcher.configure(info, T0)
        for sample in samples:
            watched.footage_s = sample.dts / 90_000
            watcher.push(sample, T0 + sample.dts * 100 // 9)
            watcher.turn()
    finally:
        watcher.close()
    watched.cpu_s = time.process_time() - began
    watched.counters = watcher._pipeline.counters
    assert watcher.stats().dropped_samples == 0
    return watched


def _timed(report: EventReport) -> tuple[float, EventReport]:
    event = report.event
    last = event.end_us or (event.path[-1].utc_us if event.path else event.start_us)
    return (last - T0) / 1e6, report


def faults(watched: Watched) -> list[str]:
    """Return what differs from the ground truth of people.mp4 and its variants, in words; nothing where all is right."""
    truth = json.loads(shared("footage/people.truth.json").read_text())
    people = [(start, end) for label, start, end in watched.visits if label == "person"]
    said = [f"{label} at {start:.1f} s, where only people are" for label, start, _ in watched.visits if label != "person"]
    for true_start, true_end in truth["visits"]:
        mine = [visit for visit in people if visit[0] < true_end and visit[1] > true_start]
        if not mine:
            said.append(f"missed: {true_start} s")
            continue
        if len(mine) > 1:
            said.append(f"told {len(mine)} times: {true_start} s, from {[round(start, 1) for start, _ in mine]}")
        if abs(mine[0][0] - true_start) > START_S:
            said.append(f"begins at {mine[0][0]:.1f} s, not {true_start} s")
        people = [visit for visit in people if visit not in mine]
    return said + [f"false: {start:.1f} to {end:.1f} s" for start, end in people]
