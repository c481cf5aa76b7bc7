"""From tracks to events: one visit of one thing is one event, whatever the tracker loses or renames meanwhile.

States of a track: new → pending → part of an event, or resting (no event while it stays). States of an event:
active → lost (none of its tracks is seen) → active again, or ended. Everything that decides it is in this file and in
`stationary`, and nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from guardian.events.best_picture import is_better, quality
from guardian.events.stationary import Rest, StillPlaces
from guardian.events.zones import Presence
from guardian.model.event import Event, EventState, PathPoint
from guardian.model.label_rule import NO_RULE, LabelRule
from guardian.model.labels import is_parked_by_nature, kin
from guardian.model.messages import EventReport
from guardian.model.picture import PictureWish
from guardian.model.schedule import ALWAYS, Schedule
from guardian.model.time import SECOND_US
from guardian.model.vision import Box, Track
from guardian.model.zone import Line, Zone

LEAST_SIGHTS = 3  # a flicker of two frames is no visit
PATH_GAP_US = 330_000
UPDATE_GAP_US = SECOND_US
MOST_PATH_POINTS = 3600  # twenty minutes; then every other point goes
CLEARLY = 0.06  # an event's best score must pass the model's threshold by this share of what is left to 1
QUIET_US = 10 * SECOND_US
LEAD_LOST_US = SECOND_US  # another track of an event says where it stands when the one that did is not seen for so long
SIDE = 0.01  # of the picture's width: a box this near to its side is cut off there
ONE_THING = 0.65  # IoU at which two boxes of different kinds are one thing named twice; a rider and a bicycle reach 0.5


@dataclass(frozen=True, slots=True)
class EventRules:
    """What makes an event on one camera. `event_min_score` None: a little above the model's threshold.

    `require_zone`: only things for which the condition of a zone or line was fulfilled. `per_label`: what is different for a
    label. `schedule`: when events may begin; what has begun goes on to its end.
    """

    labels: frozenset[str]
    event_min_score: float | None = None
    min_us: int = 600_000
    end_after_us: int = 5 * SECOND_US
    zones: tuple[Zone, ...] = ()
    require_zone: bool = False
    lines: tuple[Line, ...] = ()
    per_label: Mapping[str, LabelRule] = field(default_factory=dict)
    schedule: Schedule = ALWAYS

    def least_best_score(self, label: str, threshold: float) -> float:
        """Return the score that the best sight of a thing must reach, for a model with this threshold."""
        own = self.per_label.get(label, NO_RULE)
        if own.event_min_score is not None:
            return own.event_min_score
        if own.min_score is None and self.event_min_score is not None:
            return self.event_min_score
        least = threshold if own.min_score is None else own.min_score
        return least + CLEARLY * (1 - least)

    def seen_enough(self, label: str, sights: int, lasting_us: int) -> bool:
        """Say whether a thing was seen often and long enough to be more than a flicker."""
        own = self.per_label.get(label, NO_RULE)
        return sights >= (own.min_sights or LEAST_SIGHTS) and lasting_us >= (
            self.min_us if own.min_us is None else own.min_us
        )


@dataclass(slots=True)
class _Followed:
    """One track since its first sight. `began_us`: since when it has been there, as far as known; not after that."""

    track: Track
    first_us: int
    began_us: int
    rest: Rest
    path: list[PathPoint]
    seen_us: int
    sights: int = 1
    best: float = 0.0
    presence: Presence = field(default_factory=Presence)
    event: _Open | None = None


@dataclass(slots=True)
class _Open:
    """One event that has not ended. `tracks` are those seen lately; none while it is lost. `lead` is the track whose feet
    say where it stands: of two for one thing each jitters in its own way."""

    event: Event
    path: list[PathPoint]
    presence: Presence
    tracks: set[int]
    lead: int
    led_us: int
    seen_us: int
    box: Box
    reported_us: int
    sighted: tuple[float, Box] | None = None
    quality: float = 0.0
    changed: bool = False


class EventLifecycle:
    """All events of one camera. Feed every answer of the tracker to `update`, and time to `tick`; then drain `reports`."""

    def __init__(self, camera: str, rules: EventRules, new_id: Callable[[], str]) -> None:
        self._camera, self._rules, self._new_id = camera, rules, new_id
        self._next_rules = rules
        self._followed: dict[int, _Followed] = {}
        self._open: list[_Open] = []
        self._still = StillPlaces()
        self._out: list[EventReport] = []

    @property
    def active(self) -> bool:
        """Say whether any event goes on."""
        return bool(self._open)

    def use_rules(self, rules: EventRules) -> None:
        """Go by other rules from the next frame on; may be called from any thread. What goes on goes on."""
        self._next_rules = rules

    def quiet_tracks(self, utc_us: int) -> frozenset[int]:
        """Return ids of tracks that have not moved for a while: they need only a look now and then."""
        still = [(id, one) for id, one in self._followed.items() if utc_us - one.rest.since_us >= QUIET_US]
        return frozenset(id for id, one in still if not self._may_loiter(utc_us, one))

    def _may_loiter(self, utc_us: int, one: _Followed) -> bool:
        """Say whether a thing that is no event yet will do something by staying where it is."""
        wanted = one.event is None and one.track.label in self._rules.labels and self._rules.schedule.holds(utc_us)
        return wanted and one.presence.may_loiter

    def update(
        self, utc_us: int, tracks: Sequence[Track], threshold: float, began_us: Mapping[int, int] = MappingProxyType({})
    ) -> None:
        """Take the tracker's answer for a frame of that time. `threshold`: the model's score to believe.

        `began_us`: of new tracks, since when the thing has been there, where that is known to be before this frame.
        """
        self._rules = self._next_rules
        for one in self._open:
            one.sighted = None
        for track in tracks:
            if track.missed == 0:
                self._sight(utc_us, track, began_us.get(track.id, utc_us))
        live = {track.id for track in tracks}
        self._drop_all_but(live)
        pending = [one for one in self._followed.values() if one.event is None and one.seen_us == utc_us]
        for followed in sorted(pending, key=lambda one: -one.best):  # of two names for one thing the better one counts
            self._consider(utc_us, followed, threshold)
        self.tick(utc_us)

    def tick(self, utc_us: int) -> None:
        """Let time pass: events end, updates become due."""
        for one in list(self._open):
            if utc_us - one.seen_us >= self._rules.end_after_us:
                self._end(one)
            elif one.changed and utc_us - one.reported_us >= UPDATE_GAP_US:
                one.reported_us, one.changed = utc_us, False
                self._report("update", one)

    def wishes(self, utc_us: int) -> tuple[PictureWish, ...]:
        """Return the events whose picture should be taken from the frame just given to `update`."""
        wanted = []
        for one in self._open:
            if one.sighted is None:
                continue
            worth = quality(*one.sighted)
            if is_better(worth, one.quality, utc_us - one.event.snapshot_us):
                event, first = one.event, not one.event.snapshot
                wanted.append(PictureWish(event.id, event.start_us, one.sighted[1], worth, event.label, first))
        return tuple(wanted)

    def picture_kept(self, wish: PictureWish, utc_us: int, path: str) -> None:
        """The picture wished for is stored at `path`."""
        for one in self._open:
            if one.event.id == wish.event_id:
                one.event = replace(one.event, snapshot=path, snapshot_us=utc_us, snapshot_box=wish.box)
                one.quality, one.changed = wish.quality, True

    def reports(self, without: Collection[str] = ()) -> tuple[EventReport, ...]:
        """Return what happened since the last call, in order, but for these events: theirs stays for another call. A start carries
        the picture that was kept before this call.
        """
        newest = {one.event.id: one for one in self._open}
        now, self._out = (
            [report for report in self._out if report.event.id not in without],
            [report for report in self._out if report.event.id in without],
        )
        return tuple(
            replace(report, event=_told(newest[report.event.id]))
            if report.what == "start" and report.event.id in newest
            else report
            for report in now
        )

    def close(self) -> None:
        """Nobody watches any more: what goes on ends where it was last seen."""
        for one in list(self._open):
            self._end(one)
        self._followed.clear()

    # tracks

    def _sight(self, utc_us: int, track: Track, began_us: int) -> None:
        one = self._followed.get(track.id)
        if one is None:
            rest = Rest(utc_us, track.box)
            one = _Followed(track, utc_us, began_us, rest, [], utc_us, sights=0)
            self._followed[track.id] = one
        one.track, one.seen_us = track, utc_us
        one.sights += 1
        one.best = max(one.best, track.score)
        had_moved = one.rest.has_moved
        one.rest.see(utc_us, track.box)
        if one.rest.has_moved and not had_moved:
            self._still.leave(track.label, one.rest.first)
            if one.event is None and utc_us - one.first_us >= QUIET_US:
                _begin_anew(one, utc_us)  # what stood there for hours begins its visit when it moves
        _extend(one.path, utc_us, track.box)
        if one.event is not None:
            self._go_on(utc_us, one, one.event)
        else:
            self._place(utc_us, one.presence, track)

    def _place(self, utc_us: int, presence: Presence, track: Track) -> None:
        presence.see(utc_us, track.box, track.label, self._rules.zones, self._rules.lines)

    def _drop_all_but(self, live: set[int]) -> None:
        for id in [id for id in self._followed if id not in live]:
            gone = self._followed.pop(id)
            if gone.event is not None:
                gone.event.tracks.discard(id)

    def _consider(self, utc_us: int, one: _Followed, threshold: float) -> None:
        """Decide whether a track is an event, belongs to one, or is none yet."""
        rules, label = self._rules, one.track.label
        if label not in rules.labels or not rules.seen_enough(label, one.sights, utc_us - one.first_us):
            return
        earlier = self._same_visit(utc_us, one)
        if earlier is not None:
            self._join(utc_us, one, earlier)
            return
        if not rules.schedule.holds(utc_us):
            self._let_pass(utc_us, one)
            return
        if one.best < rules.least_best_score(label, threshold) or (rules.require_zone and not one.presence.counts):
            return
        if self._still.holds(utc_us, label, one.track.box):
            return
        if is_parked_by_nature(label) and not one.rest.has_moved:
            return
        self._start(utc_us, one)

    def _let_pass(self, utc_us: int, one: _Followed) -> None:
        """No event is wanted at this hour: what is still there when one is begins then, and what came to rest rests."""
        label, box = one.track.label, one.track.box
        if one.rest.is_over(utc_us, label) and not self._still.holds(utc_us, label, box):
            self._still.add(utc_us, label, box)
        _begin_anew(one, utc_us)

    # events

    def _start(self, utc_us: int, one: _Followed) -> None:
        event = Event(self._new_id(), self._camera, one.track.label, one.best, one.began_us, None, EventState.ACTIVE)
        id, box = one.track.id, one.track.box
        opened = _Open(event, one.path[:], one.presence, {id}, id, utc_us, utc_us, box, utc_us)
        opened.sighted = (one.track.score, one.track.box)
        one.event = opened
        self._open.append(opened)
        self._report("start", opened)

    def _same_visit(self, utc_us: int, one: _Followed) -> _Open | None:
        """Return the open event that a new track belongs to: one lost near by, or one that is seen in the same place."""
        for other in self._open:
            if kin(other.event.label) != kin(one.track.label):
                near = one.first_us - other.seen_us <= SECOND_US and _is_one(other.box, one.path[0].box, one.track.box)
            elif other.seen_us < utc_us or not other.tracks:
                near = other.seen_us <= one.first_us + SECOND_US and _near(other.box, one.path[0].box, one.track.box)
            else:
                near = _covers(other.box, one.track.box)
            if near:
                return other
        return None

    def _join(self, utc_us: int, one: _Followed, event: _Open) -> None:
        one.event = event
        event.tracks.add(one.track.id)
        self._go_on(utc_us, one, event)

    def _go_on(self, utc_us: int, one: _Followed, event: _Open) -> None:
        """An event's thing is seen in this frame."""
        label, score = one.track.label, one.track.score
        if label not in self._rules.labels or one.best < event.event.score:  # the name of the best sight stays
            label = event.event.label
        event.tracks.add(one.track.id)
        if label != event.event.label or one.best > event.event.score:
            event.event = replace(event.event, label=label, score=max(event.event.score, one.best))
        if event.lead not in event.tracks or utc_us - event.led_us >= LEAD_LOST_US:
            event.lead = one.track.id
        if event.lead == one.track.id:
            event.led_us = utc_us
            self._place(utc_us, event.presence, one.track)
        if event.sighted is None or score > event.sighted[0]:
            event.sighted, event.box = (score, one.track.box), one.track.box
        _extend(event.path, utc_us, one.track.box)
        event.seen_us, event.changed = utc_us, True
        if one.rest.is_over(utc_us, label) and self._all_rest(utc_us, event):
            self._end_still(utc_us, event)

    def _all_rest(self, utc_us: int, event: _Open) -> bool:
        parts = [self._followed[id] for id in event.tracks if id in self._followed]
        return all(part.rest.is_over(utc_us, part.track.label) for part in parts)

    def _end_still(self, utc_us: int, event: _Open) -> None:
        """It stands: its event ends, and its place starts none while it stays there."""
        self._still.add(utc_us, event.event.label, event.box)
        for id in event.tracks:
            part = self._followed.get(id)
            if part is not None:
                part.rest = Rest(utc_us, part.track.box)
        self._end(event, still_there=True)

    def _end(self, one: _Open, *, still_there: bool = False) -> None:
        if not still_there:
            one.presence.gone(one.seen_us)
        one.event = replace(one.event, state=EventState.ENDED, end_us=one.seen_us)
        self._open.remove(one)
        for followed in self._followed.values():
            if followed.event is one:
                followed.event = None
                _begin_anew(followed, one.seen_us)
        self._report("end", one)

    def _report(self, what: Literal["start", "update", "end"], one: _Open) -> None:
        self._out.append(EventReport(what, _told(one)))


def _begin_anew(one: _Followed, utc_us: int) -> None:
    """Forget what a track was before: from now on it is pending."""
    one.first_us = one.began_us = utc_us
    one.sights, one.best = 0, 0.0
    one.path.clear()
    one.presence = Presence()


def _told(one: _Open) -> Event:
    return replace(one.event, zones=one.presence.names, happenings=one.presence.happenings, path=tuple(one.path))


def _extend(path: list[PathPoint], utc_us: int, box: Box) -> None:
    if path and utc_us - path[-1].utc_us < PATH_GAP_US:
        return
    path.append(PathPoint(utc_us, box))
    if len(path) > MOST_PATH_POINTS:
        del path[1::2]


def _near(lost: Box, first: Box, now: Box) -> bool:
    """Say whether a thing that was lost in one box may be the one that came up in `first`."""
    return not _went_out(lost, first) and any(_beside(lost, box) for box in (first, now))


def _went_out(lost: Box, first: Box) -> bool:
    """Say whether a thing was lost at a side of the picture and something else came up away from there: it had left."""
    room = SIDE + first.width / 2
    return (lost.x2 >= 1 - SIDE and first.x2 < 1 - room) or (lost.x1 <= SIDE and first.x1 > room)


def _is_one(other: Box, first: Box, now: Box) -> bool:
    """Say whether a thing of another name, first seen in `first`, is the very thing in `other`."""
    return max(other.iou(first), other.iou(now)) >= ONE_THING


def _beside(a: Box, b: Box) -> bool:
    (ax, ay), (bx, by) = a.centre, b.centre
    return abs(ax - bx) <= max(a.width, b.width) + 0.03 and abs(ay - by) <= 0.6 * max(a.height, b.height) + 0.03


def _covers(a: Box, b: Box) -> bool:
    """Say whether two boxes seen at once are one thing: a part of it, or the same named twice."""
    w = min(a.x2, b.x2) - max(a.x1, b.x1)
    h = min(a.y2, b.y2) - max(a.y1, b.y1)
    return w > 0 and h > 0 and w * h >= 0.7 * min(a.area, b.area)
