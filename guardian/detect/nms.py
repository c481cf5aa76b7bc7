"""Non-maximum suppression: of boxes that cover the same thing, keep the best. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]


def iou_with(box: Floats, boxes: Floats) -> Floats:
    """Return intersection over union of one box (x1, y1, x2, y2) with each of `boxes` (N, 4)."""
    left_top = np.maximum(box[:2], boxes[:, :2])
    right_bottom = np.minimum(box[2:], boxes[:, 2:])
    size = np.clip(right_bottom - left_top, 0, None)
    common = size[:, 0] * size[:, 1]
    area = (box[2] - box[0]) * (box[3] - box[1])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    union = area + areas - common
    overlap: Floats = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return overlap


def suppress(boxes: Floats, scores: Floats, groups: Ints, iou: float, limit: int) -> Ints:
    """Return indices of the boxes to keep, best first, at most `limit`.

    Boxes (N, 4) as x1, y1, x2, y2; `groups` (N): only boxes of one group suppress each other (greedy, as in
    Felzenszwalb et al. 2010); a box falls when its overlap with a kept one is above `iou`.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size and len(kept) < limit:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        if not rest.size:
            break
        falls = (groups[rest] == groups[best]) & (iou_with(boxes[best], boxes[rest]) > iou)
        order = rest[~falls]
    return np.array(kept, dtype=np.intp)
