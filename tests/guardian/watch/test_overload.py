"""More to watch than this machine can: what is told stays soon, and what is left out is counted."""

from collections import deque
from dataclasses import replace

import av
import numpy as np
import pytest
from guardian_bytetrack.tracker import ByteTracker

from guardian.events.lifecycle import EventLifecycle
from guardian.model.messages import InferReply, ModelReady
from guardian.model.vision import Box, Track
from guardian.processes.watching import rules_of, watch_rules_of
from guardian.settings.schema import DetectSettings
from guardian.watch.decode import Picture
from guardian.watch.pipeline import WatchPipeline
from guardian.watch.watcher import MOST_WAIT_US, Intake, _Run
from tests.guardian.watch.test_gate import Play, S
from tests.guardian.watch.test_stream_watch import film

STEP = 200_000
SOON = 20_000  # what a look takes whose answer comes before the next frame


class Slow:
    """Inference that answers when it is told to."""

    model = ModelReady("fake", "fake", "fake", 64, 64, "rgb", 0, ("person",), 0.4)

    def __init__(self):
        self.asked = deque()
        self.squares = []
        self.now_us = 0

    def submit(self, pictures, on_done):
        self.squares.append(len(pictures))
        self.asked.append((on_done, len(pictures)))
        return True

    def answer(self):
        on_done, count = self.asked.popleft()
        on_done(InferReply(1, ((),) * count))


@pytest.fixture
def watched():
    infer, options = Slow(), DetectSettings()
    pipeline = WatchPipeline(
        watch_rules_of(options),
        infer=infer,
        tracker=ByteTracker(),
        events=EventLifecycle("front", rules_of(options), lambda: "event"),
        keep=lambda wish, picture: "",
        report=lambda report: None,
        now_us=lambda: infer.now_us,
    )
    return infer, pipeline


def frames(pipeline, count, after=0, corners=0):
    """Show frames in each of which something has moved; `corners`: in so many of a larger frame's."""
    for n in range(after, after + count):
        height, width = (600, 1000) if corners else (192, 320)
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = 90
        for top, at in ((20, 20), (20, 900), (500, 20), (500, 900))[:corners] or ((60, 0),):
            left = at + (6 * (n % 10) if corners else 8 * (n % 30))
            planes[top : top + 60, left : left + 40] = 200
        yield n
        pipeline.step(Picture(av.VideoFrame.from_ndarray(planes, format="yuv420p"), n * STEP))


def show(watched, count, after, every, *, corners=0):
    """Show frames; every so many of them all answers come (0: none do). Returns the most that waited at once."""
    infer, pipeline = watched
    most = 0
    for n in frames(pipeline, count, after, corners):
        most = max(most, len(infer.asked))
        if every and n % every == 0:
            infer.now_us += SOON if every == 1 else 0
            while infer.asked:
                infer.answer()
        infer.now_us = n * STEP
    return max(most, len(infer.asked))


def test_when_answers_come_late_one_look_waits_at_a_time_and_when_they_are_soon_again_two(watched):
    once_a_second = 5
    assert show(watched, 5, 0, 0) == 1, "nobody knows yet"
    show(watched, 30, 5, 1)
    assert show(watched, 4, 35, 0) == 2
    show(watched, 26, 39, once_a_second)
    assert show(watched, 30, 65, once_a_second) == 1
    show(watched, 30, 95, 1)
    assert show(watched, 4, 125, 0) == 2


def test_when_answers_come_late_a_look_has_few_squares(watched):
    infer, _ = watched
    show(watched, 60, 0, 1, corners=4)
    assert max(infer.squares[-20:]) == 6, "one a corner, and the whole frame now and then"
    show(watched, 60, 60, 5, corners=4)
    assert set(infer.squares[-9:]) == {2}


def test_a_look_has_as_many_squares_as_come_back_in_time(watched):
    infer, pipeline = watched
    for n in frames(pipeline, 60, corners=3):
        infer.now_us += 35_000 * (infer.squares[-1] if infer.asked else 0)  # three squares in 105 ms
        while infer.asked:
            infer.answer()
        infer.now_us = n * STEP
    assert max(infer.squares[-20:]) == 3


def test_a_still_picture_is_looked_at_closely_for_two_seconds_only_when_the_watch_is_behind():
    play = Play()
    calm_at = None
    for n in range(10 * 15):
        play.gate.packet(60_000 if n % 30 == 0 else 3_000, n % 30 == 0, n * S // 15, behind=n > 7)
        if not play.gate.awake:
            calm_at = n / 15
            break
        play.gate.looked(n * S // 15, moving=False, following=False)
    assert calm_at == pytest.approx(2.0, abs=0.1)


def test_what_waits_too_long_goes_but_for_the_last_keyframe_and_what_follows():
    info, samples = film(16)
    intake = Intake()
    intake.begin(_Run(info, 0))
    for n, sample in enumerate(samples):
        intake.push(replace(sample, arrived_us=1 + n * S // 15))
    taken = []
    while items := intake.take(0.0):
        taken += items
    assert taken[1].is_key
    assert taken[-1].arrived_us - taken[1].arrived_us <= MOST_WAIT_US
    assert len(taken) - 1 + intake.dropped == len(samples)
    assert 0 < intake.dropped < len(samples) - 60


def test_of_two_that_come_at_once_each_is_told_when_its_own_picture_is_there():
    class StandsThere:
        """A tracker that follows two people."""

        def update(self, utc_us, detections):
            return tuple(Track(n, "person", 0.9, Box(x, 0.3, x + 0.1, 0.9), 9, 0) for n, x in enumerate((0.1, 0.7)))

    infer, options, ids, happened = Slow(), DetectSettings(), iter("ab"), []
    pipeline = WatchPipeline(
        watch_rules_of(options),
        infer=infer,
        tracker=StandsThere(),
        events=EventLifecycle("front", rules_of(options), lambda: next(ids)),
        keep=lambda wish, picture: happened.append(("kept", wish.event_id)) or f"{wish.event_id}.pgp",
        report=lambda report: happened.append((report.what, report.event.id, report.event.snapshot)),
    )
    for _ in frames(pipeline, 12):
        while infer.asked and len(happened) < 4:
            infer.answer()
    first, second = happened[0][1], happened[2][1]
    assert {first, second} == {"a", "b"}
    assert happened[:4] == [
        ("kept", first),
        ("start", first, f"{first}.pgp"),
        ("kept", second),
        ("start", second, f"{second}.pgp"),
    ]
