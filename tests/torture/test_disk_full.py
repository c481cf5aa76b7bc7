"""A disk that is full: what is oldest goes first; where that does not help, recording pauses, says so, and resumes by itself.

Needs root, to mount a small file system; skips otherwise.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest

from guardian.model.time import from_rfc3339, to_rfc3339
from guardian.model.views import SpaceState
from guardian.services.space import WORDS
from tests.support.house import camera, command, running, set_up
from tests.support.program import guardian, wait_for
from tests.support.webhook import webhook
from tests.torture.footage import Footage, gaps_s, of

pytestmark = [pytest.mark.torture, pytest.mark.timeout(300)]
MB = 1_000_000
SIZE_MIB = 80
CAMERAS = ("yard", "door", "gate", "shed")
SEGMENT_S = "record.segment_s = 5\n"


def noise(path: Path, seconds: int = 10, fps: int = 10) -> Path:
    """Encode noise, which nothing can make small: some 4 Mb/s, a keyframe a second."""
    dice = np.random.default_rng(1)
    with av.open(str(path), "w") as out:
        video = out.add_stream(
            "libx264", rate=fps, options={"preset": "ultrafast", "x264-params": f"keyint={fps}:bframes=0:scenecut=0"}
        )
        video.width, video.height, video.pix_fmt, video.bit_rate = 640, 360, "yuv420p", 4_000_000
        for _ in range(seconds * fps):
            frame = av.VideoFrame.from_ndarray(dice.integers(0, 255, (540, 640), np.uint8), format="yuv420p")
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


class Hog:
    """Another program's file, which takes all room there is and all that comes free."""

    def __init__(self, folder: Path) -> None:
        self._path, self._done = folder / "hog", threading.Event()
        self._thread: threading.Thread | None = None

    def _eat(self) -> None:
        with self._path.open("ab", buffering=0) as file:
            while not self._done.is_set():
                for size in (1 << 20, 1 << 12):
                    with contextlib.suppress(OSError):
                        while not self._done.is_set():
                            file.write(b"x" * size)
                self._done.wait(0.05)

    def start(self) -> None:
        """Begin to eat."""
        self._done.clear()
        self._thread = threading.Thread(target=self._eat, daemon=True)
        self._thread.start()

    def rest(self) -> None:
        """Keep what it has, and take no more."""
        self._done.set()
        if self._thread is not None:
            self._thread.join(10)

    def stop(self) -> None:
        """Give everything back."""
        self.rest()
        self._path.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "guardian-torture", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    hog = Hog(folder)
    try:
        yield folder, hog
    finally:
        hog.stop()
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def hook():
    with webhook() as (url, told):
        yield url, told


@pytest.fixture
def data(disk, tmp_path, hook):
    video = noise(tmp_path / "noise.mp4")
    folder = disk[0] / "data"
    cameras = "".join(camera(name, "file", {"path": str(video)}, SEGMENT_S) for name in CAMERAS)
    told = f'[notify.phone]\nkind = "webhook"\nsettings = {{ url = "{hook[0]}" }}\n'
    set_up(folder, "[storage]\nreserve_gb = 0\n" + cameras + told)
    return folder


def free_mb(folder):
    return shutil.disk_usage(folder).free / MB


def record_all(program):
    return all(program.camera(name)["recording"] for name in CAMERAS)


def protect(program, data):
    """Protect the oldest footage of the first camera; return its files and what they hold."""
    oldest = wait_for(lambda: program.get(f"/api/v1/cameras/{CAMERAS[0]}/recordings")["items"], 10, "footage")[0]
    begin_us = from_rfc3339(oldest["start"])
    span = {"camera": CAMERAS[0], "start": oldest["start"], "end": to_rfc3339(begin_us + 4_000_000)}
    assert program.request("/api/v1/holds", method="POST", body=span)[0] == 201
    files = sorted((data / "segments" / CAMERAS[0]).rglob("*.pgs"))[:1]
    wait_for(lambda: len(sorted((data / "segments" / CAMERAS[0]).rglob("*.pgs"))) > 1, 20, "the next file")
    return {path: path.read_bytes() for path in files}


def grown(footage, since_us):
    fragments = footage.fragments()
    return all(of(fragments, name) and of(fragments, name)[-1].start_utc_us > since_us for name in CAMERAS)


def is_well(data, footage, tmp_path):
    """Everything of a folder that nobody writes to any more is whole, opens and plays."""
    assert footage.tidy() == []
    footage.open_all()
    assert footage.play_all(tmp_path) == []
    checked = command("index", "check", "--data", str(data))
    assert (checked["ok"], checked["being_written"]) == (True, 0), checked


def test_the_oldest_goes_first_and_recording_goes_on(data, tmp_path, hook):
    footage = Footage(data)
    with running(data) as program:
        wait_for(lambda: record_all(program), 20, "recording")
        wait_for(lambda: footage.fragments(), 20, "footage")
        held = protect(program, data)
        first = {name for name in footage.fragments() if data / "segments" / name not in held}
        wait_for(lambda: first.isdisjoint(footage.fragments()), 120, "the end of the oldest footage")
        last_us = time.time_ns() // 1000
        wait_for(lambda: grown(footage, last_us), 10, "newer footage")
        storage = program.get("/api/v1/system")["storage"]
        assert (storage["state"], storage["protected_bytes"]) == ("making_room", sum(map(len, held.values())))
        assert {path: path.read_bytes() for path in held} == held, "protected footage has gone, or changed"
        (line,) = [one for one in program.request("/metrics")[1].decode().splitlines() if 'state="making_room"' in one]
        assert line.endswith(" 1.0")
        wait_for(lambda: hook[1], 10, "the notification")
        fragments = {name: table for name, table in footage.fragments().items() if data / "segments" / name not in held}
        assert [gaps_s(fragments, name) for name in CAMERAS] == [[]] * len(CAMERAS), (
            "something newer than the oldest has gone"
        )
        starts = [of(fragments, name)[0].start_utc_us / 1e6 for name in CAMERAS]
        assert max(starts) - min(starts) < 15, "one camera paid for the other"
        assert free_mb(data) > 5
    assert [one["title"] for one in hook[1]] == [WORDS[SpaceState.MAKING_ROOM]]
    is_well(data, footage, tmp_path)


def test_recording_pauses_says_so_and_resumes_when_there_is_room(data, disk, tmp_path, hook):
    footage = Footage(data)
    with running(data) as program:
        wait_for(lambda: record_all(program), 20, "recording")
        held = protect(program, data)
        disk[1].start()
        wait_for(lambda: not any(program.camera(name)["recording"] for name in CAMERAS), 30, "the pause")
        said = wait_for(lambda: program.get("/api/v1/system")["recording_paused"], 20, "the reason")
        assert "free" in said
        for name in CAMERAS:
            state = wait_for(
                lambda name=name: program.camera(name) if program.camera(name)["recording_paused"] else None, 10, "its state"
            )
            assert state["recording"] is False
            assert state["state"] == "running", "the camera itself is well"
        pids = program.pids()
        time.sleep(10)
        assert program.pids() == pids, "a process died of the full disk"
        os.kill(pids["camera yard"], signal.SIGKILL)
        wait_for(lambda: program.pids().get("camera yard") not in (None, pids["camera yard"]), 10, "a new process")
        wait_for(lambda: program.camera("yard")["recording_paused"], 10, "the pause of a camera that has just started")
        assert program.get("/api/v1/vault")["unlocked"] is True
        assert program.request("/login")[0] == 200
        assert program.get("/api/v1/system")["storage"]["state"] == "paused"
        assert {path: path.read_bytes() for path in held} == held, "protected footage has gone, or changed"
        disk[1].stop()
        freed, freed_us = time.monotonic(), time.time_ns() // 1000
        wait_for(lambda: grown(footage, freed_us), 20, "recording again")
        print(f"recorded again {time.monotonic() - freed:.1f} s after there was room", flush=True)
        wait_for(lambda: program.get("/api/v1/system")["recording_paused"] == "", 10, "no pause")
        wait_for(lambda: record_all(program), 10, "recording")
        time.sleep(6)
        wait_for(lambda: hook[1] and hook[1][-1]["title"] == WORDS[SpaceState.OK], 10, "the good news")
    titles = [one["title"] for one in hook[1]]
    assert titles.count(WORDS[SpaceState.PAUSED]) == 1
    assert {path: path.read_bytes() for path in held} == held
    is_well(data, footage, tmp_path)


def test_it_starts_on_a_full_disk_and_records_when_there_is_room(data, disk, tmp_path):
    footage = Footage(data)
    with running(data) as program:
        token = program.token
        wait_for(lambda: record_all(program), 20, "recording")
        time.sleep(7)
    disk[1].start()
    wait_for(lambda: free_mb(data) < 0.01, 20, "a full disk")
    disk[1].rest()
    assert command("index", "check", "--data", str(data), code=1)["error"]["code"] == "disk_full"
    with guardian("run", "--data", str(data), data=data, token=token) as program:
        assert program.url, (program.first_line, program.log)
        disk[1].start()
        wait_for(lambda: program.get("/api/v1/system")["recording_paused"], 30, "the reason")
        disk[1].stop()
        freed_us = time.time_ns() // 1000
        wait_for(lambda: grown(footage, freed_us), 20, "recording")
        wait_for(lambda: record_all(program), 10, "recording")
    is_well(data, footage, tmp_path)
