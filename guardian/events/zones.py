"""What a thing does at zones and lines. Its foot decides: the middle of its box's lower edge, where it touches the ground.

The foot of an animal too: zones are drawn on the ground, and so near to it a box's centre is little else.

Boxes of things that stand still jitter, so a foot on the edge of a zone is now inside and now outside. A thing enters when
its foot is inside three sights in a row, or in two by more than boxes jitter; it leaves when its foot is outside by twice
that, two sights in a row, for a foot that jitters that far cannot be inside again by jitter alone. It has left, then, at the
first sight outside. Who is further than that again is believed in one sight. Lines alike: a thing is on the side where it
last stood by more than jitter, and has crossed when it stands so on the other and its way led through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardian.model.event import MOST_HAPPENINGS, Happening, HappeningKind
from guardian.model.vision import Box
from guardian.model.zone import Line, Point, Side, Zone

JITTER = 0.15  # of a thing's own width or height: how far boxes of still things go (events.stationary.MOVED)
SIGHTS_INSIDE = 3
SIGHTS_CLEAR = 2
_LEAST_SIZE = 0.001


def foot_of(box: Box) -> Point:
    """Return the point of a thing that zones, lines and object masks test."""
    x, y = box.foot
    return x, min(y, 0.999)  # a thing cut off by the picture's lower edge stands on it, not below it


@dataclass(slots=True)
class _Stay:
    """One thing and one zone. `since_us`: first sight inside; `out_us`: first one outside since. `sights`: inside in a row;
    `clear`: clearly inside or (once in) outside, in a row."""

    entered: bool = False
    since_us: int = 0
    sights: int = 0
    clear: int = 0
    out_us: int = 0
    loitered: bool = False
    awaits: bool = False  # it is in, and will loiter if it stays


@dataclass(slots=True)
class _Beside:
    """One thing and one line. `odd`: since it last stood clearly, its way led through the line an odd number of times."""

    last: Point
    side: Side | None = None
    clear: int = 0
    odd: bool = False
    crossed_us: int = 0


class Presence:
    """Where one thing stands, and what it did. Feed it each sight."""

    def __init__(self) -> None:
        self._stays: dict[str, _Stay] = {}
        self._beside: dict[str, _Beside] = {}
        self._names: dict[str, None] = {}
        self._happenings: list[Happening] = []
        self.counts = False  # a zone's or line's condition for an event has been fulfilled

    @property
    def names(self) -> tuple[str, ...]:
        """Zones it was in and lines it crossed, in the order in which it came to them."""
        return tuple(self._names)

    @property
    def may_loiter(self) -> bool:
        """Say whether something happens if it only stays where it is: it must not be lost sight of for standing still."""
        return any(stay.awaits for stay in self._stays.values())

    @property
    def happenings(self) -> tuple[Happening, ...]:
        """What it did, oldest first."""
        return tuple(sorted(self._happenings, key=lambda one: one.utc_us))

    def see(self, utc_us: int, box: Box, label: str, zones: Sequence[Zone], lines: Sequence[Line]) -> None:
        """Take where it is now."""
        foot = foot_of(box)
        size = max(box.width, _LEAST_SIZE), max(box.height, _LEAST_SIZE)
        self._forget_others({zone.name for zone in zones}, {line.name for line in lines})
        for zone in zones:
            self._at_zone(utc_us, zone, foot, size, label)
        for line in lines:
            self._at_line(utc_us, line, foot, size, label)

    def gone(self, utc_us: int) -> None:
        """It was last seen at that moment: it has left every zone then."""
        for name, stay in self._stays.items():
            if stay.entered:
                self._happen(name, HappeningKind.LEAVE, max(utc_us, stay.since_us))
                stay.entered = False

    def _forget_others(self, zones: set[str], lines: set[str]) -> None:
        """Rules may be replaced at any moment."""
        for name in [name for name in self._stays if name not in zones]:
            del self._stays[name]
        for name in [name for name in self._beside if name not in lines]:
            del self._beside[name]

    def _at_zone(self, utc_us: int, zone: Zone, foot: Point, size: tuple[float, float], label: str) -> None:
        stay = self._stays.setdefault(zone.name, _Stay())
        there, inside = zone.schedule.holds(utc_us), zone.contains(*foot)
        depth = zone.depth(*foot, *size)
        if not stay.entered:
            self._outside(utc_us, stay, zone, depth, inside and there and zone.wants(label))
        elif not there or self._has_left(utc_us, stay, depth, inside):
            self._happen(zone.name, HappeningKind.LEAVE, utc_us if not there else stay.out_us)
            self._stays[zone.name] = _Stay()
        elif zone.loiter_us and not stay.loitered and utc_us - stay.since_us >= zone.loiter_us:
            stay.loitered, stay.awaits = True, False
            self._happen(zone.name, HappeningKind.LOITER, utc_us)
            self.counts = self.counts or zone.makes_event == "loiter"

    def _outside(self, utc_us: int, stay: _Stay, zone: Zone, depth: float, inside: bool) -> None:
        if not inside:
            stay.sights = stay.clear = 0
            return
        if stay.sights == 0:
            stay.since_us = utc_us
        stay.sights += 1
        stay.clear = stay.clear + 1 if depth >= JITTER else 0
        if depth >= 2 * JITTER or stay.clear >= SIGHTS_CLEAR or stay.sights >= SIGHTS_INSIDE:
            stay.entered, stay.clear, stay.awaits = True, 0, bool(zone.loiter_us)
            self._happen(zone.name, HappeningKind.ENTER, stay.since_us)
            self.counts = self.counts or zone.makes_event == "enter"

    @staticmethod
    def _has_left(utc_us: int, stay: _Stay, depth: float, inside: bool) -> bool:
        if inside:
            stay.out_us = stay.clear = 0
            return False
        stay.out_us = stay.out_us or utc_us
        stay.clear = stay.clear + 1 if depth >= 2 * JITTER else 0
        return depth >= 3 * JITTER or stay.clear >= SIGHTS_CLEAR

    def _at_line(self, utc_us: int, line: Line, foot: Point, size: tuple[float, float], label: str) -> None:
        one = self._beside.get(line.name)
        if one is None:
            one = self._beside[line.name] = _Beside(foot)
        if line.is_crossed(one.last, foot):
            one.odd, one.crossed_us = not one.odd, utc_us
        one.last = foot
        side, depth = line.side(*foot), line.depth(*foot, *size)
        if depth < JITTER:
            one.clear = 0
            return
        one.clear += 1
        if side == one.side:
            one.odd, one.clear = False, 0
        elif one.side is None or depth >= 2 * JITTER or one.clear >= SIGHTS_CLEAR:
            if one.side is not None and one.odd:
                self._cross(line, one.crossed_us, side, label)
            one.side, one.odd, one.clear = side, False, 0

    def _cross(self, line: Line, utc_us: int, side: Side, label: str) -> None:
        if line.direction in ("both", side) and line.wants(label) and line.schedule.holds(utc_us):
            self._happen(line.name, HappeningKind.CROSS, utc_us, side)
            self.counts = self.counts or line.makes_event == "cross"

    def _happen(self, name: str, what: HappeningKind, utc_us: int, direction: str = "") -> None:
        self._names[name] = None
        if len(self._happenings) < MOST_HAPPENINGS:
            self._happenings.append(Happening(name, what, utc_us, direction))
