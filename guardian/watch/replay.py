"""Footage through the very watcher that a camera's process runs, on the caller's thread and as fast as it goes.

Time is the footage's own: nothing here reads a clock, so the outcome depends on the footage and the settings alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from guardian.model.event import Event
from guardian.model.media import VIDEO_TIMESCALE, Sample, StreamInfo
from guardian.model.messages import EventReport
from guardian.model.picture import PictureWish
from guardian.model.time import SECOND_US, Instant
from guardian.watch.decode import Picture
from guardian.watch.watcher import SILENT_S, Watcher, WatchStats

NOT_KEPT = "replay"  # stands for a picture's path, so that events live as they would; no picture is written
Report = Callable[[EventReport], None]
Keep = Callable[[PictureWish, Picture], str]
_SILENT_US = round(SILENT_S * SECOND_US)


class FootageClock:
    """Implements `platform.clock.Clock`: both clocks show the time of the footage, and only go forward."""

    def __init__(self) -> None:
        self._now_us = 0

    def show(self, utc_us: int) -> None:
        """It is this time now."""
        self._now_us = max(self._now_us, utc_us)

    def now(self) -> Instant:
        """Read both clocks."""
        return Instant(self._now_us, self._now_us)

    def mono_s(self) -> float:
        """Monotonic seconds."""
        return self._now_us / SECOND_US

    def elapsed_s(self) -> float:
        """Monotonic seconds."""
        return self.mono_s()

    async def sleep(self, seconds: float) -> None:
        """Wait: the footage goes on."""
        self._now_us += round(seconds * SECOND_US)


@dataclass(slots=True)
class Replayed:
    """What came out. `frames`: pictures that the footage holds. Times in UTC microseconds."""

    events: tuple[Event, ...] = ()
    frames: int = 0
    footage_us: int = 0
    stats: WatchStats | None = None


class Replay:
    """One camera's footage, once. `make(clock, report, keep)` returns a watcher without a thread of its own."""

    def __init__(
        self,
        make: Callable[[FootageClock, Report, Keep], Watcher],
    ) -> None:
        self._clock = FootageClock()
        self._found: dict[str, Event] = {}
        self._watcher = make(self._clock, self._report, lambda wish, picture: NOT_KEPT)
        self._start_us = 0
        self._last_us: int | None = None
        self._frames = self._footage_us = 0

    def _report(self, report: EventReport) -> None:
        self._found[report.event.id] = report.event

    def stats(self) -> WatchStats:
        """Return what was done so far."""
        return self._watcher.stats()

    def begin(self, info: StreamInfo, start_us: int) -> None:
        """A run begins: the clock of its samples counts from this moment."""
        self._start_us = start_us
        self._watcher.configure(info, start_us)

    def push(self, sample: Sample) -> None:
        """Watch the next sample."""
        if sample.kind != "video":
            return
        utc_us = self._start_us + sample.dts * SECOND_US // VIDEO_TIMESCALE
        self._pass_time(utc_us)
        self._frames += 1
        self._watcher.push(sample, utc_us)
        self._watcher.turn()

    def _pass_time(self, utc_us: int) -> None:
        """Let the camera be silent where the footage is, so that what it saw ends as it did then."""
        last_us, self._last_us = self._last_us, utc_us
        if last_us is None or utc_us <= last_us:
            self._clock.show(utc_us)
            return
        at_us = last_us + _SILENT_US
        silent = at_us < utc_us
        while at_us < min(utc_us, last_us + 60 * SECOND_US):  # whatever lasted has ended long before
            self._clock.show(at_us)
            self._watcher.turn(silent=True)
            at_us += _SILENT_US // 2
        self._clock.show(utc_us)
        if not silent:
            self._footage_us += utc_us - last_us

    def end(self) -> Replayed:
        """The footage is over: events that go on end where they were last seen."""
        self._watcher.close()
        told = [replace(event, snapshot="") for event in self._found.values()]
        events = tuple(sorted(told, key=lambda event: event.start_us))
        return Replayed(events, self._frames, self._footage_us, self._watcher.stats())
