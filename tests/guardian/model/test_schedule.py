"""Hours of the week against UTC, in tables: the wall's clock decides."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from guardian.model.schedule import ALWAYS, Schedule, Window, window_of

BERLIN, NEW_YORK, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6)


def holds(windows: str, zone, utc: str) -> bool:
    return Schedule(tuple(window_of(text) for text in windows.split("; ")), zone).holds(us(utc))


@pytest.mark.parametrize(
    ("text", "days", "start", "end"),
    [
        ("mon-fri 08:00-18:00", {0, 1, 2, 3, 4}, 480, 1080),
        ("Sat,Sun", {5, 6}, 0, 1440),
        ("22:00-06:00", set(range(7)), 1320, 360),
        ("fri-mon 0:00-24:00", {4, 5, 6, 0}, 0, 1440),
        ("monday,wed-thu 23:59-24:00", {0, 2, 3}, 1439, 1440),
        ("sun 12:00-00:00", {6}, 720, 0),
    ],
)
def test_what_is_written(text, days, start, end):
    assert window_of(text) == Window(frozenset(days), start, end)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no time of the week"),
        ("mon 08:00-18:00 now", "no time of the week"),
        ("someday", "no weekday"),
        ("m 08:00-10:00", "no weekday"),
        ("mon,,tue", "no weekday"),
        ("mon-fri 8-18", "no hours"),
        ("mon 25:00-26:00", "no time of the day"),
        ("08:60-09:00", "no time of the day"),
        ("08:00", "no end"),
        ("08:00-08:00", "no time at all"),
        ("24:00-06:00", "end of the day"),
        ("08:00-24:01", "no time of the day"),
    ],
)
def test_what_is_written_wrong(text, problem):
    with pytest.raises(ValueError, match=problem):
        window_of(text)


@pytest.mark.parametrize(
    ("windows", "zone", "utc", "inside"),
    [
        # 2026-11-27 is a Friday; Berlin is UTC+1 in winter
        ("mon-fri 08:00-18:00", BERLIN, "2026-11-27T06:59:59", False),
        ("mon-fri 08:00-18:00", BERLIN, "2026-11-27T07:00:00", True),
        ("mon-fri 08:00-18:00", BERLIN, "2026-11-27T16:59:59.999", True),
        ("mon-fri 08:00-18:00", BERLIN, "2026-11-27T17:00:00", False),
        ("mon-fri 08:00-18:00", BERLIN, "2026-11-28T10:00:00", False),
        # the same moment is another weekday elsewhere
        ("sat", BERLIN, "2026-11-27T23:00:00", True),
        ("sat", NEW_YORK, "2026-11-27T23:00:00", False),
        ("fri", NEW_YORK, "2026-11-28T04:59:59", True),
        ("10:00-11:00", KOLKATA, "2026-11-27T04:30:00", True),  # half an hour off
        # past midnight: the window is of the day it begins on
        ("fri 22:00-06:00", BERLIN, "2026-11-27T21:00:00", True),
        ("fri 22:00-06:00", BERLIN, "2026-11-28T04:59:59", True),
        ("fri 22:00-06:00", BERLIN, "2026-11-28T05:00:00", False),
        ("fri 22:00-06:00", BERLIN, "2026-11-27T04:00:00", False),  # Friday morning is of Thursday's
        ("sun 22:00-06:00", BERLIN, "2026-11-30T04:00:00", True),  # into Monday
        ("sun 12:00-00:00", BERLIN, "2026-11-29T22:59:59", True),
        ("sun 12:00-00:00", BERLIN, "2026-11-29T23:00:00", False),
        # several windows
        ("mon 08:00-09:00; fri 12:00-13:00", BERLIN, "2026-11-27T11:30:00", True),
        ("mon 08:00-09:00; fri 12:00-13:00", BERLIN, "2026-11-27T07:30:00", False),
        # summer time begins 2026-03-29: 02:00 is 03:00
        ("02:00-03:00", BERLIN, "2026-03-29T00:59:59", False),
        ("02:00-03:00", BERLIN, "2026-03-29T01:00:00", False),
        ("sun 03:00-04:00", BERLIN, "2026-03-29T01:00:00", True),
        ("sat 22:00-06:00", BERLIN, "2026-03-29T03:59:59", True),
        ("sat 22:00-06:00", BERLIN, "2026-03-29T04:00:00", False),  # an hour sooner than the day before
        # and ends 2026-10-25: 03:00 is 02:00 again
        ("02:00-03:00", BERLIN, "2026-10-24T23:59:59", False),
        ("02:00-03:00", BERLIN, "2026-10-25T00:00:00", True),
        ("02:00-03:00", BERLIN, "2026-10-25T01:30:00", True),
        ("02:00-03:00", BERLIN, "2026-10-25T02:00:00", False),
        ("mon-fri 08:00-18:00", BERLIN, "2026-10-26T07:00:00", True),
        ("mon-fri 08:00-18:00", BERLIN, "2026-10-23T06:00:00", True),
    ],
)
def test_moments(windows, zone, utc, inside):
    assert holds(windows, zone, utc) is inside


def test_no_windows_are_always():
    assert ALWAYS.holds(us("2026-11-27T00:00:00"))
