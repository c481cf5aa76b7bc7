"""Listens to one camera: frames go to the three rules, what they hear comes back as sounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from guardian.sdk import Sound
from guardian_audio_events.alarm import BANDS_HZ, AlarmRhythm
from guardian_audio_events.bursts import BarkBursts
from guardian_audio_events.config import AudioEventsConfig
from guardian_audio_events.spectrum import FLOOR_DB, FRAME, FRAME_S, Frame, analyse

PURE = 0.55  # an alarm heard over a television
PURE_LOW = 0.3  # of a 520 Hz square wave the ground tone holds 0.8, less what small microphones lose
SETTLE_S = 3.0  # until then the background is not known
RISE_DB_S, FALL_DB_S = 1.5, 20.0  # how fast the background follows: what lasts a minute is background
GAP_US = 1_000_000


class Background:
    """The level that is usual: falls at once to what is quiet, rises slowly."""

    def __init__(self) -> None:
        self.db: float | None = None
        self.known_s = 0.0

    def push(self, db: float) -> float:
        """Take a frame's level and return how far it is over the background."""
        if self.db is None:
            self.db = db
        over = db - self.db
        step = RISE_DB_S if over > 0 else FALL_DB_S
        self.db = max(FLOOR_DB, self.db + max(-step * FRAME_S, min(step * FRAME_S, over)))
        self.known_s += FRAME_S
        return over


class AudioEvents:
    """Implements `AudioDetector`."""

    def __init__(self, config: AudioEventsConfig) -> None:
        self._config = config
        self._rest: NDArray[np.float32] = np.empty(0, np.float32)
        self._origin_us = 0
        self._at_s = 0.0
        self._next_us: int | None = None
        self._begin()

    def _begin(self) -> None:
        self._background, self._alarm, self._bark = Background(), AlarmRhythm(), BarkBursts()
        self._loud_from_s: float | None = None
        self._rest = np.empty(0, np.float32)

    def hear(self, utc_us: int, samples: NDArray[np.float32]) -> list[Sound]:
        """Take the next block."""
        if self._next_us is None or abs(utc_us - self._next_us) > GAP_US:
            self._begin()
            self._origin_us, self._at_s = utc_us, 0.0
        self._next_us = utc_us + len(samples) * 1_000_000 // 16_000
        joined = np.concatenate((self._rest, samples))
        whole = len(joined) // FRAME * FRAME
        self._rest = joined[whole:]
        sounds: list[Sound] = []
        for frame in analyse(joined[:whole]):
            sounds += self._frame(frame)
            self._at_s += FRAME_S
        return sounds

    def _frame(self, frame: Frame) -> list[Sound]:
        at_s, over = self._at_s, self._background.push(frame.db)
        sounds = []
        tone = frame.tone_hz if over >= self._config.alarm_over_db and _is_alarm_tone(frame) else None
        if (alarm := self._alarm.push(at_s, FRAME_S, tone)) is not None:
            sounds.append(self._sound(alarm.label, alarm.score, alarm.start_s, alarm.end_s))
        if self._background.known_s < SETTLE_S:
            return sounds
        if (bark := self._bark.push(at_s, over, frame.bark, frame.low)) is not None:
            sounds.append(self._sound("bark", bark.score, bark.start_s, bark.end_s))
        return sounds + self._loud(at_s, frame.db, over)

    def _loud(self, at_s: float, db: float, over: float) -> list[Sound]:
        if over < self._config.loud_over_db or db < self._config.loud_least_dbfs:
            self._loud_from_s = None
            return []
        if self._loud_from_s is None:
            self._loud_from_s = at_s
        if at_s + FRAME_S - self._loud_from_s < self._config.loud_seconds:
            return []
        score = min(0.99, 0.5 + (over - self._config.loud_over_db) / 40)
        return [self._sound("loud", score, self._loud_from_s, at_s + FRAME_S)]

    def _sound(self, label: str, score: float, start_s: float, end_s: float) -> Sound:
        start_us, end_us = (self._origin_us + round(at * 1_000_000) for at in (start_s, end_s))
        return Sound(label, round(score, 3), start_us, end_us)


def _is_alarm_tone(frame: Frame) -> bool:
    (low, high), (low_520, high_520) = BANDS_HZ
    if low <= frame.tone_hz <= high:
        return frame.purity >= PURE
    return low_520 <= frame.tone_hz <= high_520 and frame.purity >= PURE_LOW
