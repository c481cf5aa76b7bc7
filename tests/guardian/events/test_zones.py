from guardian.events.zones import zones_of
from guardian.model.vision import Box
from guardian.model.zone import Zone

LAWN = Zone("lawn", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))


def test_the_foot_decides():
    assert zones_of(Box(0.4, 0.1, 0.5, 0.7), "person", [LAWN]) == ("lawn",)
    assert zones_of(Box(0.4, 0.1, 0.5, 0.45), "person", [LAWN]) == ()


def test_a_thing_cut_off_below_still_stands_in_the_zone():
    assert zones_of(Box(0.4, 0.6, 0.5, 1.0), "person", [LAWN]) == ("lawn",)
