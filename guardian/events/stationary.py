"""When a thing stands still, and where things stand that have been told of already."""

from __future__ import annotations

from dataclasses import dataclass

from guardian.model.labels import is_parked_by_nature, kin
from guardian.model.time import SECOND_US
from guardian.model.vision import Box

MOVED = 0.3  # of its own width or height, off its anchor: boxes of still things jitter by up to 0.15
SETTLE = 0.05  # the anchor follows slow drift of the boxes, not a walk
STILL_ENDS_US = {True: 120 * SECOND_US, False: 600 * SECOND_US}  # parked by nature, or not
FORGET_US = 12 * 3600 * SECOND_US
SAME_PLACE = 0.5


class Rest:
    """Says since when one thing has not moved."""

    def __init__(self, utc_us: int, box: Box) -> None:
        self.first = box
        self.since_us = utc_us
        self.has_moved = False
        self._anchor = box

    def see(self, utc_us: int, box: Box) -> None:
        """Take where it is now."""
        if _moved(self._anchor, box):
            self._anchor, self.since_us = box, utc_us
            self.has_moved = self.has_moved or _moved(self.first, box)
        else:
            self._anchor = _towards(self._anchor, box, SETTLE)

    def is_over(self, utc_us: int, label: str) -> bool:
        """Say whether it has stood still for so long that its event ends."""
        return utc_us - self.since_us >= STILL_ENDS_US[is_parked_by_nature(label)]


@dataclass(slots=True)
class _Place:
    kin: str
    box: Box
    seen_us: int


class StillPlaces:
    """Places of things whose events ended because they stood still: they start no new event while they stay."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def add(self, utc_us: int, label: str, box: Box) -> None:
        """A thing has come to rest here."""
        self._places.append(_Place(kin(label), box, utc_us))

    def holds(self, utc_us: int, label: str, box: Box) -> bool:
        """Say whether this is a thing that rests at a known place; remembers that it was seen."""
        self._places = [place for place in self._places if utc_us - place.seen_us < FORGET_US]
        for place in self._places:
            if place.kin == kin(label) and place.box.iou(box) >= SAME_PLACE:
                place.seen_us = utc_us
                return True
        return False

    def leave(self, label: str, first: Box) -> None:
        """A thing that was first seen at `first` moves: if it rested there, the place is free."""
        self._places = [p for p in self._places if not (p.kin == kin(label) and p.box.iou(first) >= SAME_PLACE)]


def _moved(anchor: Box, box: Box) -> bool:
    (ax, ay), (bx, by) = anchor.centre, box.centre
    width, height = max(anchor.width, box.width), max(anchor.height, box.height)
    return abs(ax - bx) > MOVED * width or abs(ay - by) > MOVED * height


def _towards(a: Box, b: Box, share: float) -> Box:
    def mix(p: float, q: float) -> float:
        return p + (q - p) * share

    return Box(mix(a.x1, b.x1), mix(a.y1, b.y1), mix(a.x2, b.x2), mix(a.y2, b.y2))
