"""A constant-velocity Kalman filter for boxes: centre, width and height, each with its own speed.

The four coordinates do not influence each other in this model (as in SORT, Bewley et al. 2016, and ByteTrack), so each
is a filter of two states and the arithmetic is on arrays of four. Noise is white acceleration (Bar-Shalom, Li and
Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001, section 6.2.3), in units of the box's size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEASURE = 1 / 15  # boxes of a still person jitter by this share of their size, measured on 60 s of one standing
ACCELERATION = np.array([1.5, 1.5, 0.5, 0.5])  # sizes a second a second: people start and stop within a second
FIRST_SPEED = np.array([1.0, 0.5, 0.3, 0.3])  # sizes a second
LEAST_SIZE = 0.01
MOST_DT_S = 2.0


class BoxFilter:
    """State of one box. Coordinates as (centre x, centre y, width, height)."""

    def __init__(self, measured: Floats) -> None:
        self.place = measured.copy()
        self.speed = np.zeros(4)
        size = self._size()
        self._pp, self._pv, self._vv = (MEASURE * size) ** 2, np.zeros(4), (FIRST_SPEED * size) ** 2

    def predict(self, dt_s: float) -> None:
        """Let time pass."""
        dt = min(max(dt_s, 0.0), MOST_DT_S)
        noise = (ACCELERATION * self._size()) ** 2
        self.place = self.place + self.speed * dt
        self._pp = self._pp + 2 * dt * self._pv + dt * dt * self._vv + noise * dt**4 / 4
        self._pv = self._pv + dt * self._vv + noise * dt**3 / 2
        self._vv = self._vv + noise * dt * dt
        self.place[2:] = np.maximum(self.place[2:], LEAST_SIZE)

    def correct(self, measured: Floats) -> None:
        """Take where it was found."""
        total = self._pp + (MEASURE * self._size()) ** 2
        gain_place, gain_speed = self._pp / total, self._pv / total
        off = measured - self.place
        self.place = self.place + gain_place * off
        self.speed = self.speed + gain_speed * off
        self._vv = self._vv - gain_speed * self._pv
        self._pv = (1 - gain_place) * self._pv
        self._pp = (1 - gain_place) * self._pp

    def slow(self, share: float) -> None:
        """Lose speed: what is not seen is more likely to have stopped behind something than to have gone on for long."""
        self.speed = self.speed * share

    def _size(self) -> Floats:
        width, height = np.maximum(self.place[2:], LEAST_SIZE)
        return np.array([width, height, width, height])
