"""Decode times for pictures that come in another order than they are shown (B-frames). RTP says only when they are shown.

As many pictures as are held back for reordering are decoded ahead of what is shown, so the decode time of a picture is the
smallest of the last `depth + 1` times of presentation. (FFmpeg's `compute_pkt_fields` does the same.)
"""

from __future__ import annotations

from collections import deque

MOST = 16  # H.264 and H.265 allow no more pictures to be held back
TREMBLE = 900  # ticks of 90 kHz by which a camera's clock may step back without meaning it
AHEAD = 1800  # a fiftieth of a second
LONGEST = 90_000  # a larger step back is a jump of the clock


class DecodeTimes:
    """Knows the depth from the parameter sets, or learns it as pictures come; where it was too small, times are unknown until
    the next keyframe."""

    def __init__(self, depth: int | None = None) -> None:
        self._shown: deque[int] = deque(maxlen=MOST + 1)
        self.depth = min(depth or 0, MOST)
        self._known = True

    def of(self, shown: int, is_key: bool) -> int | None:
        """Return when the next picture, shown at `shown`, is to be decoded; None where that is not known yet."""
        if not self.depth and self._known and self._shown and 0 < shown - self._shown[-1] <= LONGEST:
            self._shown.append(shown)  # as nearly always: in order
            return shown
        if self._shown and abs(shown - max(self._shown)) > LONGEST:
            self._shown.clear()
        later = sum(other - shown >= TREMBLE for other in self._shown)
        self._shown.append(shown)
        if later > self.depth:
            self.depth, self._known = min(later, MOST), False
        elif is_key:
            self._known = True
        if not self._known:
            return None
        if self.depth == 0:
            return shown
        recent = sorted(self._shown)[-self.depth - 1 :]
        early = self.depth + 1 - len(recent)  # nothing is shown before the first pictures: they are decoded ahead of it
        return recent[0] - early * AHEAD
