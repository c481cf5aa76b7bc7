"""Which moment of an event makes the best picture: well seen, of good size, not cut off by the picture's edge."""

from __future__ import annotations

from math import sqrt

from guardian.model.vision import Box

GOOD_AREA = 0.05  # of the picture; a thing this large is recognised on a phone, larger is no better
EDGE = 0.01  # a box this near to the picture's edge is cut off
CUT_OFF = 0.6
WORTH_IT = 1.12  # a new picture must be this much better: each one is encoded, sealed and written
LEAST_GAP_US = 700_000


def quality(score: float, box: Box) -> float:
    """Return how good a picture is, above 0; only comparisons mean something."""
    size = sqrt(sqrt(min(1.0, box.area / GOOD_AREA)))
    cut = box.x1 < EDGE or box.x2 > 1 - EDGE or box.y1 < EDGE or box.y2 > 1 - EDGE
    return score * size * (CUT_OFF if cut else 1.0)


def is_better(new: float, best: float, since_last_us: int) -> bool:
    """Say whether to take a new picture; `best` is 0 while there is none."""
    return best == 0 or (new > best * WORTH_IT and since_last_us >= LEAST_GAP_US)
