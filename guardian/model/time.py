"""Times: UTC in microseconds with the monotonic anchor read beside it. Local time exists only in a user's display."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z")


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment, read from both clocks at once.

    `utc_us`: microseconds since 1970 in UTC, which may jump. `mono_us`: microseconds of the monotonic clock of this
    boot, which may not: differences within one run of the machine are taken from it.
    """

    utc_us: int
    mono_us: int

    @property
    def utc_ms(self) -> int:
        """Milliseconds since 1970 in UTC, as machines tell each other."""
        return self.utc_us // 1000

    def after(self, duration_us: int) -> "Instant":
        """Return the instant `duration_us` later on both clocks (negative: earlier)."""
        return Instant(self.utc_us + duration_us, self.mono_us + duration_us)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch of time, [start_us, end_us), in UTC microseconds."""

    start_us: int
    end_us: int

    @property
    def duration_us(self) -> int:
        """Length in microseconds."""
        return self.end_us - self.start_us

    def overlaps(self, other: "Span") -> bool:
        """Say whether the two stretches share a moment."""
        return self.start_us < other.end_us and other.start_us < self.end_us


def to_rfc3339(utc_us: int) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds, for example `2026-11-23T08:15:00.250Z`."""
    moment = _EPOCH + timedelta(microseconds=utc_us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def from_rfc3339(text: str) -> int:
    """Return an RFC 3339 time as UTC microseconds; ValueError where it has no offset or is no such time."""
    if not _RFC3339.match(text):
        raise ValueError(f"{text!r} is not an RFC 3339 time with an offset, such as 2026-11-23T08:15:00Z")
    moment = datetime.fromisoformat(text.upper())
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND_US + delta.microseconds
