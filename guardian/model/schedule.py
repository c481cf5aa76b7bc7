"""Hours of the week, in the local time of a place. Nothing here reads a clock: the moment is passed in, as UTC.

A window belongs to the day on which it begins: `fri 22:00-06:00` ends on Saturday morning. The hands of the clock on the
wall decide: an hour that comes twice when summer time ends counts twice, one that is left out does not come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_MIN = 24 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_EXAMPLES = "Write it like `mon-fri 08:00-18:00`, `sat,sun` or `22:00-06:00`."


@dataclass(frozen=True, slots=True)
class Window:
    """From `start_min` to `end_min` (minutes after midnight; an end at or before the start is of the next day) on days that
    begin it, Monday being 0."""

    days: frozenset[int]
    start_min: int
    end_min: int

    def holds(self, weekday: int, minute: float) -> bool:
        """Say whether a local moment lies inside."""
        if self.end_min > self.start_min:
            return weekday in self.days and self.start_min <= minute < self.end_min
        begun_today = weekday in self.days and minute >= self.start_min
        return begun_today or ((weekday - 1) % 7 in self.days and minute < self.end_min)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Windows in the local time of `zone`; no windows: always."""

    windows: tuple[Window, ...] = ()
    zone: tzinfo = UTC

    def holds(self, utc_us: int) -> bool:
        """Say whether a moment lies in one of the windows."""
        if not self.windows:
            return True
        local = (_EPOCH + timedelta(microseconds=utc_us)).astimezone(self.zone)
        minute = local.hour * 60 + local.minute + local.second / 60
        return any(window.holds(local.weekday(), minute) for window in self.windows)


ALWAYS = Schedule()


def window_of(text: str) -> Window:
    """Return the window that `mon-fri 08:00-18:00`, `sat,sun` or `22:00-06:00` says; ValueError says what is wrong."""
    words = text.lower().split()
    if not words or len(words) > 2:
        raise ValueError(f"{text!r} is no time of the week. {_EXAMPLES}")
    hours = words[-1] if ":" in words[-1] else ""
    names = "" if hours and len(words) == 1 else words[0]
    if len(words) == 2 and not hours:
        raise ValueError(f"{words[1]!r} are no hours. {_EXAMPLES}")
    start, end = _hours(hours) if hours else (0, DAY_MIN)
    return Window(_days(names) if names else frozenset(range(7)), start, end)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        found.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(found)


def _day(text: str) -> int:
    for number, name in enumerate(DAYS):
        if len(text) >= 3 and name.startswith(text):
            return number
    raise ValueError(f"{text!r} is no weekday. Days: {', '.join(name[:3] for name in DAYS)}")


def _hours(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not dash:
        raise ValueError(f"{text!r} has no end. {_EXAMPLES}")
    start, end = _minute(first), _minute(last)
    if start == DAY_MIN:
        raise ValueError(f"{text!r} begins at the end of the day: write 00:00 of the next")
    if start == end:
        raise ValueError(f"{text!r} is no time at all: for the whole day write 00:00-24:00")
    return start, end


def _minute(text: str) -> int:
    match = _TIME.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else DAY_MIN + 1
    if minute > DAY_MIN:
        raise ValueError(f"{text!r} is no time of the day. Times go from 00:00 to 24:00")
    return minute
