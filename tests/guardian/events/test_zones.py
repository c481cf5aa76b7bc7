"""In which zones a thing stands."""

import pytest

from guardian.events.zones import zones_of
from guardian.model.vision import Box
from guardian.model.zone import Zone

LOWER = Zone("lower", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))
CATS = Zone("cats", LOWER.points, frozenset({"cat"}))
RIGHT = Zone("right", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))


@pytest.mark.parametrize(
    ("box", "label", "names"),
    [
        (Box(0.1, 0.1, 0.2, 0.6), "person", ("lower",)),
        (Box(0.1, 0.1, 0.2, 0.4), "person", ()),
        (Box(0.1, 0.1, 0.2, 0.6), "cat", ("lower", "cats")),
        (Box(0.7, 0.3, 0.9, 1.0), "person", ("lower", "right")),
        (Box(0.4, 0.6, 0.56, 0.9), "person", ("lower",)),
    ],
)
def test_the_foot_decides(box, label, names):
    assert zones_of(box, label, (LOWER, CATS, RIGHT)) == names
