"""One thing found in several squares is told once."""

import pytest

from guardian.model.vision import Box, Detection
from guardian.watch.merge import Found, merge

FRAME = Box(0, 0, 1, 1)
LEFT, RIGHT = Box(0, 0, 0.5625, 1), Box(0.4375, 0, 1, 1)


def found(box, label="person", score=0.8, looked_at=FRAME):
    return Found(Detection(label, score, box), looked_at)


def told(*several):
    return [(one.label, one.box) for one in merge(several)]


WHOLE = Box(0.5, 0.3, 0.6, 0.8)


def test_two_sights_of_one_thing_leave_the_better():
    twin = Box(0.505, 0.3, 0.605, 0.79)
    assert told(found(twin, score=0.6), found(WHOLE, score=0.8, looked_at=RIGHT)) == [("person", WHOLE)]


def test_a_part_goes_even_when_its_score_is_better():
    part = Box(0.5, 0.3, 0.5625, 0.8)
    assert told(found(part, score=0.95, looked_at=LEFT), found(WHOLE, looked_at=RIGHT)) == [("person", WHOLE)]


def test_a_part_alone_stays():
    part = Box(0.5, 0.3, 0.5625, 0.8)
    assert told(found(part, looked_at=LEFT)) == [("person", part)]


def test_at_the_frames_own_edge_nothing_is_cut():
    assert not found(Box(0.0, 0.5, 0.2, 1.0), looked_at=LEFT).is_cut
    assert found(Box(0.4, 0.5, 0.56, 1.0), looked_at=LEFT).is_cut


@pytest.mark.parametrize(
    ("other", "label", "count"),
    [(WHOLE, "dog", 2), (Box(0.62, 0.3, 0.72, 0.8), "person", 2), (Box(0.55, 0.55, 0.6, 0.8), "person", 2)],
)
def test_what_is_another_thing_stays(other, label, count):
    assert len(merge([found(WHOLE), found(other, label, 0.7)])) == count


def test_names_of_one_kin_are_one_thing():
    assert told(found(WHOLE, "car", 0.7), found(WHOLE, "vehicle", 0.6)) == [("car", WHOLE)]
