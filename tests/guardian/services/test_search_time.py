"""Times in plain words, as a table, by the reader's clock."""

from datetime import datetime, timedelta, timezone

import pytest

from guardian.services.search_time import understand_time

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=timezone(timedelta(hours=1)))  # a Wednesday


@pytest.mark.parametrize(
    ("sentence", "start", "end", "rest"),
    [
        ("a person last night", "2026-11-24 18:00", "2026-11-25 06:00", "a person"),
        ("yesterday", "2026-11-24 00:00", "2026-11-25 00:00", ""),
        ("cat yesterday evening at the door", "2026-11-24 18:00", "2026-11-25 00:00", "cat at the door"),
        ("car yesterday in the morning", "2026-11-24 05:00", "2026-11-24 12:00", "car"),
        ("today", "2026-11-25 00:00", "2026-11-26 00:00", ""),
        ("this morning", "2026-11-25 05:00", "2026-11-25 12:00", ""),
        ("tonight", "2026-11-25 18:00", "2026-11-26 06:00", ""),
        ("dog in the last 3 hours", "2026-11-25 07:30", "2026-11-25 10:30", "dog"),
        ("the past hour", "2026-11-25 09:30", "2026-11-25 10:30", ""),
        ("last 2 days", "2026-11-23 10:30", "2026-11-25 10:30", ""),
        ("on monday", "2026-11-23 00:00", "2026-11-24 00:00", ""),
        ("monday night", "2026-11-23 18:00", "2026-11-24 06:00", ""),
        ("wednesday", "2026-11-25 00:00", "2026-11-26 00:00", ""),
        ("last wednesday", "2026-11-18 00:00", "2026-11-19 00:00", ""),
        ("this week", "2026-11-23 00:00", "2026-11-30 00:00", ""),
        ("last week", "2026-11-16 00:00", "2026-11-23 00:00", ""),
        ("on 2026-11-20 in the evening", "2026-11-20 18:00", "2026-11-21 00:00", ""),
    ],
)
def test_a_time_is_understood(sentence, start, end, rest):
    when = understand_time(sentence, NOW)
    assert when.span is not None
    assert [f"{moment:%Y-%m-%d %H:%M}" for moment in when.span] == [start, end]
    assert all(moment.tzinfo is NOW.tzinfo for moment in when.span)
    assert when.rest == rest


def test_at_three_in_the_morning_last_night_is_not_over():
    now = NOW.replace(hour=3)
    assert understand_time("last night", now).span == (now.replace(day=24, hour=18, minute=0), now)


@pytest.mark.parametrize("sentence", ["a red car", "on 2026-13-45", "nightingale", ""])
def test_no_time_is_no_time(sentence):
    assert understand_time(sentence, NOW) == type(understand_time("", NOW))(None, "", sentence)
