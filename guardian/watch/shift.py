"""How far the whole picture has moved against another one: a camera that shakes in the wind, or was turned. Pure.

Phase correlation (Kuglin and Hines, "The phase correlation image alignment method", 1975): the picture's light does not
matter to it, nor does what moves in a part of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MOST = 0.2  # of the picture's width: beyond it too little is left to compare
SURE = 0.08  # height of the correlation's peak; unrelated pictures of people.mp4 and pets09 stay below 0.04
EDGES = (8, 6)  # cells across and down
SPREAD = 0.4  # share of the cells in which something changed: a person at the door fills less
CELL = 0.02  # of a cell's pixels

Floats = NDArray[np.float32]
Mask = NDArray[np.uint8]


def is_everywhere(changed: Mask, share: float = 1.0) -> bool:
    """Say whether changed pixels (0 or 1) lie all over the picture: then the camera may have moved. `share`: of them in it."""
    if share < SPREAD * CELL:
        return False
    cells = cv2.resize(changed * 255, EDGES, interpolation=cv2.INTER_AREA)
    return bool(np.mean(cells > 255 * CELL) >= SPREAD)


class ShiftEstimator:
    """Compares pictures of one size. Takes about three times as long as all else that motion does: only for when it may matter."""

    def __init__(self) -> None:
        self._window: Floats | None = None

    def between(self, before: Floats, now: Floats) -> tuple[float, float] | None:
        """Return by how many pixels (right, down) `now` is displaced, or None where that is not sure."""
        if self._window is None or self._window.shape != now.shape:
            self._window = cv2.createHanningWindow(now.shape[::-1], cv2.CV_32F)  # type: ignore[assignment]
        # Copies: OpenCV 5 lays the window over its arguments themselves, where their size is one that it need not pad.
        (x, y), peak = cv2.phaseCorrelate(before.copy(), now.copy(), self._window)
        if peak < SURE or max(abs(x), abs(y)) > MOST * now.shape[1]:
            return None
        return x, y


def put_back(picture: Floats, shift: tuple[float, float]) -> tuple[Floats, Mask]:
    """Return the picture without its displacement, and where it has pixels (1)."""
    x, y = shift
    high, wide = picture.shape
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    back = cv2.warpAffine(picture, matrix, (wide, high), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    there = np.zeros((high, wide), np.uint8)
    left, right = max(0, int(np.ceil(-x)) + 1), min(wide, int(np.floor(wide - x)) - 1)
    top, bottom = max(0, int(np.ceil(-y)) + 1), min(high, int(np.floor(high - y)) - 1)
    there[top:bottom, left:right] = 1
    return back.astype(np.float32, copy=False), there
