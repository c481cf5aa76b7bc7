"""When a thing came that is found only now: traces of it in the frames before. Pure.

A trace is what a detector half believed, or what moved in a frame that inference had no room for: had it been looked at,
the thing would have been seen. What moved in a frame that was looked at and not found is no trace of it: trees move, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from guardian.model.labels import kin
from guardian.model.time import SECOND_US
from guardian.model.vision import Box, Detection

MOST_BACK_US = 2 * SECOND_US  # beyond that what moved there may well have been something else
MOST_GAP_US = SECOND_US // 2
COMMON = 0.3  # of the smaller box: what lies within each other so far is one thing, a little later


@dataclass(frozen=True, slots=True)
class _Trace:
    """`kind` None: it moved, and may be anything."""

    utc_us: int
    kind: str | None
    box: Box


class Traces:
    """What was seen by half in one camera's last seconds."""

    def __init__(self) -> None:
        self._kept: deque[_Trace] = deque()

    def moved(self, utc_us: int, boxes: Sequence[Box]) -> None:
        """Take what moved in a frame that is not looked at."""
        self._keep(utc_us, [_Trace(utc_us, None, box) for box in boxes])

    def found(self, utc_us: int, detections: Sequence[Detection]) -> None:
        """Take what was found in a frame, believed or not."""
        self._keep(utc_us, [_Trace(utc_us, kin(one.label), one.box) for one in detections])

    def began_us(self, utc_us: int, label: str, box: Box) -> int:
        """Return since when a thing has been there that is first believed in a frame of that time, in `box`."""
        began_us = utc_us
        for trace in sorted(self._kept, key=lambda one: -one.utc_us):
            if trace.utc_us >= began_us or utc_us - trace.utc_us > MOST_BACK_US:
                continue
            if began_us - trace.utc_us > MOST_GAP_US:
                break
            if trace.kind in (None, kin(label)) and _meet(trace.box, box):
                began_us, box = trace.utc_us, trace.box
        return began_us

    def clear(self) -> None:
        """What comes next does not follow what came."""
        self._kept.clear()

    def _keep(self, utc_us: int, traces: Sequence[_Trace]) -> None:
        self._kept.extend(traces)  # answers come later than frames that were left out meanwhile: nearly in order
        while self._kept and utc_us - self._kept[0].utc_us > 2 * MOST_BACK_US:
            self._kept.popleft()


def _meet(a: Box, b: Box) -> bool:
    w, h = min(a.x2, b.x2) - max(a.x1, b.x1), min(a.y2, b.y2) - max(a.y1, b.y1)
    return w > 0 and h > 0 and w * h >= COMMON * min(a.area, b.area)
