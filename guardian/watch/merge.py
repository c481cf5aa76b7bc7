"""Puts together what was found in overlapping squares of one frame. Pure.

A thing that a square's edge cuts through is found in part there and whole in the next square: the part goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guardian.model.labels import kin
from guardian.model.vision import Box, Detection

SAME = 0.5  # IoU above which two boxes of one kin are one thing
PART = 0.6  # share of a cut-off box that lies in another, above which it is a part of it
EDGE = 0.02  # of the square: a box that comes this near to its edge is cut off there
FRAME = 0.005  # of the frame: beyond its own edge there is nothing to see

Floats = NDArray[np.float64]


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
    if len(found) < 2:
        return tuple(one.detection for one in found)
    cuts = [one.is_cut for one in found]
    order = sorted(range(len(found)), key=lambda n: (cuts[n], -found[n].detection.score))
    kinds = {kind: n for n, kind in enumerate({kin(one.detection.label) for one in found})}
    same = _same(
        np.array([[b.x1, b.y1, b.x2, b.y2] for b in (found[n].detection.box for n in order)]),
        np.array([kinds[kin(found[n].detection.label)] for n in order]),
        np.array([cuts[n] for n in order]),
    )
    gone = np.zeros(len(order), bool)
    kept = []
    for row, n in enumerate(order):
        if not gone[row]:
            kept.append(found[n].detection)
            gone |= same[:, row]
    return tuple(kept)


def _same(boxes: Floats, kinds: NDArray[np.intp], cut: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each pair whether the first is the second, seen twice: boxes (N, 4), kinds and whether it is cut off (N)."""
    low, high = boxes[:, :2], boxes[:, 2:]
    sides = np.maximum(0.0, np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None]))
    common = sides[..., 0] * sides[..., 1]
    areas = np.maximum(0.0, high - low).prod(axis=1)
    overlap = common / np.maximum(areas[:, None] + areas[None] - common, 1e-12)
    within = common / np.maximum(areas[:, None], 1e-12)
    same: NDArray[np.bool_] = (kinds[:, None] == kinds[None]) & ((overlap > SAME) | (cut[:, None] & (within > PART)))
    return same
