"""Puts together what was found in overlapping squares of one frame. Pure.

A thing that a square's edge cuts through is found in part there and whole in the next square: the part goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardian.model.labels import kin
from guardian.model.vision import Box, Detection

SAME = 0.5  # IoU above which two boxes of one kin are one thing
PART = 0.6  # share of a cut-off box that lies in another, above which it is a part of it
EDGE = 0.02  # of the square: a box that comes this near to its edge is cut off there
FRAME = 0.005  # of the frame: beyond its own edge there is nothing to see


@dataclass(frozen=True, slots=True)
class Found:
    """A detection in frame coordinates and the part of the frame it was found in."""

    detection: Detection
    looked_at: Box

    @property
    def is_cut(self) -> bool:
        """Say whether it goes on beyond the part that was looked at."""
        box, part = self.detection.box, self.looked_at
        x, y = EDGE * part.width, EDGE * part.height
        return (
            (box.x1 < part.x1 + x and part.x1 > FRAME)
            or (box.y1 < part.y1 + y and part.y1 > FRAME)
            or (box.x2 > part.x2 - x and part.x2 < 1 - FRAME)
            or (box.y2 > part.y2 - y and part.y2 < 1 - FRAME)
        )


def merge(found: Sequence[Found]) -> tuple[Detection, ...]:
    """Return each thing once: whole ones before parts, the better score first."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda f: (f.is_cut, -f.detection.score)):
        if not any(_is_same(one, other) for other in kept):
            kept.append(one)
    return tuple(one.detection for one in kept)


def _is_same(one: Found, other: Found) -> bool:
    a, b = one.detection, other.detection
    if kin(a.label) != kin(b.label):
        return False
    return a.box.iou(b.box) > SAME or (one.is_cut and _share_within(a.box, b.box) > PART)


def _share_within(part: Box, whole: Box) -> float:
    w = min(part.x2, whole.x2) - max(part.x1, whole.x1)
    h = min(part.y2, whole.y2) - max(part.y1, whole.y1)
    return w * h / part.area if w > 0 and h > 0 and part.area > 0 else 0.0
