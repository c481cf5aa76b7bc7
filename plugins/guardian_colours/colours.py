"""The name of the colour that most of a part of a picture has.

A person's crop is cut by proportions of the body (head an eighth, chest from a fifth to the hip at a half, legs below: the
figure drawer's eight heads); of one that is cut off or sits, only what is below the head. A vehicle's by where its sheet metal is: below the windows, above the wheels. Colours are named
in CIELAB, where distance is what people see; greys by lightness. Under infrared light everything is grey: then nothing is said.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from guardian.sdk import Attribute, Classification

Picture = NDArray[np.uint8]
Share = tuple[float, float, float, float]  # left, top, right, bottom

PERSON: tuple[tuple[str, Share], ...] = (
    ("upper colour", (0.32, 0.20, 0.68, 0.48)),
    ("lower colour", (0.34, 0.55, 0.66, 0.85)),
)
BUST: tuple[tuple[str, Share], ...] = (("upper colour", (0.22, 0.66, 0.78, 0.96)),)
FULL_FIGURE = 1.7  # height to width of a crop from which legs are in it; standing people have 2.2 to 3.5
VEHICLE: tuple[tuple[str, Share], ...] = (("colour", (0.15, 0.42, 0.85, 0.72)),)

# Hue angles in CIELAB (degrees) where one name ends and the next begins, for vivid colours.
# sRGB's red lies at 40, yellow at 103, green at 136, blue at 306; denim at 280, purple at 328, hot pink at 353.
HUES = (
    (-22.0, "pink"),
    (12.0, "red"),
    (50.0, "orange"),
    (80.0, "yellow"),
    (112.0, "green"),
    (190.0, "blue"),
    (309.0, "purple"),
)
GREY_CHROMA = 11.0  # below it is a grey; camera's white balance shifts by some 8
DULL_CHROMA = 30.0
BLACK_L, WHITE_L = 24.0, 76.0
LEAST_SHARE = 0.4
LEAST_PIXELS = 12  # a side: less is a smudge
MONOCHROME = 3.5  # mean chroma of a picture taken under infrared light


class Colours:
    """Implements `CropClassifier`."""

    def classify(self, picture: Picture, label: str) -> Classification:
        """Name the colours of a person's clothes or a vehicle's body."""
        lab = _lab(picture)
        if float(np.hypot(lab[..., 1], lab[..., 2]).mean()) < MONOCHROME:
            return Classification()
        parts = VEHICLE
        if label == "person":
            parts = PERSON if picture.shape[0] >= FULL_FIGURE * picture.shape[1] else BUST
        found = [Attribute(name, *said) for name, part in parts if (said := name_of(_cut(lab, part))) is not None]
        return Classification(attributes=tuple(found))


def _lab(picture: Picture) -> NDArray[np.float32]:
    small = picture
    if max(picture.shape[:2]) > 160:
        scale = 160 / max(picture.shape[:2])
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    lab: NDArray[np.float32] = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)  # type: ignore[assignment]
    return lab


def _cut(lab: NDArray[np.float32], part: Share) -> NDArray[np.float32]:
    height, width = lab.shape[:2]
    return lab[round(part[1] * height) : round(part[3] * height), round(part[0] * width) : round(part[2] * width)]


def name_of(lab: NDArray[np.float32]) -> tuple[str, float] | None:
    """Return the name of a part's main colour and the share of its pixels that have it; None where none has enough."""
    if min(lab.shape[:2]) < LEAST_PIXELS // 2 or lab.shape[0] * lab.shape[1] < LEAST_PIXELS**2:
        return None
    names = _names(lab.reshape(-1, 3))
    values, counts = np.unique(names, return_counts=True)
    best = int(counts.argmax())
    share = float(counts[best]) / len(names)
    return (str(values[best]), round(share, 3)) if share >= LEAST_SHARE else None


def _names(pixels: NDArray[np.float32]) -> NDArray[np.str_]:
    light, a, b = pixels[:, 0], pixels[:, 1], pixels[:, 2]
    chroma = np.hypot(a, b)
    hue = (np.degrees(np.arctan2(b, a)) + 22.0) % 360.0 - 22.0
    named = np.full(len(pixels), "pink", dtype="<U8")
    for (begin, name), (end, _) in pairwise((*HUES, (338.0, ""))):
        named[(hue >= begin) & (hue < end)] = name
    # Brown and beige are dull oranges, pink is a light red, and what is dark enough is black whatever its hue.
    warm = (hue >= 12) & (hue < 100)
    named[warm & (light < 55) & (chroma < 55) & (hue >= 45)] = "brown"
    named[warm & (light >= 55) & (chroma < DULL_CHROMA)] = "beige"
    named[(hue >= 12) & (hue < 40) & (light > 65) & (chroma < 45)] = "pink"
    grey = (chroma < GREY_CHROMA) | ((chroma < GREY_CHROMA * 1.6) & (light < BLACK_L))
    named[grey] = "grey"
    named[grey & (light < BLACK_L)] = "black"
    named[grey & (light > WHITE_L)] = "white"
    return named
