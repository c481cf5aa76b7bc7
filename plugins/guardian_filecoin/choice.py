"""Which footage is archived. Pure: spans that something happened in, against segments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from guardian.sdk import LASTING_US, Event, Hold, SegmentRecord

SECOND_US = 1_000_000
FORGET_AFTER_US = 2 * 3600 * SECOND_US  # a segment of the span's end is sealed within minutes; a restart may take longer


@dataclass(frozen=True, slots=True)
class Wish:
    """What the owner wants to be archived."""

    everything: bool
    protected: bool
    labels: frozenset[str]
    cameras: frozenset[str]
    streams: frozenset[str]
    before_us: int
    after_us: int

    def of_camera(self, camera: str) -> bool:
        """Say whether a camera's footage may be archived at all."""
        return not self.cameras or camera in self.cameras

    def span_of_event(self, event: Event) -> WishedSpan | None:
        """Return what to archive of an event that is over."""
        if event.label not in self.labels or not self.of_camera(event.camera) or event.end_us is None:
            return None
        return WishedSpan(f"event {event.id}", event.camera, event.start_us - self.before_us, event.end_us + self.after_us)

    def span_of_hold(self, hold: Hold) -> WishedSpan | None:
        """Return what to archive of protected footage."""
        if not self.protected or not self.of_camera(hold.camera):
            return None
        return WishedSpan(f"hold {hold.id}", hold.camera, hold.start_us, hold.end_us)

    def wants(self, segment: SegmentRecord, spans: Iterable[WishedSpan]) -> bool:
        """Say whether a sealed segment is to be archived."""
        header = segment.header
        if header.stream not in self.streams or not self.of_camera(header.camera) or not segment.complete:
            return False
        return self.everything or any(span.covers(segment) for span in spans)


@dataclass(frozen=True, slots=True)
class WishedSpan:
    """A span of a camera's footage. `why` names its event or hold: told again, it is replaced."""

    why: str
    camera: str
    start_us: int
    end_us: int

    def covers(self, segment: SegmentRecord) -> bool:
        """Say whether a segment shares a moment with it."""
        header = segment.header
        return header.camera == self.camera and header.start_utc_us < self.end_us and segment.end_utc_us > self.start_us

    def is_over(self, now_us: int) -> bool:
        """Say whether no segment can come any more that shares a moment with it."""
        return self.end_us < LASTING_US and self.end_us + FORGET_AFTER_US < now_us


def fill(sizes: Sequence[int], most: int) -> int:
    """Return how many of the oldest fit together. 0 where the first alone is too large."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > most:
            return count
    return len(sizes)
