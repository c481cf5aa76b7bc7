import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.model.time import Instant, Span, from_rfc3339, to_rfc3339


def test_offsets_are_turned_into_utc():
    assert from_rfc3339("2026-11-23T08:15:00.25+01:00") == from_rfc3339("2026-11-23T07:15:00.250Z")


@given(st.integers(0, 4_000_000_000_000))
def test_milliseconds_survive_the_way_there_and_back(milliseconds):
    assert from_rfc3339(to_rfc3339(milliseconds * 1000)) == milliseconds * 1000


@pytest.mark.parametrize(
    "text", ["", "2026-11-23", "2026-11-23T08:15:00", "2026-13-23T08:15:00Z", "now", "2026-11-23T08:15:00Z; drop"]
)
def test_what_is_no_time_with_an_offset_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        from_rfc3339(text)


def test_spans_that_only_touch_do_not_overlap():
    assert not Span(0, 10).overlaps(Span(10, 20))
    assert Span(0, 11).overlaps(Span(10, 20))
    assert Span(3, 10).duration_us == 7


def test_an_instant_moves_on_both_clocks():
    assert Instant(100, 7).after(-5) == Instant(95, 2)
