import pytest

from guardian.model.vision import Box
from guardian.model.zone import Line, Mask, Zone, area, crosses_itself

L_SHAPE = Zone("path", ((0.1, 0.1), (0.9, 0.1), (0.9, 0.5), (0.5, 0.5), (0.5, 0.9), (0.1, 0.9)))


@pytest.mark.parametrize(
    ("x", "y", "inside"), [(0.2, 0.2, True), (0.8, 0.8, False), (0.8, 0.4, True), (0.3, 0.8, True), (0.05, 0.5, False)]
)
def test_a_concave_zone_knows_its_inside(x, y, inside):
    assert L_SHAPE.contains(x, y) is inside


def test_boxes_overlap_by_intersection_over_union():
    assert Box(0, 0, 0.2, 0.2).iou(Box(0.1, 0, 0.3, 0.2)) == pytest.approx(1 / 3)
    assert Box(0, 0, 0.1, 0.1).iou(Box(0.5, 0.5, 0.6, 0.6)) == 0
    assert Box(0.2, 0.2, 0.4, 0.8).foot == pytest.approx((0.3, 0.8))


@pytest.mark.parametrize(
    ("points", "crosses"),
    [
        (((0, 0), (1, 0), (1, 1), (0, 1)), False),
        (((0, 0), (1, 1), (1, 0), (0, 1)), True),  # a bow tie
        (((0, 0), (1, 0), (1, 1)), False),
        (((0, 0), (1, 0), (1, 1), (0.5, 0.0), (0, 1)), True),  # a corner on another side
        (((0, 0), (0.8, 0), (0.4, 0), (0.4, 1)), True),  # goes back on itself
        (((0, 0), (0.5, 0.5), (1, 0), (1, 1), (0, 1)), False),
    ],
)
def test_an_outline_that_crosses_itself(points, crosses):
    assert crosses_itself(points) is crosses
    assert crosses_itself(points[::-1]) is crosses


def test_sides_of_a_line():
    across = Line("across", (0.2, 0.5), (0.8, 0.5))  # from left to right: its right is below
    assert [across.side(0.5, y) for y in (0.4, 0.5, 0.6)] == ["left", "right", "right"]
    assert across.is_crossed((0.5, 0.4), (0.5, 0.6))
    assert not across.is_crossed((0.9, 0.4), (0.9, 0.6))
    assert across.depth(0.5, 0.7, 0.1, 0.4) == pytest.approx(0.5)  # half a height


def test_depth_counts_in_the_size_of_the_thing():
    zone = Zone("z", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    assert zone.depth(0.45, 0.5, 0.1, 0.4) == pytest.approx(0.5)
    assert zone.depth(0.6, 0.5, 0.1, 0.4) == pytest.approx(1.0)


def test_areas():
    assert area(((0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5))) == 0.25
    assert area(((0, 0), (0.5, 0.5), (1, 1))) == 0


def test_masks_hide_labels():
    mask = Mask(((0, 0), (0.5, 0), (0.5, 1), (0, 1)), frozenset({"car"}))
    assert mask.hides("car", 0.2, 0.5)
    assert not mask.hides("car", 0.7, 0.5)
    assert not mask.hides("cat", 0.2, 0.5)
