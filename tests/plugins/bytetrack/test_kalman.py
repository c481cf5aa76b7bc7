"""The box filter against known motion."""

import numpy as np
import pytest
from guardian_bytetrack.kalman import BoxFilter

START = np.array([0.2, 0.5, 0.1, 0.3])


@pytest.mark.parametrize("step_s", [0.1, 0.2, 0.5])
def test_it_learns_a_constant_speed_whatever_the_pace(step_s):
    speed = np.array([0.08, -0.02, 0.0, 0.0])
    one = BoxFilter(START)
    for index in range(1, round(3 / step_s) + 1):
        one.predict(step_s)
        one.correct(START + speed * step_s * index)
    assert one.speed == pytest.approx(speed, abs=0.006)
    before = np.array(one.place)
    one.predict(0.5)
    assert one.place == pytest.approx(before + speed * 0.5, abs=0.004)


def test_it_smooths_the_jitter_of_a_still_box():
    random = np.random.default_rng(1)
    one, raw = BoxFilter(START), []
    smooth = []
    for _ in range(200):
        measured = START + random.normal(0, 0.005, 4)
        one.predict(0.2)
        one.correct(measured)
        raw.append(measured[0])
        smooth.append(one.place[0])
    assert np.std(smooth[20:]) < 0.9 * np.std(raw[20:])


def test_slowing_takes_speed_and_a_size_never_vanishes():
    one = BoxFilter(START)
    one.speed = [0.5, 0.0, -1.0, -1.0]
    one.slow(0.5)
    assert one.speed[0] == 0.25
    for _ in range(20):
        one.predict(2.0)
    assert min(one.place[2:]) > 0
