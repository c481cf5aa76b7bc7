import pytest

from guardian.model.vision import Box
from guardian.model.zone import Zone

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
