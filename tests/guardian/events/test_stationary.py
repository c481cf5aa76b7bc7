"""Rest and moving on, and places of things that stand."""

import pytest

from guardian.events.stationary import FORGET_US, Rest, StillPlaces
from guardian.model.vision import Box

S = 1_000_000


def at(x, y=0.5, size=0.1):
    return Box(x, y, x + size, y + size)


@pytest.mark.parametrize(
    ("label", "after_s", "over"), [("car", 119, False), ("car", 120, True), ("person", 120, False), ("person", 600, True)]
)
def test_how_long_a_thing_must_stand(label, after_s, over):
    rest = Rest(0, at(0.3))
    for second in range(after_s + 1):
        rest.see(second * S, at(0.3 + 0.01 * (second % 2)))
    assert rest.is_over(after_s * S, label) is over
    assert not rest.has_moved


def test_moving_on_begins_the_rest_anew():
    rest = Rest(0, at(0.3))
    rest.see(100 * S, at(0.34))
    assert rest.has_moved
    assert rest.since_us == 100 * S


def test_slow_drift_is_no_movement_but_a_slow_walk_is():
    drift, walk = Rest(0, at(0.1)), Rest(0, at(0.1))
    for step in range(400):
        drift.see(step * S // 5, at(0.1 + 0.0003 * step))
        walk.see(step * S // 5, at(0.1 + 0.002 * step))
    assert not drift.has_moved
    assert walk.has_moved


def test_a_place_holds_its_thing_and_no_other():
    places = StillPlaces()
    places.add(0, "car", at(0.3))
    assert places.holds(S, "vehicle", at(0.31)), "the same thing, named differently"
    assert not places.holds(S, "person", at(0.3))
    assert not places.holds(S, "car", at(0.4))


def test_a_place_is_free_once_its_thing_has_left():
    places = StillPlaces()
    places.add(0, "car", at(0.3))
    places.leave("car", at(0.3))
    assert not places.holds(S, "car", at(0.3))


def test_a_place_is_forgotten_when_nothing_was_seen_there_for_long():
    places = StillPlaces()
    places.add(0, "car", at(0.3))
    assert places.holds(FORGET_US - S, "car", at(0.3))
    assert places.holds(2 * FORGET_US - 2 * S, "car", at(0.3)), "each sight counts"
    assert not places.holds(4 * FORGET_US, "car", at(0.3))
