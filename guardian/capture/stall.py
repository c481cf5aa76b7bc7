"""Whether a stream that holds its line still sends, and what it sends a second. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

STALL_S = 5.0  # a camera that sends nothing this long is asked anew
NO_PICTURE_S = 15.0  # longer, for some cameras send a picture in ten seconds by night
WINDOW_S = 8.0  # packets may come two seconds and more at a time


@dataclass(slots=True)
class Flow:
    """Counts what came over the last seconds; times are monotonic seconds passed in."""

    last_s: float
    last_picture_s: float = field(init=False)
    _came: deque[tuple[float, int, bool]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.last_picture_s = self.last_s

    def count(self, now_s: float, size: int, is_frame: bool, arrived_s: float | None = None) -> None:
        """Something was taken in, which arrived at `arrived_s`, by default now; what came in at once bears one time."""
        self.last_s = now_s
        if is_frame:
            self.last_picture_s = now_s
        came_s = now_s if arrived_s is None else arrived_s
        self._came.append((came_s, size, is_frame))
        while self._came[0][0] < came_s - WINDOW_S:
            self._came.popleft()

    def stalled(self, now_s: float) -> bool:
        """Say whether nothing has come for too long."""
        return now_s - self.last_s > STALL_S

    def without_pictures(self, now_s: float) -> bool:
        """Say whether sound has gone on alone for too long."""
        return now_s - self.last_picture_s > NO_PICTURE_S

    def rates(self, now_s: float) -> tuple[float, float]:
        """Return (frames a second, bits a second) over the window.

        What came with the first arrival of the window belongs to the time before it. Where packets gather, the last arrival may
        be as long ago as arrivals lie apart; a longer silence counts.
        """
        came = [one for one in list(self._came) if one[0] >= now_s - WINDOW_S]
        if not came or came[-1][0] <= came[0][0]:
            return 0.0, 0.0
        first_s, last_s = came[0][0], came[-1][0]
        apart_s = max(after[0] - before[0] for before, after in pairwise(came))
        span = max(last_s - first_s, now_s - first_s - apart_s)
        rest = [one for one in came if one[0] > first_s]
        return sum(1 for one in rest if one[2]) / span, sum(one[1] for one in rest) * 8 / span
