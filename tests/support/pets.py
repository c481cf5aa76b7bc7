"""The footage of PETS 2009 with its ground truth: how well people are found and followed. Needs the test data, and motmetrics
where tracking is judged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any

import av
import numpy as np

from guardian.detect.client import LocalInference
from guardian.detect.engine import Engine
from guardian.events.lifecycle import EventLifecycle
from guardian.interfaces import Tracker
from guardian.model.ids import uuid7
from guardian.model.time import SECOND_US
from guardian.model.vision import Box, Detection, Region, Track
from guardian.processes.watching import rules_of
from guardian.settings.schema import DetectSettings
from guardian.watch.crops import cut
from guardian.watch.decode import Picture
from guardian.watch.merge import Found, merge
from guardian.watch.pipeline import WatchPipeline, WatchRules
from guardian.watch.regions import whole
from tests.support.detectors import shared
from tests.support.watched import T0

WIDTH, HEIGHT, FPS = 768, 576, 10.0
LOW = 0.1  # threshold, of which the engine tells the half, too
SAME = 0.5  # IoU from which a box is that person's
HEIGHTS = (0, 60, 70, 80, 90, 100, 120, 1000)  # pixels; the recall is told between each two
EVERYTHING = Region(Box(0, 0, 1, 1), "floor")


@dataclass(frozen=True)
class Person:
    """A person in one frame. `counts`: hidden ones are neither to be found nor wrong to be found."""

    id: int
    box: Box
    counts: bool

    @property
    def height_px(self) -> float:
        return self.box.height * HEIGHT


@lru_cache(maxsize=1)
def truth() -> tuple[tuple[Person, ...], ...]:
    """Return who is where, frame by frame."""
    rows = [line.split(",") for line in shared("footage/pets09.gt.txt").read_text().splitlines()]
    by_frame: dict[int, tuple[Person, ...]] = {}
    for frame, group in groupby(sorted(rows, key=lambda row: int(row[0])), key=lambda row: int(row[0])):
        by_frame[frame - 1] = tuple(_person(row) for row in group)
    return tuple(by_frame.get(index, ()) for index in range(max(by_frame) + 1))


def _person(row: list[str]) -> Person:
    x, y, w, h = (float(value) for value in row[2:6])
    box = Box(max(0.0, x / WIDTH), max(0.0, y / HEIGHT), min(1.0, (x + w) / WIDTH), min(1.0, (y + h) / HEIGHT))
    return Person(int(row[1]), box, row[6] == "1")


def pictures() -> Iterator[tuple[int, Picture]]:
    """Yield the frames with their numbers."""
    with av.open(str(shared("footage/pets09.avi"))) as container:
        for index, frame in enumerate(container.decode(video=0)):
            yield index, Picture(frame, T0 + round(index * SECOND_US / FPS))


@dataclass
class Seen:
    """What was found and followed in each frame that was looked at, and what it took."""

    detections: dict[int, tuple[Detection, ...]] = field(default_factory=dict)
    tracks: dict[int, tuple[Track, ...]] = field(default_factory=dict)
    crops: int = 0
    cpu_s: float = 0.0

    @property
    def crops_a_frame(self) -> float:
        return self.crops / max(1, len(self.detections))

    @property
    def cpu_ms_a_frame(self) -> float:
        return self.cpu_s * 1000 / max(1, len(self.detections))


def look_at(infer: LocalInference, regions: Callable[[int, int], Sequence[Region]]) -> Seen:
    """Look at the same regions of each frame, and keep no memory from one to the next."""
    seen, model = Seen(), infer.model
    began = time.process_time()
    for index, picture in pictures():
        parts = regions(picture.width, picture.height)
        crops = [cut(picture, part, model) for part in parts]
        answer: list[Any] = []
        infer.submit([crop.pixels for crop in crops], answer.append)
        found = [
            Found(crop.to_frame(one), part.box)
            for part, crop, detections in zip(parts, crops, answer[0].detections, strict=True)
            for one in detections
            if one.label == "person" and one.box.area > 0
        ]
        seen.detections[index] = merge(found)
        seen.crops += len(crops)
    seen.cpu_s = time.process_time() - began
    return seen


def whole_frame(width: int, height: int) -> Sequence[Region]:
    """The frame squeezed into one input."""
    return (EVERYTHING,)


def two_squares(width: int, height: int) -> Sequence[Region]:
    """The frame as the squares that cover it."""
    return whole(width, height)


class _Noting:
    """A tracker that writes down what it says."""

    def __init__(self, inner: Tracker, seen: Seen) -> None:
        self._inner, self._seen = inner, seen

    def update(self, utc_us: int, detections: Sequence[Detection]) -> tuple[Track, ...]:
        tracks = self._inner.update(utc_us, detections)
        self._seen.tracks[_index(utc_us)] = tracks
        return tracks


class _Open(WatchPipeline):
    """Writes down all that the model found, before scores that nobody believes are left out: a curve needs its end, too."""

    seen: Seen

    def _found(self, look: Any, reply: Any, thresholds: Any) -> tuple[Detection, ...]:
        people = {label: 0.0 if label == "person" else 2.0 for label in look.model.labels}
        self.seen.detections[_index(look.picture.utc_us)] = super()._found(look, reply, people)
        return super()._found(look, reply, thresholds)


def _index(utc_us: int) -> int:
    return round((utc_us - T0) / SECOND_US * FPS)


def from_low_scores(engine: Engine) -> LocalInference:
    """Return the model, which tells of much weaker detections than the watch believes."""
    return LocalInference(Engine(replace(engine.spec, threshold=LOW), engine.detector, engine.backend))


def watch(infer: LocalInference, tracker: Tracker, threshold: float, every: int = 1) -> Seen:
    """Watch each frame (or each second one, ...) as a camera's watcher does: motion, regions, tracks, events."""
    seen, options = Seen(), DetectSettings(labels=("person",), fps=FPS)
    count = iter(range(1_000_000))
    events = EventLifecycle("yard", rules_of(options), lambda: uuid7(T0 // 1000, next(count).to_bytes(10, "big")))
    pipeline = _Open(
        WatchRules(frozenset(options.labels), threshold),
        infer=infer,
        tracker=_Noting(tracker, seen),
        events=events,
        keep=lambda wish, picture: "",
        report=lambda report: None,
    )
    pipeline.seen = seen
    began = time.process_time()
    for index, picture in pictures():
        if index % every == 0:
            pipeline.step(picture)
            seen.detections.setdefault(index, ())
            seen.tracks.setdefault(index, ())
    seen.cpu_s, seen.crops = time.process_time() - began, pipeline.counters.crops
    return seen


# figures


def ap50(seen: Seen) -> float:
    """Return the average precision at an IoU of 0.5: the area below precision over recall, each point's best to its right."""
    people = truth()
    total = sum(person.counts for index in seen.detections for person in people[index])
    rows = sorted(_judged(seen, people), key=lambda row: -row[0])
    right = np.cumsum([hit for _, hit in rows])
    recall, precision = right / total, right / np.arange(1, len(rows) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best)) if len(rows) else 0.0


def _judged(seen: Seen, people: Sequence[Sequence[Person]]) -> Iterator[tuple[float, bool]]:
    for index, detections in seen.detections.items():
        free = list(people[index])
        for one in sorted(detections, key=lambda d: -d.score):
            best = max(
                free,
                key=lambda person: (one.box.iou(person.box) >= SAME, person.counts, one.box.iou(person.box)),
                default=None,
            )
            if best is None or one.box.iou(best.box) < SAME:
                yield one.score, False
                continue
            free.remove(best)
            if best.counts:
                yield one.score, True


def recall_by_height(seen: Seen, least: float) -> dict[str, tuple[float, int]]:
    """Return for each range of heights the share of people found with at least that score, and how many there are."""
    found = {name: [0, 0] for name in _names()}
    for index, detections in seen.detections.items():
        sure = [one for one in detections if one.score >= least]
        for person in truth()[index]:
            if not person.counts:
                continue
            row = found[_name(person.height_px)]
            row[1] += 1
            row[0] += any(one.box.iou(person.box) >= SAME for one in sure)
    return {name: (round(hit / max(1, total), 3), total) for name, (hit, total) in found.items()}


def _names() -> list[str]:
    return [f"{low}-{high}" for low, high in pairwise(HEIGHTS)]


def _name(height: float) -> str:
    return next(name for name, high in zip(_names(), HEIGHTS[1:], strict=True) if height < high)


def tracking(seen: Seen, least_age: int = 3, least: float = 0.5) -> dict[str, float]:
    """Return MOTA, IDF1 and counts by motmetrics. A track counts from its third sight on, as it does for events, in frames in
    which it was found with a score to believe: weaker sights hold on to it and claim nothing.
    """
    import motmetrics

    judge = motmetrics.MOTAccumulator(auto_id=True)
    for index, tracks in seen.tracks.items():
        shown = [track for track in tracks if track.age >= least_age and track.missed == 0 and track.score >= least]
        people = truth()[index]
        hidden = [person for person in people if not person.counts]
        people = [person for person in people if person.counts]
        shown = [
            track
            for track in shown
            if not (
                any(track.box.iou(p.box) >= SAME for p in hidden) and not any(track.box.iou(p.box) >= SAME for p in people)
            )
        ]
        apart = np.array([[_distance(person.box, track.box) for track in shown] for person in people])
        judge.update([p.id for p in people], [t.id for t in shown], apart.reshape(len(people), len(shown)))
    names = ["idf1", "idp", "idr", "mota", "num_switches", "num_fragmentations", "num_false_positives", "num_misses"]
    table = motmetrics.metrics.create().compute(judge, metrics=names, name="pets09")
    return {name: round(float(table[name].iloc[0]), 4) for name in names}


def _distance(a: Box, b: Box) -> float:
    overlap = a.iou(b)
    return 1 - overlap if overlap >= SAME else float("nan")


def at_scale(seen: Seen, scale: Callable[[float], float]) -> Seen:
    """Return the same with other scores."""
    changed = {i: tuple(replace(one, score=scale(one.score)) for one in found) for i, found in seen.detections.items()}
    return replace(seen, detections=changed)
