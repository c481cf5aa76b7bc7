"""When to look closely, and when no longer. Everything that decides it is in this file, and nothing here reads a clock,
decodes or looks at a picture.

States: awake (each frame is decoded) ⇄ calm (packets are only counted, and a keyframe is glanced at now and then).
What wakes: packets larger than usual at their place in the GOP, a glance that shows a change, a GOP that goes on for
too long without a keyframe, more packets waiting than memory allows. What calms: nothing moved and nothing was followed
for a while. docs/watch.md explains every number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import copysign, log2

from guardian.model.time import SECOND_US

CALM_AFTER_US = 3 * SECOND_US  # without motion; a person who stops and goes on is one watch, not two
START_US = 10 * SECOND_US  # a new run: whatever is there already has not moved yet
BEHIND_US = 2 * SECOND_US  # a watch that has fallen behind looks closely at a still picture for no longer than that
LATE_KEY = 2.5  # times the interval of glances: a GOP this long is decoded though nothing seems to move
MOST_WAITING_BYTES = 16 * 1024 * 1024  # 4 s at 30 Mb/s, ten at 12
ALARM = 8.0  # summed excess that wakes: two frames far beyond the usual, or eight a little
ALLOWED = 1.0  # of excess, in spreads, a frame: noise sums up to nothing
MOST_EXCESS = 6.0  # of one frame: a single odd frame wakes nobody
LEAST_SPREAD = 0.2  # of log2 of the size, a seventh: encoders vary that much on a still picture
LEARN_FRAMES = 16  # the usual size at a place follows this many GOPs
LEARN_WITHIN = 2.0  # spreads; while calm what is far off may be the begin of something, and is not what is usual
LEAST_SEEN = 4  # a place in the GOP seen less often is judged by all places together
FALSE_ALARM = 1.5  # after waking for nothing the alarm is this much higher,
MOST_ALARM = 64.0  # at most this,
RECOVER_US = 60 * SECOND_US  # and halves its distance to ALARM in this time
MOST_PLACES = 600  # in a GOP; later ones share one model


class Why(StrEnum):
    """What woke the watch."""

    START = "start"
    PACKETS = "packets"
    PICTURE = "picture"
    LIGHT = "light"
    LONG_GOP = "long GOP"
    MEMORY = "memory"


class Do(StrEnum):
    """What to do with a packet. GLANCE: decode it alone and say what it shows by `glanced`."""

    DECODE = "decode"
    KEEP = "keep"
    GLANCE = "glance"
    WAKE = "wake"
    CALM = "calm"


@dataclass(slots=True)
class _Usual:
    """Size of packets at one place of the GOP, as log2 of bytes."""

    mean: float = 0.0
    spread: float = 1.0
    seen: int = 0

    def excess(self, value: float) -> float:
        return (value - self.mean) / max(LEAST_SPREAD, self.spread)

    def learn(self, value: float) -> None:
        self.seen += 1
        share = max(1 / self.seen, 1 / LEARN_FRAMES)
        if self.seen == 1:
            self.mean, self.spread = value, LEAST_SPREAD
            return
        self.spread += share * (1.25 * abs(value - self.mean) - self.spread)  # 1.25: mean deviation to standard deviation
        self.mean += share * (value - self.mean)


class SizeModel:
    """What size packets usually have at each place of the GOP, on this camera, in this light."""

    def __init__(self) -> None:
        self._places: dict[int, _Usual] = {}
        self._all = _Usual()

    def excess(self, place: int, size: int) -> float:
        """Return by how many spreads a packet is larger than usual (negative: smaller); 0 while nothing is known."""
        usual = self._of(place)
        return usual.excess(log2(size + 64)) if usual.seen >= LEAST_SEEN else 0.0

    def usual_bytes(self, place: int) -> int:
        """Return the usual size at a place, 0 while nothing is known."""
        usual = self._of(place)
        return max(0, round(2**usual.mean) - 64) if usual.seen >= LEAST_SEEN else 0

    def learn(self, place: int, size: int) -> None:
        """Take a packet as usual."""
        value = log2(size + 64)
        self._places.setdefault(min(place, MOST_PLACES), _Usual()).learn(value)
        self._all.learn(value)

    def learn_within(self, place: int, size: int, excess: float) -> None:
        """Take a packet as usual, but no further off than `excess` spreads: a change of the scene is learnt slowly."""
        usual = self._of(place)
        if usual.seen >= LEAST_SEEN and abs(off := usual.excess(log2(size + 64))) > excess:
            size = round(2 ** (usual.mean + copysign(excess, off) * max(LEAST_SPREAD, usual.spread))) - 64
        self.learn(place, max(0, size))

    def _of(self, place: int) -> _Usual:
        usual = self._places.get(min(place, MOST_PLACES))
        return usual if usual is not None and usual.seen >= LEAST_SEEN else self._all


@dataclass(slots=True)
class Seen:
    """What the gate saw last, for people: `excess` and `alarm` are what `docs/watch.md` calls so."""

    packet_bytes: int = 0
    usual_bytes: int = 0
    excess: float = 0.0
    alarm: float = ALARM
    wakes: dict[Why, int] = field(default_factory=dict)
    why: Why = Why.START
    woke_us: int = 0


class Gate:
    """One stream's gate. Times are microseconds of UTC as the stream counts them; `glance_us`: between glances while calm."""

    def __init__(self, glance_us: int) -> None:
        self._glance_us = glance_us
        self._sizes = SizeModel()
        self._place = 0
        self._sum = 0.0
        self._began_us: int | None = None
        self._busy_us = self._glanced_us = self._alarm_us = 0
        self._waiting_bytes = 0
        self._found = self._following = False  # since waking: something moved; now: something is followed
        self.awake = True
        self.seen = Seen()

    def restart(self) -> None:
        """What comes next is another run: look closely. What is usual stays known."""
        self._began_us = None
        self._place, self._sum, self._waiting_bytes = 0, 0.0, 0
        self.awake, self._following = True, False

    def packet(self, size: int, is_key: bool, utc_us: int, *, behind: bool = False) -> Do:
        """Take the next packet of the stream, and say what to do with it. `behind`: it has waited for long already."""
        if self._began_us is None:
            self._began_us = self._busy_us = utc_us
            self._woken(Why.START, utc_us)
        self._place = 0 if is_key else self._place + 1
        self.seen.packet_bytes, self.seen.usual_bytes = size, self._sizes.usual_bytes(self._place)
        return self._awake(size, utc_us, behind) if self.awake else self._calm(size, is_key, utc_us)

    def looked(self, utc_us: int, *, moving: bool, following: bool) -> None:
        """A frame was looked at while awake: whether something moved, and whether anything is followed that may yet move."""
        if moving:
            self._busy_us = utc_us
        self._following = following
        self._found = self._found or moving

    def glanced(self, utc_us: int, *, changed: bool, light: bool) -> bool:
        """A keyframe was glanced at while calm: whether the picture has changed, and whether all of it has. True: wake."""
        if changed or light:
            self._wake(Why.LIGHT if light else Why.PICTURE, utc_us)
            return True
        self._glanced_us = utc_us
        self._waiting_bytes = 0
        return False

    # awake

    def _awake(self, size: int, utc_us: int, behind: bool) -> Do:
        assert self._began_us is not None
        if utc_us < self._busy_us:  # the stream's time went back
            self._began_us = self._busy_us = utc_us
        still = utc_us - self._busy_us
        if still > 0:  # what was seen since the last motion is what is usual now
            self._sizes.learn(self._place, size)
        calm_us, start_us = (BEHIND_US, BEHIND_US) if behind else (CALM_AFTER_US, START_US)
        if not self._following and still >= calm_us and utc_us - self._began_us >= start_us:
            self._go_calm(utc_us, size)
            return Do.CALM
        return Do.DECODE

    def _go_calm(self, utc_us: int, size: int) -> None:
        if not self._found and self.seen.why in (Why.PACKETS, Why.PICTURE):
            self.seen.alarm = min(MOST_ALARM, self.seen.alarm * FALSE_ALARM)
        self.awake, self._sum, self._waiting_bytes = False, 0.0, size
        self._glanced_us = self._alarm_us = utc_us

    # calm

    def _calm(self, size: int, is_key: bool, utc_us: int) -> Do:
        self._waiting_bytes += size
        since = utc_us - self._glanced_us
        if since < 0:
            self._glanced_us, since = utc_us, 0
        if is_key:
            self._sizes.learn(0, size)
            if since >= self._glance_us:
                self._recover(utc_us)
                return Do.GLANCE
            return Do.KEEP
        excess = self._sizes.excess(self._place, size)
        self._sum = max(0.0, self._sum + min(excess, MOST_EXCESS) - ALLOWED)
        self.seen.excess = self._sum
        if self._sum >= self.seen.alarm:
            return self._wake(Why.PACKETS, utc_us)
        self._sizes.learn_within(self._place, size, LEARN_WITHIN)
        if since >= LATE_KEY * self._glance_us:
            return self._wake(Why.LONG_GOP, utc_us)
        if self._waiting_bytes > MOST_WAITING_BYTES:
            return self._wake(Why.MEMORY, utc_us)
        return Do.KEEP

    def _recover(self, utc_us: int) -> None:
        """After false alarms the alarm comes down again by and by."""
        share = 0.5 ** ((utc_us - self._alarm_us) / RECOVER_US)
        self.seen.alarm = ALARM + (self.seen.alarm - ALARM) * share
        self._alarm_us = utc_us

    def _wake(self, why: Why, utc_us: int) -> Do:
        self.awake, self._found, self._busy_us = True, False, utc_us
        self._sum, self._waiting_bytes = 0.0, 0
        self._woken(why, utc_us)
        return Do.WAKE

    def _woken(self, why: Why, utc_us: int) -> None:
        self.seen.why, self.seen.woke_us = why, utc_us
        self.seen.wakes[why] = self.seen.wakes.get(why, 0) + 1
