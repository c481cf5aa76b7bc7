"""What is said of clocks that do not agree."""

import pytest

from guardian.protocol.clocks import apart, outside, span


@pytest.mark.parametrize(
    ("offset_s", "words"),
    [
        (0, ""), (59, ""), (-59, ""),
        (60, "the clock here is 1 minute ahead of the one of the relay"),
        (-3600.4, "the clock here is 1 hour behind the one of the relay"),
        (-86_399.2, "the clock here is 1 day behind the one of the relay"),
        (7100, "the clock here is 2 hours ahead of the one of the relay"),
        (86_400 * 3 + 5, "the clock here is 3 days ahead of the one of the relay"),
    ],
)  # fmt: skip
def test_who_is_apart_is_said_with_the_direction(offset_s, words):
    assert apart(offset_s, "the relay") == words


def test_what_is_not_in_force_is_said_by_whose_clock():
    assert outside(100, 200, 150, "it") == ""
    assert outside(7300, 9000, 100, "it") == "by the clock here it begins in 2 hours: a clock is wrong"
    assert outside(0, 100, 86_500, "it") == "by the clock here it ended 1 day ago: it did, or the clock here is ahead"


def test_a_time_is_said_in_the_largest_unit_that_it_fills():
    said = [span(seconds) for seconds in (20, 60, 202, 5400, 3 * 86_400 + 7000)]
    assert said == ["less than a minute", "1 minute", "3 minutes", "2 hours", "3 days"]
