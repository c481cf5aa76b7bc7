"""Squares of a frame as the network wants them, and its boxes back in the frame."""

import av
import numpy as np
import pytest

from guardian.model.messages import ModelReady
from guardian.model.vision import Box, Detection, Region
from guardian.watch.crops import cut
from guardian.watch.decode import Picture


def picture(width=640, height=360, spot=(300, 100, 60, 80)):
    """Return a grey frame with a red spot."""
    image = np.full((height, width, 3), 90, np.uint8)
    x, y, w, h = spot
    image[y : y + h, x : x + w] = (20, 20, 220)
    return Picture(av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p"), 0)


def model(size=300, colour="rgb", pad=128):
    return ModelReady("m", "b", "d", size, size, colour, pad, ("person",), 0.5)


def region(x1, y1, x2, y2, width=640, height=360):
    return Region(Box(x1 / width, y1 / height, x2 / width, y2 / height), "motion")


def spot_in(crop, colour="rgb"):
    """Return the box of the spot in the network's picture."""
    red, blue = (0, 2) if colour == "rgb" else (2, 0)
    pixels = crop.pixels.astype(int)
    rows, columns = np.nonzero((pixels[..., red] - pixels[..., blue]) > 100)
    high, wide = pixels.shape[:2]
    return Box(columns.min() / wide, rows.min() / high, (columns.max() + 1) / wide, (rows.max() + 1) / high)


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
@pytest.mark.parametrize("size", [300, 416, 96])
@pytest.mark.parametrize("part", [(200, 20, 520, 340), (281, 3, 638, 360), (0, 0, 640, 360), (290, 90, 380, 190)])
def test_a_box_found_in_a_crop_is_where_the_thing_is_in_the_frame(part, size, colour):
    crop = cut(picture(), region(*part), model(size, colour))
    assert crop.pixels.shape == (size, size, 3)
    assert crop.pixels.dtype == np.uint8
    found = crop.to_frame(Detection("person", 0.9, spot_in(crop, colour)))
    pixel = (part[2] - part[0]) / size + 1.5
    box = found.box
    assert (box.x1 * 640, box.y1 * 360, box.x2 * 640, box.y2 * 360) == pytest.approx((300, 100, 360, 180), abs=pixel)


def test_what_a_square_lacks_is_filled():
    crop = cut(picture(), region(0, 0, 640, 360), model(pad=114))
    assert (crop.pixels[:60] == 114).all()
    assert (crop.pixels[-60:] == 114).all()


def test_boxes_end_at_the_frames_edge():
    crop = cut(picture(), region(0, 0, 640, 360), model())
    box = crop.to_frame(Detection("person", 0.9, Box(0, 0, 1, 1))).box
    assert (box.x1, box.y1, box.x2, box.y2) == (0, 0, 1, 1)
