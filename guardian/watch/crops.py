"""Cuts regions out of a frame as the network wants them, and brings its boxes back into the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guardian.model.messages import ModelReady
from guardian.model.vision import Box, Detection, Region
from guardian.watch.decode import Picture

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Crop:
    """A network's input, and where it lies: a point (x, y) of it, 0..1, is (left + x * width, top + y * height) of the frame."""

    pixels: Image
    left: float
    top: float
    width: float
    height: float

    def to_frame(self, found: Detection) -> Detection:
        """Return a detection in this crop as one in the frame, cut at the frame's edges."""
        box, left, top, width, height = found.box, self.left, self.top, self.width, self.height
        x1, x2 = left + box.x1 * width, left + box.x2 * width
        y1, y2 = top + box.y1 * height, top + box.y2 * height
        if x1 < 0 or y1 < 0 or x2 > 1 or y2 > 1:
            x1, y1, x2, y2 = (min(1.0, max(0.0, value)) for value in (x1, y1, x2, y2))
        return Detection(found.label, found.score, Box(x1, y1, x2, y2))


def cut(picture: Picture, region: Region, model: ModelReady) -> Crop:
    """Cut a region, scale it to fit the model's input, and fill what is left over."""
    box = region.box
    left, top = int(box.x1 * picture.width) & ~1, int(box.y1 * picture.height) & ~1
    right = min(picture.width, max(left + 2, round(box.x2 * picture.width)))
    bottom = min(picture.height, max(top + 2, round(box.y2 * picture.height)))
    high, wide = bottom - top, right - left
    ratio = min(model.width / wide, model.height / high)
    w, h = _even(wide * ratio, model.width), _even(high * ratio, model.height)
    scaled = picture.scaled((left, top, right, bottom), w, h, rgb=model.colour == "rgb")
    x, y = (model.width - w) // 2, (model.height - h) // 2
    if (w, h) == (model.width, model.height):
        pixels: Image = scaled
    else:
        pixels = np.full((model.height, model.width, 3), model.pad, np.uint8)
        pixels[y : y + h, x : x + w] = scaled
    full_w = wide / picture.width * model.width / w
    full_h = high / picture.height * model.height / h
    return Crop(
        pixels,
        left / picture.width - x / model.width * full_w,
        top / picture.height - y / model.height * full_h,
        full_w,
        full_h,
    )


def _even(wanted: float, most: int) -> int:
    """Return a length that chroma of half the size fits under."""
    return min(most & ~1, max(2, round(wanted) & ~1))
