"""Fits a picture into a network's input without changing its proportions, and brings boxes back. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guardian.model.vision import Box


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the source lies in the letterboxed picture, as shares of it: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float

    def to_source(self, box: Box) -> Box:
        """Return a box of the letterboxed picture as one of the source, cut at its edges."""

        def part(value: float, start: float, size: float) -> float:
            return min(1.0, max(0.0, (value - start) / size))

        return Box(
            part(box.x1, self.x, self.width),
            part(box.y1, self.y, self.height),
            part(box.x2, self.x, self.width),
            part(box.y2, self.y, self.height),
        )

    def to_letterbox(self, box: Box) -> Box:
        """Return a box of the source as one of the letterboxed picture."""
        return Box(
            self.x + box.x1 * self.width,
            self.y + box.y1 * self.height,
            self.x + box.x2 * self.width,
            self.y + box.y2 * self.height,
        )


def place(source_width: int, source_height: int, width: int, height: int) -> tuple[int, int, int, int]:
    """Return (left, top, width, height) in pixels of the source scaled to fit and centred; each side is at least 1."""
    scale = min(width / source_width, height / source_height)
    w = min(width, max(1, round(source_width * scale)))
    h = min(height, max(1, round(source_height * scale)))
    return (width - w) // 2, (height - h) // 2, w, h


def letterbox(picture: NDArray[np.uint8], width: int, height: int, pad: int) -> tuple[NDArray[np.uint8], Placement]:
    """Return the picture (H, W, 3) scaled into (height, width, 3), the rest filled with `pad`, and where it lies."""
    left, top, w, h = place(picture.shape[1], picture.shape[0], width, height)
    smaller = w < picture.shape[1]
    scaled = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    out = np.full((height, width, 3), pad, np.uint8)
    out[top : top + h, left : left + w] = scaled
    return out, Placement(left / width, top / height, w / width, h / height)
