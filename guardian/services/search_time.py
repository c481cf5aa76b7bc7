"""When a sentence speaks of: "last night", "yesterday evening", "in the last 3 hours", "on Monday". Pure: now is passed in.

A night goes from 18:00 to 06:00, a morning from 05:00 to 12:00, an afternoon to 18:00, an evening to midnight.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PARTS = {"morning": (5, 12), "afternoon": (12, 18), "evening": (18, 24), "night": (18, 30)}
_PART = r"(?P<part>morning|afternoon|evening|night)"
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class When:
    """The span a sentence speaks of in local time (None: any), its own words for it, and the sentence without them."""

    span: Span | None
    words: str
    rest: str


def _day(now: datetime, back: int = 0) -> datetime:
    return datetime(now.year, now.month, now.day, tzinfo=now.tzinfo) - timedelta(days=back)


def _part(day: datetime, part: str | None) -> Span:
    first, last = PARTS.get(part or "", (0, 24))
    return day + timedelta(hours=first), day + timedelta(hours=last)


def _lately(found: re.Match[str], now: datetime) -> Span:
    count = int(found["count"] or 1)
    return now - timedelta(seconds=min(count, 10_000) * _UNITS[found["unit"]]), now


def _last_night(found: re.Match[str], now: datetime) -> Span:
    start, end = _part(_day(now, 1), "night")
    return start, end if now >= end else now


def _yesterday(found: re.Match[str], now: datetime) -> Span:
    return _part(_day(now, 1), found["part"])


def _today(found: re.Match[str], now: datetime) -> Span:
    return _part(_day(now), found["part"])


def _tonight(found: re.Match[str], now: datetime) -> Span:
    return _part(_day(now, 1 if now.hour < 6 else 0), "night")


def _weekday(found: re.Match[str], now: datetime) -> Span:
    back = (now.weekday() - DAYS.index(found["day"])) % 7
    if found["last"] and back == 0:
        back = 7
    return _part(_day(now, back), found["part"])


def _date(found: re.Match[str], now: datetime) -> Span:
    day = datetime.strptime(found["date"], "%Y-%m-%d").replace(tzinfo=now.tzinfo)
    return _part(day, found["part"])


def _this_week(found: re.Match[str], now: datetime) -> Span:
    back = now.weekday() + (7 if found["which"] == "last" else 0)
    return _day(now, back), _day(now, back) + timedelta(days=7)


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime], Span]], ...] = tuple(
    (re.compile(rf"\b{pattern}\b"), rule)
    for pattern, rule in (
        (r"(?:in |during |within |over )?the (?:last|past) (?:(?P<count>\d+) )?(?P<unit>minute|hour|day|week)s?", _lately),
        (r"(?:last|past) (?P<count>\d+) (?P<unit>minute|hour|day|week)s?", _lately),
        (rf"(?:on )?(?P<date>\d{{4}}-\d\d-\d\d)(?: (?:in the )?{_PART})?", _date),
        (r"(?:during )?last night", _last_night),
        (rf"yesterday(?: (?:in the )?{_PART})?", _yesterday),
        (r"tonight", _tonight),
        (rf"today(?: (?:in the )?{_PART})?", _today),
        (rf"this {_PART}", _today),
        (rf"(?:on )?(?P<last>last )?(?P<day>{'|'.join(DAYS)})(?: {_PART})?", _weekday),
        (r"(?P<which>this|last) week", _this_week),
    )
)


def understand_time(sentence: str, now: datetime) -> When:
    """Find when a sentence (lower case, single spaces) speaks of; `now` carries the reader's offset."""
    for pattern, rule in _RULES:
        found = pattern.search(sentence)
        if found is None:
            continue
        try:
            span = rule(found, now)
        except (ValueError, OverflowError):
            continue
        rest = f"{sentence[: found.start()]} {sentence[found.end() :]}"
        return When(span, found[0], " ".join(rest.split()))
    return When(None, "", sentence)
