"""Barking: short loud bursts out of near silence, most of their energy from 400 Hz to 3 kHz, several within a few seconds.

Speech has longer stretches, hardly falls back to the background between syllables, and much of its energy below 300 Hz;
clapping and hammering have no such band; notes of music die away slowly.
"""

from __future__ import annotations

from dataclasses import dataclass

RISE_DB = 18.0  # over the background within one frame or two
BACK_DB = 9.0  # and back to within this of it
SHORTEST_S, LONGEST_S = 0.075, 0.5
TOGETHER_S = 4.0
LEAST = 3
IN_BAND, MOST_LOW = 0.6, 0.2
LEAST_FALL_DB_S = 60.0  # a room with half a second of reverberation lets it fall by 120; a piano's string by 25


@dataclass(slots=True)
class _Burst:
    start_s: float
    frames: int = 0
    in_band: float = 0.0
    low: float = 0.0
    peak_db: float = 0.0
    strong_until_s: float = 0.0

    def add(self, at_s: float, over_db: float, in_band: float, low: float) -> None:
        self.frames, self.in_band, self.low = self.frames + 1, self.in_band + in_band, self.low + low
        self.peak_db = max(self.peak_db, over_db)
        if over_db >= self.peak_db - 6:
            self.strong_until_s = at_s


@dataclass(frozen=True, slots=True)
class Barking:
    """Bursts that belong together."""

    score: float
    start_s: float
    end_s: float


class BarkBursts:
    """Takes one frame after the other."""

    def __init__(self) -> None:
        self._burst: _Burst | None = None
        self._heard: list[tuple[float, float]] = []

    def push(self, at_s: float, over_db: float, in_band: float, low: float) -> Barking | None:
        """Take a frame: how far over the background, and its shares of the bark's band and of low tones."""
        one = self._burst
        if one is None:
            if over_db < RISE_DB:
                return None
            one = self._burst = _Burst(at_s)
        if over_db > BACK_DB:
            one.add(at_s, over_db, in_band, low)
            return None
        self._burst = None
        return self._over(one, at_s, over_db)

    def _over(self, one: _Burst, at_s: float, over_db: float) -> Barking | None:
        fits = SHORTEST_S <= at_s - one.start_s <= LONGEST_S
        fits = fits and one.peak_db - 6 - over_db >= LEAST_FALL_DB_S * (at_s - one.strong_until_s)
        if not fits or one.in_band / one.frames < IN_BAND or one.low / one.frames > MOST_LOW:
            if at_s - one.start_s > LONGEST_S:
                self._heard = []  # something long is going on
            return None
        self._heard = [(a, b) for a, b in self._heard if at_s - b <= TOGETHER_S]
        self._heard.append((one.start_s, at_s))
        if len(self._heard) < LEAST:
            return None
        score = min(0.8, 0.45 + 0.05 * len(self._heard))
        return Barking(score, self._heard[0][0], at_s)
