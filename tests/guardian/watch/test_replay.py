"""Time in a replay is the footage's own: silence ends what lasted, gaps cost nothing and count for nothing."""

from typing import Any

from guardian.model.event import Event, EventState
from guardian.model.media import Sample
from guardian.model.messages import EventReport
from guardian.model.time import SECOND_US
from guardian.watch.replay import FootageClock, Replay

T0 = 1_000 * SECOND_US


class FakeWatcher:
    """Writes down what it is told, and at what time."""

    def __init__(self, clock: FootageClock, report: Any, keep: Any) -> None:
        self.clock, self.report = clock, report
        self.seen: list[float] = []
        self.silences: list[float] = []
        self.closed = False

    def _at_s(self) -> float:
        return (self.clock.now().utc_us - T0) / SECOND_US

    def configure(self, info: object, start_us: int) -> None:
        self.started_us = start_us

    def push(self, sample: Sample, utc_us: int) -> None:
        self.seen.append((utc_us - T0) / SECOND_US)
        assert self.clock.now().utc_us >= utc_us

    def turn(self, *, silent: bool = False) -> None:
        if silent:
            self.silences.append(self._at_s())

    def stats(self) -> None:
        return None

    def close(self) -> None:
        self.closed = True


def replay() -> tuple[Replay, FakeWatcher]:
    made: list[FakeWatcher] = []

    def make(clock: FootageClock, report: Any, keep: Any) -> Any:
        made.append(FakeWatcher(clock, report, keep))
        return made[0]

    return Replay(make), made[0] if made else made.pop()


def sample(at_s: float, kind: Any = "video") -> Sample:
    return Sample(kind, b"x", round(at_s * 90_000), 0, 6_000, True, 0)


def test_frames_come_at_their_own_times() -> None:
    one, watcher = replay()
    one.begin(None, T0)  # type: ignore[arg-type]
    for at_s in (0.0, 0.2, 0.4):
        one.push(sample(at_s))
    one.push(sample(0.4, "audio"))
    done = one.end()
    assert (watcher.seen, watcher.silences, watcher.closed) == ([0.0, 0.2, 0.4], [], True)
    assert (done.frames, done.footage_us) == (3, 400_000)


def test_a_gap_is_a_silent_camera_and_no_footage() -> None:
    one, watcher = replay()
    one.begin(None, T0)  # type: ignore[arg-type]
    one.push(sample(0.0))
    one.push(sample(10.0))
    one.begin(None, T0 + 86_400 * SECOND_US)  # type: ignore[arg-type]
    one.push(sample(0.0))
    assert watcher.silences[0] == 1.0
    assert watcher.silences[17] == 9.5
    assert len(watcher.silences) < 150, "a day's gap is not waited out"
    assert one.end().footage_us == 0


def test_a_clock_that_was_set_back_stands_still() -> None:
    one, watcher = replay()
    one.begin(None, T0)  # type: ignore[arg-type]
    one.push(sample(5.0))
    one.begin(None, T0)  # type: ignore[arg-type]
    one.push(sample(0.0))
    assert watcher.clock.now().utc_us == T0 + 5 * SECOND_US
    assert watcher.silences == []


def test_events_are_told_once_as_they_ended_without_a_picture() -> None:
    one, watcher = replay()
    event = Event("b", "front", "person", 0.5, T0 + 9, None, EventState.ACTIVE, snapshot="replay")
    earlier = Event("a", "front", "cat", 0.5, T0, T0 + 5, EventState.ENDED)
    for what, told in (("start", event), ("end", earlier)):
        watcher.report(EventReport(what, told))  # type: ignore[arg-type]
    assert [(told.id, told.snapshot) for told in one.end().events] == [("a", ""), ("b", "")]
