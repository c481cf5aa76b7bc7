"""Which events of two lists mean the same visit, as a table."""

import pytest

from guardian.events.matching import match
from guardian.model.event import Event
from guardian.model.time import SECOND_US
from tests.support.recorded import T0, event


def made(words: str, first: int) -> list[Event]:
    """`person 0-10, car 5-8` as events; an open end lasts."""
    events = []
    for at, word in enumerate(filter(None, words.split(", "))):
        label, times = word.split(" ")
        start, _, end = times.partition("-")
        end_us = T0 + int(end) * SECOND_US if end else None
        events.append(event(T0 + int(start) * SECOND_US, end_us, label=label, number=first + at))
    return events


@pytest.mark.parametrize(
    ("before", "after", "matched", "missed", "new"),
    [
        ("", "", 0, 0, 0),
        ("person 0-10", "person 1-9", 1, 0, 0),
        ("person 0-10", "car 0-10", 0, 1, 1),
        ("car 0-10", "vehicle 2-10", 1, 0, 0),
        ("person 0-10", "person 11-20", 1, 0, 0),
        ("person 0-10", "person 12-20", 0, 1, 1),
        ("person 0-30", "person 0-8, person 12-30", 1, 0, 1),
        ("person 0-10, person 20-30", "person 2-28", 1, 1, 0),
        ("person 5-", "person 90-95", 1, 0, 0),
        ("person 0-10, person 8-20", "person 0-9, person 9-20", 2, 0, 0),
    ],
    ids=["nothing", "same", "other kind", "kin", "within the slack", "apart", "split", "joined", "lasting", "each once"],
)
def test_visits_are_paired(before: str, after: str, matched: int, missed: int, new: int) -> None:
    found = match(made(before, 1), made(after, 100))
    assert (len(found.matched), len(found.missed), len(found.new)) == (matched, missed, new)


def test_the_longest_common_time_wins() -> None:
    (long, short) = made("person 0-30, person 28-33", 1)
    (one,) = made("person 5-32", 100)
    found = match([short, long], [one])
    assert found.matched == ((long, one),)
    assert found.missed == (short,)
