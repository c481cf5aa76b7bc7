"""Non-maximum suppression: of boxes that cover the same thing, keep the best. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]


MOST_CANDIDATES = 400  # the best of them are compared; 400 × 400 overlaps take 1 ms


def covers(boxes: Floats, iou: float) -> NDArray[np.bool_]:
    """Say for each pair of `boxes` (N, 4) whether their intersection over union is above `iou`: (N, N), without a division."""
    x1, y1, x2, y2 = np.ascontiguousarray(boxes.T)
    width = np.minimum.outer(x2, x2) - np.maximum.outer(x1, x1)
    height = np.minimum.outer(y2, y2) - np.maximum.outer(y1, y1)
    common = np.maximum(width, 0) * np.maximum(height, 0)
    area = (x2 - x1) * (y2 - y1)
    found: NDArray[np.bool_] = common * (1 + iou) > iou * np.add.outer(area, area)
    return found


def suppress(boxes: Floats, scores: Floats, groups: Ints, iou: float, limit: int) -> Ints:
    """Return indices of the boxes to keep, best first, at most `limit`.

    Boxes (N, 4) as x1, y1, x2, y2; `groups` (N): only boxes of one group suppress each other (greedy, as in
    Felzenszwalb et al. 2010); a box falls when its overlap with a kept one is above `iou`.
    """
    order = np.argsort(-scores, kind="stable")[:MOST_CANDIDATES]
    falls = covers(boxes[order], iou) & np.equal.outer(groups[order], groups[order])
    standing = np.ones(len(order), bool)
    kept: list[int] = []
    for place in range(len(order)):
        if standing[place]:
            kept.append(place)
            standing &= ~falls[place]
        if len(kept) == limit:
            break
    return order[kept]
