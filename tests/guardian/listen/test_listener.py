"""Listening beside recording: it never blocks, drops what is too old, and names a detector that fails or hangs."""

import threading
import time

import pytest

from guardian.events.sounds import SoundEvents
from guardian.listen import listener as module
from guardian.listen.listener import Listener
from guardian.model.media import Codec, Packet
from guardian.model.sound import Sound
from guardian.platform.clock import SystemClock
from tests.support.footage import sound
from tests.support.program import wait_for

TRACK, PACKETS = sound(Codec.AAC, seconds=1.0)


class Hears:
    def __init__(self, act=lambda: None):
        self.blocks, self.act = 0, act

    def hear(self, utc_us, samples):
        self.act()
        self.blocks += 1
        return [Sound("bark", 0.6, utc_us, utc_us + 100_000)]


@pytest.fixture
def listening():
    made = []

    def start(*detectors):
        reports = []
        events = SoundEvents("door", frozenset(), 60_000_000, lambda: "e1")
        names = [(f"d{number}", detector) for number, detector in enumerate(detectors)]
        made.append(Listener("door", names, events, reports.append, SystemClock()))
        return made[-1], reports

    yield start
    for one in made:
        one.close()


def feed(one, times=1):
    for turn in range(times):
        for data, at, _ in PACKETS:
            utc_us = 1_000_000 + turn * 1_000_000 + at * 1_000_000 // 48_000
            one.push(Packet("audio", data, at, at, 0, True, 0), TRACK, utc_us)


def test_what_is_heard_is_reported_once_and_ends_at_the_close(listening):
    ear = Hears()
    one, reports = listening(ear)
    feed(one)
    wait_for(lambda: ear.blocks >= 8, 5, "blocks")
    one.close()
    assert [report.what for report in reports if report.what != "update"] == ["start", "end"]
    assert one.problem() == ""


def test_a_detector_that_fails_is_left_out_and_named_and_others_hear_on(listening):
    def fail():
        raise ValueError("broken")

    broken, ear = Hears(fail), Hears()
    one, _ = listening(broken, ear)
    feed(one)
    wait_for(lambda: ear.blocks >= 8, 5, "blocks")
    assert "d0" in one.problem()
    assert broken.blocks == 0


def test_a_detector_that_hangs_holds_up_nobody_and_is_named(listening, monkeypatch):
    monkeypatch.setattr(module, "HUNG_S", 0.2)
    go_on = threading.Event()
    one, _ = listening(Hears(go_on.wait))
    began = time.monotonic()
    feed(one, times=30)
    assert time.monotonic() - began < 5
    assert one.dropped > 0
    wait_for(lambda: "d0 does not come back" in one.problem(), 5, "the problem")
    go_on.set()
