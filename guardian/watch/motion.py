"""Motion on the luma plane, against a running background. Works on at most 320 pixels of width.

A pixel has changed when it differs from the background by more than the noise that is usual at its place. When much of
the picture changes at once, that is light (a lamp, a cloud, night vision), not motion: the background is taken anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guardian.model.vision import Box
from guardian.watch.scale import scale

WIDTH = 320
LEARN = 0.04  # share of a new frame in the background, where nothing moves; at 5 frames a second half is new after 3.4 s
LEARN_MOVING = 0.01  # where something moves: what comes to rest joins the background in a quarter of a minute
LEARN_NOISE = 0.02
FIRST_NOISE = 3.0  # grey levels
NOISE_TIMES = 5.0  # of the mean difference: four standard deviations
LEAST_DIFFERENCE = 12.0
LIGHT_SHARE = 0.6  # of the picture
LEAST_AREA = 0.0008  # of the picture: 40 pixels of 320 x 180, a cat at fifteen metres
JOIN = 5  # pixels: parts of one thing lie this near
MOST_BOXES = 12
FIRST_FRAMES = 5  # the background is not known well before
USUAL_GAP_US = 200_000  # between frames, to which the shares above belong; longer gaps learn as much as the frames left out
MOST_GAPS = 60

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Motion:
    """What moved. `settling`: the background is new (start, or a change of light), so anything may be there unseen."""

    boxes: tuple[Box, ...] = ()
    share: float = 0.0
    settling: bool = False


class MotionDetector:
    """Running background of one camera. `masks`: polygons in which motion is ignored."""

    def __init__(self, masks: Sequence[Sequence[tuple[float, float]]] = ()) -> None:
        self._masks, self._next_masks = masks, masks
        self._background: Floats | None = None
        self._noise: Floats | None = None
        self._watched: NDArray[np.uint8] | None = None
        self._frames = 0
        self._last_us: int | None = None

    def use_masks(self, masks: Sequence[Sequence[tuple[float, float]]]) -> None:
        """Ignore motion in these polygons from the next frame on; may be called from any thread."""
        self._next_masks = masks

    def reset(self) -> None:
        """Forget the background: the picture may be another one now."""
        self._background = None

    def update(self, luma: NDArray[np.uint8], utc_us: int | None = None) -> Motion:
        """Take the next frame's luma (any size that stays the same). Without a time, frames come five a second."""
        small = _shrink(luma)
        gaps = self._gaps(utc_us)
        if self._next_masks is not self._masks:
            self._masks, self._background = self._next_masks, None
        if self._background is None or self._background.shape != small.shape:
            self._begin(small)
            return Motion(settling=True)
        self._frames += 1
        difference, changed, share = self._compare(small)
        if share > LIGHT_SHARE:
            self._begin(small)
            return Motion(share=share, settling=True)
        self._learn(small, difference, changed, gaps)
        return Motion(_boxes(changed), share, self._frames <= FIRST_FRAMES)

    def glance(self, luma: NDArray[np.uint8], utc_us: int) -> Motion:
        """Say what a frame shows; learn it only when nothing moved. Otherwise `update` may still be given what came before it."""
        small = _shrink(luma)
        if self._background is None or self._background.shape != small.shape:
            return Motion(settling=True)
        difference, changed, share = self._compare(small)
        if share > LIGHT_SHARE:
            return Motion(share=share, settling=True)
        boxes = _boxes(changed)
        if not boxes:
            self._learn(small, difference, changed, self._gaps(utc_us))
        return Motion(boxes, share)

    def _gaps(self, utc_us: int | None) -> float:
        """Return how many usual gaps the last one was."""
        last, self._last_us = self._last_us, utc_us
        if utc_us is None or last is None or utc_us <= last:
            return 1.0
        return min(MOST_GAPS, (utc_us - last) / USUAL_GAP_US)

    def _compare(self, small: Floats) -> tuple[Floats, NDArray[np.uint8], float]:
        assert self._background is not None
        assert self._noise is not None
        assert self._watched is not None
        difference = np.abs(small - self._background)
        changed = (difference > np.maximum(LEAST_DIFFERENCE, NOISE_TIMES * self._noise)).astype(np.uint8)
        changed &= self._watched
        return difference, changed, cv2.countNonZero(changed) / max(1, cv2.countNonZero(self._watched))

    def _begin(self, small: Floats) -> None:
        self._background = small.copy()
        if self._noise is None or self._noise.shape != small.shape:
            self._noise = np.full_like(small, FIRST_NOISE)
        self._watched = np.ones(small.shape, np.uint8)
        for mask in self._masks:
            corners = np.array([(x * small.shape[1], y * small.shape[0]) for x, y in mask])
            cv2.fillPoly(self._watched, [corners.astype(np.int32)], (0,))
        self._frames = 0

    def _learn(self, small: Floats, difference: Floats, changed: NDArray[np.uint8], gaps: float) -> None:
        assert self._background is not None
        assert self._noise is not None
        still = 1 - changed
        cv2.accumulateWeighted(small, self._background, _over(LEARN, gaps), still)
        cv2.accumulateWeighted(small, self._background, _over(LEARN_MOVING, gaps), changed)
        cv2.accumulateWeighted(difference, self._noise, _over(LEARN_NOISE, gaps), still)


def _over(share: float, gaps: float) -> float:
    return float(1 - (1 - share) ** gaps)


def _shrink(luma: NDArray[np.uint8]) -> Floats:
    height, width = luma.shape
    if width > WIDTH:
        luma = scale(luma, WIDTH, max(1, round(height * WIDTH / width)))
    return cv2.GaussianBlur(luma, (3, 3), 0).astype(np.float32)


def _boxes(changed: NDArray[np.uint8]) -> tuple[Box, ...]:
    """Return boxes around what changed, the largest first; specks go."""
    if not changed.any():
        return ()
    height, width = changed.shape
    joined = cv2.dilate(cv2.medianBlur(changed, 3), np.ones((JOIN, JOIN), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    parts = stats[1:]
    parts = parts[parts[:, cv2.CC_STAT_AREA] >= LEAST_AREA * width * height + JOIN * JOIN]
    parts = parts[np.argsort(-parts[:, cv2.CC_STAT_AREA])][:MOST_BOXES]
    return tuple(Box(x / width, y / height, (x + w) / width, (y + h) / height) for x, y, w, h in parts[:, :4].tolist())
