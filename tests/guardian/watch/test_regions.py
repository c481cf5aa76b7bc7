"""Which squares of a frame are looked at."""

import itertools

import pytest

from guardian.model.vision import Box
from guardian.watch.regions import LEAST_SHARE, MOST, plan, whole

HD = (1280, 720)


def pixels(region, size=HD):
    box = region.box
    return box.x1 * size[0], box.y1 * size[1], box.x2 * size[0], box.y2 * size[1]


def holds(region, box):
    r = region.box
    return r.x1 <= box.x1 + 1e-9 and r.y1 <= box.y1 + 1e-9 and r.x2 >= box.x2 - 1e-9 and r.y2 >= box.y2 - 1e-9


@pytest.mark.parametrize(
    ("size", "count"),
    [((1280, 720), 2), ((720, 1280), 2), ((640, 480), 2), ((500, 500), 1), ((1920, 540), 4), ((704, 576), 2)],
)
def test_the_whole_frame_is_covered_by_squares(size, count):
    regions = whole(*size)
    assert len(regions) == count
    for region in regions:
        x1, y1, x2, y2 = pixels(region, size)
        assert x2 - x1 == pytest.approx(y2 - y1)
        assert 0 <= region.box.x1 <= region.box.x2 <= 1
    wide = size[0] > size[1]
    edges = sorted((r.box.x1, r.box.x2) if wide else (r.box.y1, r.box.y2) for r in regions)
    assert edges[0][0] == 0
    assert edges[-1][1] == pytest.approx(1)
    assert all(b[0] <= a[1] for a, b in itertools.pairwise(edges)), "no gap"


def test_nothing_to_look_at():
    assert plan(*HD, [], [], 300) == ()


@pytest.mark.parametrize(
    "box",
    [
        Box(0.4, 0.4, 0.45, 0.5),
        Box(0.0, 0.0, 0.05, 0.1),
        Box(0.95, 0.9, 1.0, 1.0),
        Box(0.3, 0.2, 0.5, 0.8),
    ],
)
def test_one_square_around_what_moves_inside_the_frame(box):
    (region,) = plan(*HD, [box], [], 300)
    x1, y1, x2, y2 = pixels(region)
    assert x2 - x1 == pytest.approx(y2 - y1)
    assert x2 - x1 >= LEAST_SHARE * 720 - 1e-6
    assert min(x1, y1) >= 0
    assert x2 <= 1280.001
    assert y2 <= 720.001
    assert holds(region, box)
    assert region.why == "motion"


def test_a_square_is_no_smaller_than_the_network_takes_where_the_frame_allows():
    (region,) = plan(*HD, [Box(0.5, 0.5, 0.52, 0.52)], [], 640)
    x1, _, x2, _ = pixels(region)
    assert x2 - x1 == pytest.approx(640)
    (region,) = plan(320, 240, [Box(0.5, 0.5, 0.52, 0.52)], [], 640)
    assert pixels(region, (320, 240))[3] == pytest.approx(240)


def test_what_lies_together_is_looked_at_once_and_a_track_names_it():
    regions = plan(*HD, [Box(0.40, 0.4, 0.45, 0.6), Box(0.46, 0.4, 0.5, 0.6)], [Box(0.41, 0.4, 0.47, 0.7)], 300)
    assert [region.why for region in regions] == ["track"]


def test_what_lies_far_apart_is_looked_at_apart():
    regions = plan(*HD, [Box(0.05, 0.4, 0.1, 0.6), Box(0.9, 0.4, 0.95, 0.6)], [], 300)
    assert len(regions) == 2


def test_too_much_to_look_at_is_looked_at_whole():
    wide = (4000, 600)
    boxes = [Box(x / 10, 0.4, x / 10 + 0.02, 0.6) for x in range(0, 10, 2)]
    regions = plan(*wide, boxes, [], 300)
    assert len(boxes) > MOST
    assert {region.why for region in regions} == {"floor"}


def test_where_squares_are_too_many_the_nearest_become_one_and_the_far_one_keeps_its_size():
    near = [Box(x / 10, 0.45, x / 10 + 0.02, 0.55) for x in (0, 2, 4, 6)]
    regions = plan(3000, 1500, [*near, Box(0.02, 0.95, 0.04, 1.0), Box(0.97, 0.0, 0.99, 0.05)], [], 300)
    assert 1 < len(regions) <= MOST
    assert {region.why for region in regions} == {"motion"}
    sides = sorted(region.box.width * 3000 for region in regions)
    assert sides[0] == pytest.approx(LEAST_SHARE * 1500)
