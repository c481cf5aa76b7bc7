from guardian.events.stationary import FORGET_US, Rest, StillPlaces
from guardian.model.vision import Box

HERE, NEAR, THERE = Box(0.4, 0.4, 0.6, 0.6), Box(0.42, 0.4, 0.62, 0.6), Box(0.6, 0.4, 0.8, 0.6)


def test_jitter_is_rest_and_a_step_is_not():
    rest = Rest(0, HERE)
    for t in range(1, 100):
        rest.see(t, (HERE, NEAR)[t % 2])
    assert (rest.since_us, rest.has_moved) == (0, False)
    rest.see(100, THERE)
    assert (rest.since_us, rest.has_moved) == (100, True)


def test_cars_rest_sooner_than_people():
    rest = Rest(0, HERE)
    assert rest.is_over(120_000_000, "car")
    assert not rest.is_over(120_000_000, "person")
    assert rest.is_over(600_000_000, "person")


def test_a_place_holds_until_its_thing_leaves_or_half_a_day_has_passed():
    places = StillPlaces()
    places.add(0, "car", HERE)
    assert places.holds(1, "vehicle", NEAR)
    assert not places.holds(1, "person", HERE)
    assert not places.holds(1, "car", THERE)
    assert not places.holds(FORGET_US + 2, "car", HERE)
    places.add(0, "car", HERE)
    places.leave("car", NEAR)
    assert not places.holds(1, "car", HERE)
