"""A disk that fails under the recorder: writes, syncs and new files refused for one camera or for all, folders deleted underneath.

It says so, nothing becomes corrupt, nobody else notices, and recording goes on by itself. Faults are made by a library that is
preloaded (`bad_disk.c`); it needs gcc.
"""

from __future__ import annotations

import errno
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.house import camera, command, running, set_up
from tests.support.program import wait_for
from tests.torture.footage import Footage, gaps_s, of

pytestmark = [pytest.mark.torture, pytest.mark.timeout(240)]
CAMERAS = ("yard", "door")
AGAIN_S = 15.0
FAULTS = {
    "write": (errno.EIO, 0, 0),
    "sync": (0, errno.EIO, 0),
    "read-only": (errno.EROFS, errno.EROFS, errno.EROFS),
    "open": (0, 0, errno.EIO),
}


class BadDisk:
    """What the processes are told."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.write_bytes(bytes(128))

    def fail(self, fault: str, where: str) -> None:
        """Refuse calls on files whose path holds a text."""
        self._set(struct.pack("3i", *FAULTS[fault]) + where.encode().ljust(116, b"\0"))

    def heal(self) -> None:
        """Work again."""
        self._set(bytes(128))

    def _set(self, order: bytes) -> None:
        with self._file.open("r+b", buffering=0) as file:
            file.write(order)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    library = tmp_path / "bad_disk.so"
    source = Path(__file__).with_name("bad_disk.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-w", "-o", str(library), str(source), "-ldl"], check=True)
    disk = BadDisk(tmp_path / "order")
    monkeypatch.setenv("GUARDIAN_TEST_DISK", str(tmp_path / "order"))
    monkeypatch.setenv("LD_PRELOAD", str(library))
    return disk


@pytest.fixture
def data(tmp_path):
    cameras = [
        camera(one, "testpattern", {"width": 320, "height": 240, "fps": 10}, "record.segment_s = 5\n") for one in CAMERAS
    ]
    set_up(tmp_path / "data", "[storage]\nreserve_gb = 0\n" + "".join(cameras))
    return tmp_path / "data"


def records(program, *names):
    return all(program.camera(one)["recording"] for one in names or CAMERAS)


def pids(program):
    return {key: pid for key, pid in program.pids().items() if key != "inference detector"}


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("where", ["/segments/yard/", "/segments/"])
def test_faults(disk, data, fault, where, tmp_path):
    hit = CAMERAS if where == "/segments/" else ("yard",)
    with running(data) as program:
        wait_for(lambda: records(program), 30, "recording")
        time.sleep(3)
        alive, began_us = pids(program), time.time_ns() // 1000
        disk.fail(fault, where)
        for one in hit:
            told = wait_for(lambda one=one: program.camera(one)["problem"], 15, "a word on what is wrong")
            assert "could not be written" in told, told
            assert program.camera(one)["cure"]
            assert not program.camera(one)["recording"]
        time.sleep(3)
        assert program.get("/api/v1/system"), "it answers"
        disk.heal()
        wait_for(lambda: records(program), AGAIN_S, "recording again")
        assert not any(program.camera(one)["problem"] for one in CAMERAS)
        time.sleep(3)
        assert pids(program) == alive, "a process has died of it"
    footage = Footage(data)
    footage.open_all()
    fragments = footage.fragments()
    assert footage.tidy() == []
    assert footage.play_all(tmp_path) == []
    for one in set(CAMERAS) - set(hit):
        assert gaps_s(fragments, one, began_us) == [], f"{one} was not hit, and has a gap"
    assert all(of(fragments, one)[-1].start_utc_us > began_us + 8_000_000 for one in CAMERAS)
    checked = command("index", "check", "--data", str(data))
    assert checked["ok"], checked["items"]


def test_the_folder_is_deleted_underneath(data):
    with running(data) as program:
        wait_for(lambda: records(program), 30, "recording")
        time.sleep(7)
        alive = pids(program)
        shutil.rmtree(data / "segments")
        deleted_us = time.time_ns() // 1000
        time.sleep(12)
        assert records(program)
        assert pids(program) == alive, "a process has died of it"
        lacking = command("index", "check", "--data", str(data), code=1)["items"]
        assert {one["kind"] for one in lacking} == {"file_missing"}, lacking
    with running(data) as program:
        wait_for(lambda: records(program), 30, "recording")
        time.sleep(2)
    footage = Footage(data)
    footage.open_all()
    assert footage.tidy() == []
    assert all(of(footage.fragments(), one)[0].start_utc_us < deleted_us + 8_000_000 for one in CAMERAS)
    checked = command("index", "check", "--data", str(data))
    assert checked["ok"], checked["items"]
