"""One frame after another: motion → regions → crops → inference → tracker → events. Single-threaded and without a clock:
the watcher's thread feeds it, and a test may feed it faster than real time.

Answers of inference may come later and on another thread; they are applied in the order of their frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from guardian.interfaces import Tracker
from guardian.model.label_rule import NO_RULE, LabelRule
from guardian.model.labels import kin
from guardian.model.messages import EventReport, InferReply, ModelReady
from guardian.model.picture import PictureWish
from guardian.model.time import SECOND_US
from guardian.model.vision import Detection, Region, Track
from guardian.model.zone import Mask
from guardian.watch.crops import Crop, cut
from guardian.watch.decode import Picture
from guardian.watch.merge import Found, merge
from guardian.watch.motion import USUAL_GAP_US, WIDTH, Motion, MotionDetector
from guardian.watch.regions import FEW, MOST, plan, whole
from guardian.watch.traces import Traces

MOST_WAITING = 2  # looks that wait for their answer, so that the next is cut meanwhile; full: this frame is not looked at
LATE_US = 120_000  # an answer should be there by then: a look has as many squares as come back in that time
LATEST = 0.2  # share of the last answer in how long a square takes
START_US = 10 * SECOND_US  # after a start whatever is there already has not moved yet: look at everything
FLOOR_SETTLING_US = SECOND_US // 2
FLOOR_START_US = SECOND_US
FLOOR_US = 3 * SECOND_US
QUIET_LOOK_US = SECOND_US
UNSURE = 0.5  # share of the threshold from which a detection may keep a track alive


class Infer(Protocol):
    """`detect.client.InferenceClient`, as far as it is used here."""

    @property
    def model(self) -> ModelReady | None: ...

    def submit(self, pictures: list[NDArray[np.uint8]], on_done: Callable[[InferReply], None]) -> bool: ...


class Events(Protocol):
    """`events.lifecycle.EventLifecycle`, as far as it is used here."""

    @property
    def active(self) -> bool: ...

    def quiet_tracks(self, utc_us: int) -> frozenset[int]: ...

    def update(self, utc_us: int, tracks: Sequence[Track], threshold: float, began_us: Mapping[int, int] = ...) -> None: ...

    def tick(self, utc_us: int) -> None: ...

    def wishes(self, utc_us: int) -> tuple[PictureWish, ...]: ...

    def picture_kept(self, wish: PictureWish, utc_us: int, path: str) -> None: ...

    def reports(self, without: Collection[str] = ()) -> tuple[EventReport, ...]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class WatchRules:
    """What the owner set. `min_score` None: the model's own threshold. `masks`: polygons in which motion is ignored.

    `object_masks`: where things are not seen at all. `per_label`: what is different for a label.
    """

    labels: frozenset[str]
    min_score: float | None = None
    masks: tuple[tuple[tuple[float, float], ...], ...] = ()
    object_masks: tuple[Mask, ...] = ()
    per_label: Mapping[str, LabelRule] = field(default_factory=dict)

    def threshold(self, label: str, model: ModelReady) -> float:
        """Return the score from which a detection of a label is believed."""
        own = self.per_label.get(label, NO_RULE).min_score
        if own is not None:
            return own
        return model.threshold if self.min_score is None else self.min_score

    def admits(self, one: Detection, aspect: float) -> bool:
        """Say whether a detection is of the size and shape that is wanted of its label, and in no mask."""
        rule = self.per_label.get(one.label)
        if rule is not None and not rule.admits(one.box, aspect):
            return False
        if not self.object_masks:
            return True
        x, y = one.box.foot
        return not any(mask.hides(one.label, x, min(y, 0.999)) for mask in self.object_masks)


@dataclass(slots=True)
class _Look:
    """A frame that inference was asked about."""

    picture: Picture
    regions: tuple[Region, ...]
    crops: tuple[Crop, ...]
    model: ModelReady
    tracker_us: int
    asked_us: int = 0
    took_us: int = 0
    reply: InferReply | None = None


@dataclass(slots=True)
class Counters:
    """Since the start. `refused`: looks that inference had no room for."""

    frames: int = 0
    looks: int = 0
    crops: int = 0
    refused: int = 0
    failed: int = 0


class WatchPipeline:
    """State of one camera's watching. `keep(wish, picture)` stores a picture and returns its path; `wake()` is called,
    from any thread, when an answer has come that `step` or `drain` should take in. `now_us`: a monotonic clock, by which the load
    of inference is judged; without one it has none.
    """

    def __init__(
        self,
        rules: WatchRules,
        *,
        infer: Infer,
        tracker: Tracker,
        events: Events,
        keep: Callable[[PictureWish, Picture], str],
        report: Callable[[EventReport], None],
        wake: Callable[[], None] = lambda: None,
        now_us: Callable[[], int] = lambda: 0,
    ) -> None:
        self._now_us = now_us
        self._rules, self._infer, self._tracker, self._events = rules, infer, tracker, events
        self._keep, self._report, self._wake = keep, report, wake
        self._kinds = frozenset(kin(label) for label in rules.labels)
        self._motion = MotionDetector(rules.masks)
        self._traces = Traces()
        self._waiting: deque[_Look] = deque()
        self._tracks: tuple[Track, ...] = ()
        self._began_us: int | None = None
        self._floor_us = self._quiet_us = -START_US
        self._stepped_us = self._rested_us = 0  # the last step; time that rests have taken in all, which trackers do not see
        self._resting = False
        self._square_us = LATE_US / FEW  # what a square takes from being asked for to its answer; nobody knows after a start
        self.moving = False
        self.motion_share = 0.0
        self.counters = Counters()

    def use_rules(self, rules: WatchRules) -> None:
        """Go by other rules from the next answer on; may be called from any thread."""
        self._rules, self._kinds = rules, frozenset(kin(label) for label in rules.labels)
        self._motion.use_masks(rules.masks)

    def restart(self) -> None:
        """What comes next does not follow what came: a new run."""
        self._motion.reset()
        self._traces.clear()
        self._began_us = None
        self._resting = False
        self._floor_us = self._quiet_us = -START_US

    @property
    def has_room(self) -> bool:
        """Say whether a look at the next frame would be taken."""
        return len(self._waiting) < (MOST_WAITING if self._most >= MOST else 1)

    @property
    def _most(self) -> int:
        """How many squares a look may have. Under load one that had more would be answered so late that it says what was."""
        return max(FEW, min(MOST, int(LATE_US / max(1.0, self._square_us))))

    @property
    def following(self) -> bool:
        """Say whether anything is followed that may move or whose event goes on, or an answer is awaited: each frame counts."""
        if self._waiting:
            return True
        if not self._tracks or self._events.active:
            return bool(self._tracks)
        quiet = self._events.quiet_tracks(self._stepped_us)
        return any(track.id not in quiet for track in self._tracks)

    def rest(self) -> None:
        """Frames come no more until something moves; what is followed stays where it is."""
        self._resting = True

    def glance(self, picture: Picture) -> Motion:
        """Say whether anything has moved since the last frame, during a rest. Where it has, step through the frames between."""
        motion = self._motion.glance(picture.small_luma(WIDTH), picture.utc_us)
        self.moving, self.motion_share = bool(motion.boxes), motion.share
        if not motion.boxes and not motion.settling:
            self.tick(picture.utc_us)
        return motion

    def step(self, picture: Picture) -> None:
        """Look at the next frame."""
        self.drain()
        self.counters.frames += 1
        if self._resting:
            self._rested_us += max(0, picture.utc_us - self._stepped_us - USUAL_GAP_US)
            self._resting = False
        self._stepped_us = picture.utc_us
        motion = self._motion.update(picture.small_luma(WIDTH), picture.utc_us)
        self.moving, self.motion_share = bool(motion.boxes), motion.share
        model = self._infer.model
        if model is not None:
            if self._began_us is None:
                self._began_us = picture.utc_us
            self._look(picture, motion, model)
        self.drain()
        self.tick(picture.utc_us)

    def drain(self) -> None:
        """Take in answers that have come."""
        while self._waiting and self._waiting[0].reply is not None:
            self._apply(self._waiting.popleft())

    def tick(self, utc_us: int) -> None:
        """Let time pass while no frames come, or none are worth a look."""
        if not self._waiting:  # an answer under way may still prolong what this would end
            self._events.tick(utc_us)
        self._tell()

    def close(self) -> None:
        """End what goes on."""
        self.drain()
        self._events.close()
        self._tell()

    # where to look

    def _look(self, picture: Picture, motion: Motion, model: ModelReady) -> None:
        if not self.has_room:
            self._leave_out(picture, motion)
            return
        regions = self._regions(picture, motion, model)
        if not regions:
            return
        crops = tuple(cut(picture, region, model) for region in regions)
        look = _Look(picture, regions, crops, model, picture.utc_us - self._rested_us, self._now_us())

        def answered(reply: InferReply) -> None:
            look.took_us, look.reply = self._now_us() - look.asked_us, reply
            self._wake()

        self._waiting.append(look)
        if not self._infer.submit([crop.pixels for crop in crops], answered):
            self._waiting.remove(look)
            self._leave_out(picture, motion)
            return
        self.counters.looks += 1
        self.counters.crops += len(crops)

    def _leave_out(self, picture: Picture, motion: Motion) -> None:
        self.counters.refused += 1
        self._traces.moved(picture.utc_us, motion.boxes)

    def _regions(self, picture: Picture, motion: Motion, model: ModelReady) -> tuple[Region, ...]:
        now, size = picture.utc_us, (picture.width, picture.height)
        quiet = self._events.quiet_tracks(now)
        boxes = [track.box for track in self._tracks if track.id not in quiet]
        if quiet and now - self._quiet_us >= QUIET_LOOK_US:
            self._quiet_us = now
            boxes += [track.box for track in self._tracks if track.id in quiet]
        floor = self._wants_floor(now, motion)
        if floor:
            self._floor_us = now
        everything, most = whole(*size) if floor else (), self._most
        if floor and most < MOST:
            return everything
        near = plan(*size, motion.boxes, boxes, max(model.width, model.height), most)
        return tuple(region for region in near if region.box not in {other.box for other in everything}) + everything

    def _wants_floor(self, now: int, motion: Motion) -> bool:
        assert self._began_us is not None
        since = now - self._floor_us
        if motion.settling:
            return since >= FLOOR_SETTLING_US
        least_us = 2 * FEW * self._square_us  # every second answer: nobody asks for more than inference can give
        if now - self._began_us < START_US:
            return since >= max(FLOOR_START_US, least_us)
        return bool(motion.boxes or self._tracks) and since >= max(FLOOR_US, least_us)

    # what was found

    def _apply(self, look: _Look) -> None:
        assert look.reply is not None
        if look.reply.error or len(look.reply.detections) != len(look.crops):
            self.counters.failed += 1
            return
        now, rules, model = look.picture.utc_us, self._rules, look.model
        self._square_us += LATEST * (look.took_us / len(look.crops) - self._square_us)
        aspect = look.picture.width / max(1, look.picture.height)
        thresholds = _Thresholds(rules, self._kinds, model)
        found = [
            Detection(one.label, relative(one.score, thresholds[one.label]), one.box)
            for one in self._found(look, look.reply, thresholds)
            if rules.admits(one, aspect)
        ]
        before = {one.id for one in self._tracks}
        self._tracks = self._tracker.update(look.tracker_us, found)
        came = {one.id: self._traces.began_us(now, one.label, one.box) for one in self._tracks if one.id not in before}
        self._traces.found(now, found)
        told = [
            Track(one.id, one.label, absolute(one.score, thresholds[one.label]), one.box, one.age, one.missed)
            for one in self._tracks
        ]
        self._events.update(now, told, model.threshold if rules.min_score is None else rules.min_score, came)
        wishes = self._events.wishes(now)
        waiting = [wish.event_id for wish in wishes if wish.first]
        self._tell(look.picture.arrived_us, waiting)
        for wish in sorted(wishes, key=lambda wish: not wish.first):  # better pictures of what is known already can wait
            path = self._keep(wish, look.picture)
            if path:
                self._events.picture_kept(wish, now, path)
            if wish.first:
                waiting.remove(wish.event_id)
                self._tell(look.picture.arrived_us, waiting)

    def _found(self, look: _Look, reply: InferReply, thresholds: _Thresholds) -> tuple[Detection, ...]:
        return merge(
            [
                Found(crop.to_frame(one), region.box)
                for region, crop, detections in zip(look.regions, look.crops, reply.detections, strict=True)
                for one in detections
                if one.score >= thresholds[one.label] * UNSURE and one.box.area > 0
            ]
        )

    def _tell(self, arrived_us: int = 0, waiting: Collection[str] = ()) -> None:
        """Report what happened; of the events that wait for their first picture a little later."""
        for report in self._events.reports(waiting):
            self._report(replace(report, arrived_us=arrived_us) if report.what == "start" else report)


class _Thresholds(dict[str, float]):
    """Scores to believe, by label, each looked up once a frame; no score is enough where the label is not wanted."""

    def __init__(self, rules: WatchRules, kinds: frozenset[str], model: ModelReady) -> None:
        super().__init__()
        self._rules, self._kinds, self._model = rules, kinds, model

    def __missing__(self, label: str) -> float:
        wanted = kin(label) in self._kinds
        self[label] = threshold = self._rules.threshold(label, self._model) if wanted else inf
        return threshold


def relative(score: float, threshold: float) -> float:
    """Return a score on the scale that trackers get: 0.5 is the model's threshold, 0 and 1 stay."""
    if score < threshold:
        return 0.5 * score / threshold
    return 0.5 + 0.5 * (score - threshold) / max(1e-6, 1 - threshold)


def absolute(score: float, threshold: float) -> float:
    """Undo `relative`."""
    value = score * 2 * threshold if score < 0.5 else threshold + (score - 0.5) * 2 * (1 - threshold)
    return round(value, 4)
