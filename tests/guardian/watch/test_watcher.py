"""The thread: never in the recorder's way, and its events reach the report with a sealed picture."""

import threading
import time
from datetime import UTC

import numpy as np
import pytest
from guardian_bytetrack.tracker import ByteTracker

from guardian.model.messages import InferReply, ModelReady
from guardian.model.vision import Box, Detection
from guardian.platform.clock import SystemClock
from guardian.processes.watching import make_watcher
from guardian.settings.schema import DetectSettings
from guardian.watch.stream_watch import FramePace
from guardian.watch.watcher import Intake, _Run
from tests.support.footage import stream, video
from tests.support.plain_sealer import PlainSealer, scan

MODEL = ModelReady("fake", "fake", "fake", 64, 64, "rgb", 0, ("person",), 0.4)


class Finds:
    """Inference that sees the bright bar as a person; answers at once, on a thread of its own, or never."""

    model = MODEL

    def __init__(self, hang=False, apart=False):
        self.hang, self.apart, self.answered = hang, apart, 0

    def submit(self, pictures, on_done):
        if self.hang:
            return True
        found = tuple(self._look(picture) for picture in pictures)
        if self.apart:
            threading.Thread(target=self._answer, args=(on_done, found)).start()
        else:
            self._answer(on_done, found)
        return True

    def _answer(self, on_done, found):
        on_done(InferReply(1, found))
        self.answered += 1

    def _look(self, picture):
        bright = np.argwhere(picture[:30, :, 1] > 235)
        if len(bright) < 20:
            return ()
        x1, x2 = bright[:, 1].min() / 64, (bright[:, 1].max() + 1) / 64
        return (Detection("person", 0.9, Box(float(x1), 0.0, float(x2), 0.5)),)


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def begin(tmp_path):
    watchers, reports = [], []

    def make(infer):
        watchers.append(
            make_watcher(
                camera="front",
                options=DetectSettings(fps=15, end_after_s=1.0),
                clock=SystemClock(),
                infer=infer,
                tracker=ByteTracker(),
                sealer=PlainSealer(),
                pictures_dir=tmp_path,
                report=reports.append,
                zone=UTC,
            ).watcher
        )
        return watchers[-1], reports

    yield make
    for watcher in watchers:
        watcher.close()


T0 = 1_795_392_000_000_000


def play(watcher, frames=24):
    info, samples = stream(video(frames=frames))
    watcher.configure(info, T0)
    for sample in samples:
        watcher.push(sample, T0 + sample.dts * 100 // 9)


def test_an_event_is_told_and_its_picture_lies_sealed_where_it_says(begin, tmp_path):
    watcher, reports = begin(Finds())
    play(watcher)
    wait_for(lambda: reports)
    start = reports[0]
    assert (start.what, start.event.label, start.event.camera) == ("start", "person", "front")
    assert start.event.snapshot == f"front/2026-11-23/{start.event.id}.pgp"
    sealed = scan(tmp_path / start.event.snapshot)
    assert sealed.complete
    assert sealed.contents[0][:3] == b"\xff\xd8\xff"
    assert (tmp_path / start.event.snapshot).stat().st_mode & 0o777 == 0o600
    assert len(list((tmp_path / start.event.snapshot).parent.iterdir())) == 1


def test_an_event_ends_though_no_more_frames_come(begin):
    watcher, reports = begin(Finds())
    play(watcher)
    wait_for(lambda: [r for r in reports if r.what == "end"])
    end = reports[-1].event
    assert T0 < end.end_us <= T0 + 1_600_000


def test_answers_from_another_thread_are_taken_in_and_closing_ends_events(begin):
    infer = Finds(apart=True)
    watcher, reports = begin(infer)
    info, samples = stream(video(frames=24))
    watcher.configure(info, T0)
    for index, sample in enumerate(samples):
        watcher.push(sample, T0)
        wait_for(lambda count=index: watcher.stats().frames > count and infer.answered == watcher.stats().looks)
    wait_for(lambda: reports)
    watcher.close()
    watcher.close()
    assert reports[-1].what == "end"


def test_inference_that_never_answers_stops_nothing(begin):
    watcher, reports = begin(Finds(hang=True))
    play(watcher, 60)
    wait_for(lambda: watcher.stats().frames >= 50)
    stats = watcher.stats()
    assert stats.looks == 1
    assert stats.refused_looks > 10
    assert stats.detect_fps > 0
    assert reports == []


def test_damaged_samples_and_other_failures_are_survived(begin):
    watcher, reports = begin(Finds())
    info, samples = stream(video(frames=30))
    watcher.configure(info, T0)
    for index, sample in enumerate(samples):
        watcher.push(sample if index % 7 != 3 else type(sample)("video", b"\x00\x00", sample.dts, 0, 0, False, 0), T0)
    wait_for(lambda: reports)
    assert watcher.stats().frames > 5


def test_when_behind_it_goes_on_at_the_next_keyframe_and_counts():
    info, samples = stream(video(frames=45))
    intake = Intake(most=20)
    intake.begin(_Run(info, 0))
    for sample in samples:
        intake.push(sample)
    taken = []
    while items := intake.take(0.0):
        taken += items
    assert isinstance(taken[0], _Run)
    assert taken[1].is_key
    assert len(taken) - 1 + intake.dropped == 45
    assert taken[1:] == samples[30:45]


def test_nothing_is_taken_before_a_keyframe():
    info, samples = stream(video(frames=20))
    intake = Intake()
    intake.begin(_Run(info, 0))
    for sample in samples[3:]:
        intake.push(sample)
    intake.take(0.0)
    (first,) = intake.take(0.0)
    assert first.is_key
    assert intake.dropped == 12


@pytest.mark.parametrize(
    ("source", "wanted", "expected"), [(10, 5, 5), (15, 5, 5), (25, 5, 5), (30, 5, 5), (3, 5, 3), (12, 5, 5)]
)
def test_the_pace_is_kept_whatever_the_source_gives(source, wanted, expected):
    pace = FramePace(wanted)
    taken = sum(pace.takes(round(i * 1e6 / source)) for i in range(source * 20))
    assert taken / 20 == pytest.approx(expected, rel=0.1)


def test_the_pace_survives_time_going_back():
    pace = FramePace(5)
    assert pace.takes(10_000_000)
    assert pace.takes(1_000_000)
    assert not pace.takes(1_100_000)
