"""Smoke and CO alarms by their rhythm: nothing else in a house sounds it twice at one pitch.

Temporal-three (ISO 8201, NFPA 72; smoke): 0.5 s on, 0.5 s off, three times, then 1.5 s off. Temporal-four (NFPA 72; carbon
monoxide): 0.1 s on, 0.1 s off, four times, then 5 s off. The standards allow 10 %; rooms that ring and frames of 25 ms take
more. The tone of small alarms is near 3.1 kHz, of those for sleepers 520 Hz (a square wave, whose overtones are strong).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

BANDS_HZ = ((2700.0, 3700.0), (470.0, 570.0))
OTHER_PITCH = 0.04  # an alarm's pitch stays within 2 %; interpolated bins add 1 %
GROUP_GAP_S = 0.85  # longer silence ends a group of tones
SURE = {2: 0.85, 3: 0.95}  # by groups heard


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a group of tones must be like; ranges in seconds."""

    tones: int
    on_s: tuple[float, float]
    off_s: tuple[float, float]
    pause_s: tuple[float, float]
    label: str


PATTERNS = (
    Pattern(3, (0.36, 0.68), (0.32, 0.64), (1.15, 1.95), "smoke_alarm"),
    Pattern(4, (0.05, 0.18), (0.04, 0.18), (4.2, 5.8), "co_alarm"),
)


@dataclass(slots=True)
class Tone:
    """A stretch of one pitch; times in seconds of the stream."""

    start_s: float
    end_s: float
    hz: float
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """Tones that were one turn of a pattern."""

    pattern: Pattern
    start_s: float
    end_s: float
    hz: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as far as it was heard."""

    label: str
    score: float
    start_s: float
    end_s: float


class AlarmRhythm:
    """Takes one frame after the other: whether an alarm's tone is there, and its pitch."""

    def __init__(self) -> None:
        self._tones: list[Tone] = []
        self._sounding: Tone | None = None
        self._groups: list[Group] = []

    def push(self, at_s: float, lasts_s: float, hz: float | None) -> Alarm | None:
        """Take a frame that begins at a time; `hz` is None where no such tone is there. Return an alarm that is sure now."""
        one = self._sounding
        if hz is not None:
            if one is not None and abs(hz - one.hz) <= one.hz * OTHER_PITCH:
                one.hz = (one.hz * one.frames + hz) / (one.frames + 1)
                one.frames, one.end_s = one.frames + 1, at_s + lasts_s
            else:
                self._finish()
                self._sounding = Tone(at_s, at_s + lasts_s, hz)
            return None
        if one is not None and at_s >= one.end_s:
            self._finish()
        if self._tones and at_s - self._tones[-1].end_s > GROUP_GAP_S:
            return self._group()
        return None

    def _finish(self) -> None:
        if self._sounding is not None:
            self._tones.append(self._sounding)
            del self._tones[:-8]
        self._sounding = None

    def _group(self) -> Alarm | None:
        tones, self._tones = self._tones, []
        group = next((made for pattern in PATTERNS if (made := _fits(tones, pattern)) is not None), None)
        if group is None:
            self._groups = []
            return None
        if self._groups and not _follows(self._groups[-1], group):
            self._groups = []
        self._groups.append(group)
        if len(self._groups) < 2:
            return None
        score = SURE.get(len(self._groups), max(SURE.values()))
        return Alarm(group.pattern.label, score, self._groups[0].start_s, group.end_s)


def _fits(tones: list[Tone], pattern: Pattern) -> Group | None:
    if len(tones) != pattern.tones or max(tone.hz for tone in tones) > min(tone.hz for tone in tones) * (1 + OTHER_PITCH):
        return None
    on = all(pattern.on_s[0] <= tone.end_s - tone.start_s <= pattern.on_s[1] for tone in tones)
    off = all(pattern.off_s[0] <= b.start_s - a.end_s <= pattern.off_s[1] for a, b in pairwise(tones))
    if not on or not off:
        return None
    return Group(pattern, tones[0].start_s, tones[-1].end_s, sum(tone.hz for tone in tones) / len(tones))


def _follows(before: Group, group: Group) -> bool:
    pause_s = group.start_s - before.end_s
    least, most = group.pattern.pause_s
    same_pitch = abs(group.hz - before.hz) <= before.hz * OTHER_PITCH
    return group.pattern is before.pattern and same_pitch and least <= pause_s <= most
