"""Whatever moves wherever in whatever frame: squares lie inside it, are large enough, few, and hold what they are for."""

from hypothesis import example, given
from hypothesis import strategies as st

from guardian.model.vision import Box
from guardian.watch.regions import FEW, MOST, plan, whole

SIZES = [(1920, 1080), (768, 576), (640, 640), (480, 640), (3840, 1080)]
unit = st.floats(0, 1)


@st.composite
def boxes(draw):
    x1, x2 = sorted((draw(unit), draw(unit)))
    y1, y2 = sorted((draw(unit), draw(unit)))
    return Box(x1, y1, x2, y2)


@example((1920, 1080), [], [Box(0, 0, 0, 1), Box(0.3217775365753269, 0.087, 0.3877460084778358, 0.615)], FEW)  # 1080.6 px
@given(st.sampled_from(SIZES), st.lists(boxes(), max_size=8), st.lists(boxes(), max_size=4), st.sampled_from([FEW, MOST]))
def test_regions_are_squares_inside_the_frame_that_hold_the_middle_of_each_box(size, motion, tracks, most):
    width, height = size
    regions = plan(width, height, motion, tracks, 300, most)
    assert len(regions) <= max(most, len(whole(width, height)))
    assert bool(regions) == bool(motion or tracks)
    for region in regions:
        b = region.box
        assert -1e-9 <= b.x1 < b.x2 <= 1 + 1e-9
        assert -1e-9 <= b.y1 < b.y2 <= 1 + 1e-9
        assert abs(b.width * width - b.height * height) < 1.5
        assert b.width * width >= min(300, width, height) - 1
    for box in (*motion, *tracks):
        x, y = box.centre
        assert any(r.box.x1 - 1e-6 <= x <= r.box.x2 + 1e-6 and r.box.y1 - 1e-6 <= y <= r.box.y2 + 1e-6 for r in regions)
