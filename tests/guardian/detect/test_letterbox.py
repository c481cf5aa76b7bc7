"""Boxes come back from a letterbox to where they were, and pixels land where the placement says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.detect.letterbox import letterbox, place
from guardian.model.vision import Box

SIZES = st.integers(1, 4000)


@given(SIZES, SIZES, st.integers(16, 1280), st.integers(16, 1280))
def test_the_source_lies_inside_and_touches_two_sides(source_width, source_height, width, height):
    left, top, w, h = place(source_width, source_height, width, height)
    assert left >= 0
    assert left + w <= width
    assert top >= 0
    assert top + h <= height
    assert w >= 1
    assert h >= 1
    assert w == width or h == height


@pytest.mark.parametrize("size", [(720, 1280), (1280, 720), (300, 300), (33, 1000), (1, 1), (1000, 7)])
def test_a_box_survives_the_round_trip(size):
    _, placement = letterbox(np.zeros((*size, 3), np.uint8), 416, 320, 114)
    box = Box(0.1, 0.2, 0.7, 0.9)
    back = placement.to_source(placement.to_letterbox(box))
    assert (back.x1, back.y1, back.x2, back.y2) == pytest.approx((0.1, 0.2, 0.7, 0.9), abs=1e-9)


def test_a_box_that_reaches_into_the_padding_is_cut_at_the_picture():
    _, placement = letterbox(np.zeros((100, 200, 3), np.uint8), 200, 200, 0)
    assert placement.to_source(Box(0.0, 0.0, 1.0, 1.0)) == Box(0.0, 0.0, 1.0, 1.0)
    assert placement.to_source(Box(0.5, 0.1, 0.6, 0.5)).y1 == 0.0


def test_a_mark_is_where_the_placement_says_and_the_rest_is_padding():
    source = np.zeros((360, 640, 3), np.uint8)
    source[90:270, 160:480] = 255
    out, placement = letterbox(source, 320, 320, 114)
    assert out.shape == (320, 320, 3)
    assert (out[:70] == 114).all()
    assert (out[250:] == 114).all()
    bright = np.argwhere(out[..., 0] > 200)
    box = placement.to_letterbox(Box(0.25, 0.25, 0.75, 0.75))
    (top, left), (bottom, right) = bright.min(axis=0) / 320, (bright.max(axis=0) + 1) / 320
    assert (left, top, right, bottom) == pytest.approx((box.x1, box.y1, box.x2, box.y2), abs=1.5 / 320)


def test_a_small_picture_is_enlarged_without_changing_its_proportions():
    out, placement = letterbox(np.full((10, 20, 3), 200, np.uint8), 300, 300, 0)
    assert (placement.width, placement.height) == (1.0, 0.5)
    assert (out[75:225] == 200).all()
