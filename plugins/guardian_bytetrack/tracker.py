"""The association of ByteTrack (Zhang et al., ECCV 2022) for few frames a second, with the momentum of OC-SORT (Cao et al.,
CVPR 2023); see the README for what differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import acos, hypot, pi

import numpy as np
from numpy.typing import NDArray

from guardian.sdk import Box, Detection, Track
from guardian_bytetrack.assignment import match
from guardian_bytetrack.kalman import BoxFilter

Floats = NDArray[np.float64]

SURE = 0.5  # scores are relative to the model: 0.5 is its threshold
MARGIN = 0.3  # of its size is added to each side of a box before boxes are compared
LEAST_SURE, LEAST_UNSURE, LEAST_RENAMED = 0.15, 0.35, 0.6  # overlap of such boxes
LEAST_GAIN = 1e-3  # a pair that may be is better than none
LOST_S = 3.0  # a track not matched for this long is given up
UNCONFIRMED_LOST_S = 1.0  # one seen but once is given up sooner
SLOWER = 0.7  # share of the speed that is left after each frame without a match
JOIN_OVERLAP = 0.75  # IoU at which a new track is taken for a second sight of a matched one
FORGET = 0.97  # votes for a label fade with each match
MOMENTUM = (
    0.2  # of overlap: worth of going on in the same direction, of OC-SORT; it decides between candidates, it makes none
)
MOMENTUM_US = 600_000  # the direction is that of this time: three sights at five frames a second
GOES, TURNS = 0.15, 0.05  # heights: what moved less has no direction; what is displaced less has not turned


class _Tracked:
    def __init__(self, id: int, utc_us: int, found: Detection) -> None:
        self.id, self.age, self.missed = id, 1, 0
        self.seen_us, self.score, self.box = utc_us, found.score, found.box
        self.filter = BoxFilter(_coordinates(found.box))
        self.sights = [(utc_us, _coordinates(found.box))]
        self.votes = {found.label: found.score}
        self.label = found.label

    def match(self, utc_us: int, found: Detection) -> None:
        self.filter.correct(_coordinates(found.box))
        self.sights.append((utc_us, _coordinates(found.box)))
        self.sights = [sight for sight in self.sights if utc_us - sight[0] <= MOMENTUM_US]
        self.age, self.missed = self.age + 1, 0
        self.seen_us, self.score, self.box = utc_us, found.score, found.box
        self.votes = {label: vote * FORGET for label, vote in self.votes.items()}
        self.votes[found.label] = self.votes.get(found.label, 0.0) + found.score
        self.label = max(self.votes, key=lambda label: self.votes[label])

    def miss(self) -> None:
        self.missed += 1
        self.filter.slow(SLOWER)
        self.box = _box(self.filter.place)

    def goes_on(self, found: Sequence[float]) -> float:
        """Return how well a box lies in the direction of the last sights: 0.5 straight on, -0.5 straight back."""
        first, last = self.sights[0][1], self.sights[-1][1]
        x, y = last[0] - first[0], last[1] - first[1]
        far = hypot(x, y)
        if far < GOES * last[3]:
            return 0.0
        would_x, would_y = found[0] - last[0], found[1] - last[1]
        further = hypot(would_x, would_y)
        if further <= TURNS * last[3]:
            return 0.0
        return 0.5 - acos(max(-1.0, min(1.0, (would_x * x + would_y * y) / (far * further)))) / pi

    def is_lost(self, utc_us: int) -> bool:
        limit = LOST_S if self.age > 1 else UNCONFIRMED_LOST_S
        return self.missed > 0 and utc_us - self.seen_us > limit * 1e6

    def value(self) -> Track:
        return Track(self.id, self.label, self.score, self.box, self.age, self.missed)


class ByteTracker:
    """Satisfies `Tracker`. A track's box is the detection's own while it is matched, and predicted while it is not."""

    def __init__(self) -> None:
        self._tracks: list[_Tracked] = []
        self._last_us: int | None = None
        self._next_id = 1

    def update(self, utc_us: int, detections: Sequence[Detection]) -> tuple[Track, ...]:
        """Take one frame's detections and return every live track."""
        dt_s = 0.0 if self._last_us is None else (utc_us - self._last_us) / 1e6
        self._last_us = utc_us
        self._tracks = [track for track in self._tracks if not track.is_lost(utc_us)]  # also where nobody looked for a while
        for track in self._tracks:
            track.filter.predict(dt_s)
        sure = [found for found in detections if found.score >= SURE]
        unsure = [found for found in detections if found.score < SURE]
        left = self._tracks
        left, sure = self._associate(utc_us, left, sure, LEAST_SURE, same_label=True)
        # A weak sight holds on to what was there a look ago, as in ByteTrack; it finds nothing again, or every shadow that
        # looks a little like a person would keep one there who has left.
        lost = [track for track in left if track.missed]
        held, unsure = self._associate(
            utc_us, [track for track in left if not track.missed], unsure, LEAST_UNSURE, same_label=True
        )
        left = held + lost
        left, sure = self._associate(utc_us, left, sure, LEAST_RENAMED, same_label=False)
        for track in left:
            track.miss()
        self._begin(utc_us, sure)
        self._tracks = [track for track in self._tracks if not track.is_lost(utc_us)]
        return tuple(track.value() for track in self._tracks)

    def _associate(
        self, utc_us: int, tracks: list[_Tracked], found: list[Detection], least: float, *, same_label: bool
    ) -> tuple[list[_Tracked], list[Detection]]:
        """Match, and return what is left of both."""
        if not tracks or not found:
            return tracks, found
        coordinates = [_coordinates(one.box) for one in found]
        gain = _overlaps(np.array([track.filter.place for track in tracks]), np.array(coordinates))
        near = gain >= least
        if same_label:
            near &= np.array([[one.label in track.votes for one in found] for track in tracks])
        for row, column in np.argwhere(near & _is_contested(near)).tolist():
            gain[row, column] += MOMENTUM * tracks[row].goes_on(coordinates[column])
        pairs = match(np.where(near, np.maximum(gain, LEAST_GAIN), 0.0), LEAST_GAIN)
        for row, column in pairs:
            tracks[row].match(utc_us, found[column])
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        return (
            [track for row, track in enumerate(tracks) if row not in rows],
            [one for column, one in enumerate(found) if column not in columns],
        )

    def _begin(self, utc_us: int, sure: list[Detection]) -> None:
        matched = [track for track in self._tracks if track.missed == 0]
        for found in sure:
            if any(found.label in track.votes and track.box.iou(found.box) >= JOIN_OVERLAP for track in matched):
                continue
            self._tracks.append(_Tracked(self._next_id, utc_us, found))
            self._next_id += 1


def _is_contested(near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pairs (N, M) are not the only ones that their track or their detection could be in."""
    alone: NDArray[np.bool_] = (near.sum(axis=1) == 1)[:, None] & (near.sum(axis=0) == 1)[None]
    return ~alone


def _coordinates(box: Box) -> tuple[float, float, float, float]:
    return (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, box.x2 - box.x1, box.y2 - box.y1


def _box(place: Sequence[float]) -> Box:
    x, y, width, height = place

    def part(value: float) -> float:
        return min(1.0, max(0.0, value))

    return Box(part(x - width / 2), part(y - height / 2), part(x + width / 2), part(y + height / 2))


def _overlaps(a: Floats, b: Floats) -> Floats:
    """Return the IoU (N, M) of boxes (N, 4) and (M, 4), each with its margin around it."""
    grow = 0.5 + MARGIN
    a1, a2 = a[:, None, :2] - a[:, None, 2:] * grow, a[:, None, :2] + a[:, None, 2:] * grow
    b1, b2 = b[None, :, :2] - b[None, :, 2:] * grow, b[None, :, :2] + b[None, :, 2:] * grow
    common = np.maximum(0, np.minimum(a2, b2) - np.maximum(a1, b1)).prod(axis=2)
    areas = (a[:, 2:] * 2 * grow).prod(axis=1)[:, None] + (b[:, 2:] * 2 * grow).prod(axis=1)[None, :]
    overlap: Floats = common / np.maximum(areas - common, 1e-9)
    return overlap
