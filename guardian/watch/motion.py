"""Motion on the luma plane, against a running background. Works on at most 320 pixels of width.

A pixel has changed when it differs from the background by more than the noise that is usual at its place. When much of
the picture changes at once, that is light (a lamp, a cloud, night vision), not motion: the background is taken anew. When
it changes all over, the camera may have moved: the picture is put back before it is compared, and when the camera stays
turned, the background follows. What is small and gone in the next frame is rain, snow or an insect, and noise of its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guardian.model.vision import Box
from guardian.watch.scale import scale
from guardian.watch.shift import ShiftEstimator, is_everywhere, put_back

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
SMALL_AREA = 0.01  # of the picture: what is smaller must be seen in two frames: drops and flakes are seen in one
REACH = 7  # pixels: what lies within half of it of something that had changed a frame ago goes on
GOES_ON = 0.5  # of its pixels: drops fall where others fell by chance
BETTER = 0.6  # a picture is put back when that leaves at most this share of what had changed
LEAST_SHIFT = 0.3  # pixels
TURNED_FRAMES = 5  # a picture displaced by the same for so long will stay so
TURNED_SAME = 1.0  # pixels
USUAL_GAP_US = 200_000  # between frames, to which the shares above belong; longer gaps learn as much as the frames left out
MOST_GAPS = 60
STUCK_FRAMES = 15  # all over the picture something else than the background, and no shift explains it: it is another picture

Floats = NDArray[np.float32]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Motion:
    """What moved. `settling`: the background is new (start, or a change of light), so anything may be there unseen."""

    boxes: tuple[Box, ...] = ()
    share: float = 0.0
    settling: bool = False


@dataclass(frozen=True, slots=True)
class _Compared:
    """A frame against the background: put back by `shift`, how much each pixel differs, which have changed, which can be seen."""

    picture: Floats
    difference: Floats
    changed: Mask
    there: Mask
    share: float
    shift: tuple[float, float] = (0.0, 0.0)


class MotionDetector:
    """Running background of one camera. `masks`: polygons in which motion is ignored."""

    def __init__(self, masks: Sequence[Sequence[tuple[float, float]]] = ()) -> None:
        self._masks, self._next_masks = masks, masks
        self._background: Floats | None = None
        self._noise: Floats | None = None
        self._watched: Mask | None = None
        self._before: Mask | None = None  # what had changed in the frame before
        self._shifts = ShiftEstimator()
        self._turned: tuple[float, float] = (0.0, 0.0)
        self._turned_for = self._stuck_for = 0
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
        seen = self._compare(small)
        if seen.share > LIGHT_SHARE or self._is_stuck(seen):
            self._begin(small)
            return Motion(share=seen.share, settling=True)
        steady = self._steady(seen.changed)
        self._learn(seen, steady, gaps)
        self._before = seen.changed
        self._follow(seen, small)
        return Motion(_boxes(seen.changed, steady, seen.shift), seen.share, self._frames <= FIRST_FRAMES)

    def glance(self, luma: NDArray[np.uint8], utc_us: int) -> Motion:
        """Say what a frame shows; learn it only when nothing moved. Otherwise `update` may still be given what came before it."""
        small = _shrink(luma)
        if self._background is None or self._background.shape != small.shape:
            return Motion(settling=True)
        seen = self._compare(small)
        if seen.share > LIGHT_SHARE:
            return Motion(share=seen.share, settling=True)
        boxes = _boxes(seen.changed, seen.changed, seen.shift)
        if not boxes:
            self._learn(seen, seen.changed, self._gaps(utc_us))
        return Motion(boxes, seen.share)

    def _gaps(self, utc_us: int | None) -> float:
        """Return how many usual gaps the last one was."""
        last, self._last_us = self._last_us, utc_us
        if utc_us is None or last is None or utc_us <= last:
            return 1.0
        return min(MOST_GAPS, (utc_us - last) / USUAL_GAP_US)

    def _compare(self, small: Floats) -> _Compared:
        assert self._watched is not None
        assert self._background is not None
        seen = self._against(small, self._watched, (0.0, 0.0))
        if not is_everywhere(seen.changed, seen.share):
            return seen
        shift = self._shifts.between(self._background, small)
        if shift is None or max(abs(shift[0]), abs(shift[1])) < LEAST_SHIFT:
            return seen
        back, there = put_back(small, shift)
        other = self._against(back, there & self._watched, shift)
        return other if other.share < BETTER * seen.share else seen

    def _against(self, picture: Floats, there: Mask, shift: tuple[float, float]) -> _Compared:
        assert self._background is not None
        assert self._noise is not None
        difference: Floats = cv2.absdiff(picture, self._background)  # type: ignore[assignment]
        usual = NOISE_TIMES * self._noise
        np.maximum(usual, LEAST_DIFFERENCE, out=usual)
        changed: Mask = cv2.bitwise_and(cv2.compare(difference, usual, cv2.CMP_GT), there)  # type: ignore[assignment]
        share = cv2.countNonZero(changed) / max(1, cv2.countNonZero(there))
        return _Compared(picture, difference, changed, there, share, shift)

    def _steady(self, changed: Mask) -> Mask:
        """Return which changed pixels lie near some that had changed a frame ago."""
        if self._before is None or not cv2.countNonZero(changed):
            return changed
        near: Mask = cv2.dilate(self._before, np.ones((REACH, REACH), np.uint8))  # type: ignore[assignment]
        return changed & near

    def _is_stuck(self, seen: _Compared) -> bool:
        """Say whether the picture has been another one for long, all over: the camera was turned further than can be measured."""
        before = self._before
        held = before is not None and is_everywhere(seen.changed, seen.share) and is_everywhere(seen.changed & before)
        self._stuck_for = self._stuck_for + 1 if held else 0
        return self._stuck_for >= STUCK_FRAMES

    def _follow(self, seen: _Compared, small: Floats) -> None:
        """A camera that stays turned: its background is put where the picture is now."""
        assert self._background is not None
        assert self._noise is not None
        (x, y), (x0, y0) = seen.shift, self._turned
        same = max(abs(x - x0), abs(y - y0)) <= TURNED_SAME and max(abs(x), abs(y)) > TURNED_SAME
        self._turned, self._turned_for = seen.shift, self._turned_for + 1 if same else 0
        if self._turned_for < TURNED_FRAMES:
            return
        moved, there = put_back(self._background, (-x, -y))
        noise, _ = put_back(self._noise, (-x, -y))
        self._background = np.where(there, moved, small)
        self._noise = np.where(there, noise, FIRST_NOISE).astype(np.float32)
        self._before, self._turned_for, self._turned = None, 0, (0.0, 0.0)

    def _begin(self, small: Floats) -> None:
        self._background = small.copy()
        if self._noise is None or self._noise.shape != small.shape:
            self._noise = np.full_like(small, FIRST_NOISE)
        self._watched = np.ones(small.shape, np.uint8)
        for mask in self._masks:
            corners = np.array([(x * small.shape[1], y * small.shape[0]) for x, y in mask])
            cv2.fillPoly(self._watched, [corners.astype(np.int32)], (0,))
        self._before, self._stuck_for, self._turned_for = None, 0, 0
        self._frames = 0

    def _learn(self, seen: _Compared, steady: Mask, gaps: float) -> None:
        assert self._background is not None
        assert self._noise is not None
        still = (1 - seen.changed) & seen.there
        cv2.accumulateWeighted(seen.picture, self._background, _over(LEARN, gaps), still)
        cv2.accumulateWeighted(seen.picture, self._background, _over(LEARN_MOVING, gaps), seen.changed)
        flickers = seen.changed & (1 - steady)
        cv2.accumulateWeighted(seen.difference, self._noise, _over(LEARN_NOISE, gaps), still | flickers)


def _over(share: float, gaps: float) -> float:
    return float(1 - (1 - share) ** gaps)


def _shrink(luma: NDArray[np.uint8]) -> Floats:
    height, width = luma.shape
    if width > WIDTH:
        luma = scale(luma, WIDTH, max(1, round(height * WIDTH / width)))
    return cv2.GaussianBlur(luma, (3, 3), 0).astype(np.float32)


def _boxes(changed: Mask, steady: Mask, shift: tuple[float, float]) -> tuple[Box, ...]:
    """Return boxes around what changed, the largest first, where they are in the picture; specks go."""
    if not cv2.countNonZero(changed):
        return ()
    height, width = changed.shape
    around = np.ones((JOIN, JOIN), np.uint8)
    joined = cv2.dilate(cv2.medianBlur(changed, 3), around)
    count, names, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(joined, 8, cv2.CV_16U, cv2.CCL_DEFAULT)
    at = np.flatnonzero(changed)  # few of the pixels: whole planes of numbers cost several times as much
    part_of = names.ravel()[at]
    within = np.bincount(part_of, minlength=count)
    lasting = np.bincount(part_of, steady.ravel()[at], minlength=count) >= GOES_ON * np.maximum(1, within)
    area = stats[:, cv2.CC_STAT_AREA]
    real = (area >= LEAST_AREA * width * height + JOIN * JOIN) & (lasting | (area >= SMALL_AREA * width * height))
    parts = stats[1:][real[1:]]
    parts = parts[np.argsort(-parts[:, cv2.CC_STAT_AREA])][:MOST_BOXES]
    dx, dy = shift

    def part(value: float) -> float:
        return min(1.0, max(0.0, value))

    return tuple(
        Box(part((x + dx) / width), part((y + dy) / height), part((x + w + dx) / width), part((y + h + dy) / height))
        for x, y, w, h in parts[:, :4].tolist()
    )
