"""The wall clock jumps by hours and by years while cameras record: no overlap, no gap, nothing deleted, the timeline right.

Only Guardian's processes see the jumps, through a library that is preloaded (`wall_clock.c`); it needs gcc.
"""

from __future__ import annotations

import time

import pytest

from guardian.model.time import to_rfc3339
from tests.support.house import camera, command, running, set_up
from tests.support.program import wait_for
from tests.torture.clocks import WallClock, library
from tests.torture.footage import Footage, end_us, gaps_s, of

pytestmark = [pytest.mark.torture, pytest.mark.timeout(240)]
CAMERAS = ("yard", "door")
HOUR_US, YEAR_US = 3_600_000_000, 365 * 86_400_000_000
ROW_S = 8.0


@pytest.fixture
def clock(tmp_path, monkeypatch):
    clock = WallClock(tmp_path / "shift", library(tmp_path))
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    return clock


@pytest.fixture
def data(tmp_path):
    cameras = [
        camera(one, "testpattern", {"width": 320, "height": 240, "fps": 10}, "record.segment_s = 5\n") for one in CAMERAS
    ]
    (tmp_path / "nas").mkdir()
    nas = f'[storage.tiers.nas]\nsettings = {{ path = "{tmp_path}/nas" }}\ndays = 1\nreserve_gb = 0\n'
    set_up(tmp_path / "data", "[storage]\ndays = 1\nreserve_gb = 0\n" + nas + "".join(cameras))
    return tmp_path / "data"


def spans(program, name, start_us, end_us):
    query = f"start={to_rfc3339(start_us)}&end={to_rfc3339(end_us)}"
    return program.get(f"/api/v1/cameras/{name}/recordings?{query}")["items"]


def test_hours_and_years_forth_and_back(clock, data):
    with running(data) as program:
        wait_for(lambda: all(program.camera(one)["recording"] for one in CAMERAS), 30, "recording")
        began_us = time.time_ns() // 1000
        time.sleep(ROW_S)
        for shift_us in (HOUR_US, 0, -HOUR_US, 10 * YEAR_US, 0):
            clock.set(shift_us)
            assert program.get("/healthz"), "it answers"
            time.sleep(ROW_S)
        ended_us = time.time_ns() // 1000
        assert command("index", "check", "--data", str(data))["ok"]
        shown = {one: spans(program, one, began_us - 2 * HOUR_US, ended_us + 2 * HOUR_US) for one in CAMERAS}
        reconnects = {one: program.camera(one)["reconnects"] for one in CAMERAS}
    stopped_us = time.time_ns() // 1000
    footage = Footage(data)
    footage.open_all()
    fragments = footage.fragments()
    assert footage.tidy() == []
    for one in CAMERAS:
        rows = of(fragments, one)
        assert reconnects[one] == 0, "a jump ended a connection"
        assert gaps_s(fragments, one) == [], "footage overlaps, or has a gap"
        assert rows[0].start_utc_us < began_us + 1_000_000, "footage from before the jumps has been deleted"
        assert ended_us - 3_000_000 < end_us(rows[-1]) < stopped_us + 3_000_000, "the footage does not end when it ended"
        assert len(shown[one]) == 1, f"the timeline shows {shown[one]}"


def copies(data):
    return {path.name for path in (data.parent / "nas").rglob("*.pgs")}


def test_a_start_with_a_wrong_clock_deletes_nothing(clock, data, monkeypatch):
    with running(data) as program:
        wait_for(lambda: all(program.camera(one)["recording"] for one in CAMERAS), 30, "recording")
        wait_for(lambda: copies(data), 40, "copies at the other place")
    before, elsewhere = Footage(data).fragments(), copies(data)
    clock.set(10 * YEAR_US)
    with running(data) as program:
        wait_for(lambda: all(program.camera(one)["recording"] for one in CAMERAS), 30, "recording")
        time.sleep(ROW_S)
        monkeypatch.delenv("LD_PRELOAD")  # the kernel, which dates the files, knows nothing of that clock
        assert command("index", "check", "--data", str(data))["ok"]
    after = Footage(data).fragments()
    assert all(after.get(path) == rows for path, rows in before.items()), "footage was deleted for what a wrong clock said"
    assert elsewhere <= copies(data), "a copy was deleted for what a wrong clock said"
