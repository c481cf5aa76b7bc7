"""A displaced picture is put back; what moves within it does not matter."""

import cv2
import numpy as np
import pytest

from guardian.watch.shift import ShiftEstimator, is_everywhere, put_back

RANDOM = np.random.default_rng(3)
SCENE = cv2.GaussianBlur(RANDOM.integers(0, 255, (260, 420), np.uint8), (0, 0), 2).astype(np.float32)


def view(x, y):
    return np.ascontiguousarray(SCENE[40 + y : 220 + y, 50 + x : 370 + x])


@pytest.mark.parametrize(("x", "y"), [(0, 0), (3, -2), (-10, 4), (40, 20)])
def test_a_shift_is_measured(x, y):
    measured = ShiftEstimator().between(view(0, 0), view(x, y))
    assert measured == pytest.approx((-x, -y), abs=0.5)


def test_a_person_and_a_lamp_do_not_matter():
    now = view(6, 3) + 30
    now[60:160, 100:150] = 0
    assert ShiftEstimator().between(view(0, 0), now) == pytest.approx((-6, -3), abs=0.5)


def test_unrelated_pictures_have_none():
    other = RANDOM.integers(0, 255, (180, 320)).astype(np.float32)
    assert ShiftEstimator().between(view(0, 0), other) is None


def test_put_back_it_is_the_picture_that_was():
    back, there = put_back(view(7, -5), (-7, 5))
    assert there.mean() > 0.9
    assert np.abs(back - view(0, 0))[there > 0].max() < 1


def test_everywhere_is_all_over_and_not_much_in_one_place():
    mask = np.zeros((180, 320), np.uint8)
    mask[:, :100] = 1
    assert not is_everywhere(mask)
    mask[:] = 0
    mask[::10] = 1
    assert is_everywhere(mask)


def test_measuring_changes_neither_picture():
    before, now = view(0, 0), view(3, 1)
    ShiftEstimator().between(before, now)
    assert np.array_equal(before, view(0, 0))
    assert np.array_equal(now, view(3, 1))
