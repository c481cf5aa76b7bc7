"""Memory of each process (PSS), with watched and unwatched cameras, beside ffmpeg that records the same file."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from statistics import mean

import psutil
import pytest

from guardian.services.demo import CLIP
from tests.bench.figures import Figure, publish
from tests.support.house import camera, running, set_up
from tests.support.program import wait_for

BASE_MB, CAMERA_MB = 300.0, 80.0
WATCHED, RECORDED = ("one", "two"), ("three", "four")
SETTLE_S = float(os.environ.get("GUARDIAN_BENCH_SETTLE", "30"))
MB = 1e6

pytestmark = pytest.mark.bench


def pss_mb(pid: int) -> float:
    """Return a process's share of memory in MB."""
    return psutil.Process(pid).memory_full_info().pss / MB


def group(leader: int) -> set[int]:
    """Return every process of a program."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


@contextlib.contextmanager
def ffmpeg(folder: Path):
    """Record the clip with ffmpeg, in real time, without transcoding."""
    words = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(CLIP), "-c", "copy"]
    words += ["-f", "segment", "-segment_time", "60", str(folder / "%03d.mp4")]
    process = subprocess.Popen(words)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def test_memory(tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    source = {"path": str(CLIP)}
    watched = "".join(camera(name, "file", source).replace("enabled = false", "enabled = true") for name in WATCHED)
    set_up(tmp_path / "data", watched + "".join(camera(name, "file", source) for name in RECORDED))
    with running(tmp_path / "data") as program, ffmpeg(tmp_path) as recorder:
        wait_for(lambda: all(program.camera(name)["recording"] for name in (*WATCHED, *RECORDED)), 30, "recording")
        wait_for(lambda: program.get("/api/v1/events")["items"], 60, "an event")
        time.sleep(SETTLE_S)
        pids = program.pids()
        used = {name: round(pss_mb(pid), 1) for name, pid in pids.items()}
        helpers = sum(pss_mb(pid) for pid in group(program.process.pid) - {*pids.values()})
        theirs = round(pss_mb(recorder), 1)
    of = {
        kind: round(mean(used[f"camera {name}"] for name in names), 1) for kind, names in (("w", WATCHED), ("r", RECORDED))
    }
    conductor = used[next(name for name in used if name.startswith("conductor"))]
    inference = used["inference detector"]
    publish(
        "memory",
        Figure("base: conductor, inference and helpers", round(conductor + inference + helpers, 1), "MB", budget=BASE_MB),
        Figure("conductor", conductor, "MB"),
        Figure("inference", inference, "MB"),
        Figure("forkserver and resource tracker", round(helpers, 1), "MB"),
        Figure("a camera that is recorded and watched", of["w"], "MB", theirs, "ffmpeg, records only", CAMERA_MB),
        Figure("a camera that is recorded", of["r"], "MB", theirs, "ffmpeg", CAMERA_MB),
        processes=used,
        cameras=len(WATCHED) + len(RECORDED),
    )
