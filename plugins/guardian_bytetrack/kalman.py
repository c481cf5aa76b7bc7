"""A constant-velocity Kalman filter for boxes: centre, width and height, each with its own speed.

The four coordinates do not influence each other in this model (as in SORT, Bewley et al. 2016, and ByteTrack), so each
is a filter of two states. Arithmetic is on plain numbers: for four of them arrays cost several times as much. Noise is white acceleration (Bar-Shalom, Li and
Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001, section 6.2.3), in units of the box's size.
"""

from __future__ import annotations

from collections.abc import Sequence

MEASURE = 1 / 15  # boxes of a still person jitter by this share of their size, measured on 60 s of one standing
ACCELERATION = (1.5, 1.5, 0.5, 0.5)  # sizes a second a second: people start and stop within a second
FIRST_SPEED = (1.0, 0.5, 0.3, 0.3)  # sizes a second
LEAST_SIZE = 0.01
MOST_DT_S = 2.0
_FOUR = range(4)


class BoxFilter:
    """State of one box. Coordinates as (centre x, centre y, width, height)."""

    def __init__(self, measured: Sequence[float]) -> None:
        self.place = [float(value) for value in measured]
        self.speed = [0.0] * 4
        sizes = self._sizes()
        self._pp, self._pv = [(MEASURE * size) ** 2 for size in sizes], [0.0] * 4
        self._vv = [(FIRST_SPEED[i] * sizes[i]) ** 2 for i in _FOUR]

    def predict(self, dt_s: float) -> None:
        """Let time pass."""
        dt = min(max(dt_s, 0.0), MOST_DT_S)
        place, speed, pp, pv, vv, sizes = self.place, self.speed, self._pp, self._pv, self._vv, self._sizes()
        half, quarter = dt**3 / 2, dt**4 / 4
        for i in _FOUR:
            noise = (ACCELERATION[i] * sizes[i]) ** 2
            place[i] += speed[i] * dt
            pp[i] += 2 * dt * pv[i] + dt * dt * vv[i] + noise * quarter
            pv[i] += dt * vv[i] + noise * half
            vv[i] += noise * dt * dt
        place[2], place[3] = max(place[2], LEAST_SIZE), max(place[3], LEAST_SIZE)

    def correct(self, measured: Sequence[float]) -> None:
        """Take where it was found."""
        place, speed, pp, pv, vv, sizes = self.place, self.speed, self._pp, self._pv, self._vv, self._sizes()
        for i in _FOUR:
            total = pp[i] + (MEASURE * sizes[i]) ** 2
            gain_place, gain_speed = pp[i] / total, pv[i] / total
            off = measured[i] - place[i]
            place[i] += gain_place * off
            speed[i] += gain_speed * off
            vv[i] -= gain_speed * pv[i]
            pv[i] *= 1 - gain_place
            pp[i] *= 1 - gain_place

    def slow(self, share: float) -> None:
        """Lose speed: what is not seen is more likely to have stopped behind something than to have gone on for long."""
        self.speed = [value * share for value in self.speed]

    def _sizes(self) -> tuple[float, float, float, float]:
        width, height = max(self.place[2], LEAST_SIZE), max(self.place[3], LEAST_SIZE)
        return width, height, width, height
