"""Watching put together for one camera: its settings as rules of events, and the watcher that feeds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from pathlib import Path

from guardian.events.lifecycle import EventLifecycle, EventRules
from guardian.interfaces import Tracker
from guardian.model.label_rule import LabelRule
from guardian.model.messages import CropSeen, EventReport
from guardian.model.picture import PictureWish
from guardian.model.schedule import Schedule, window_of
from guardian.model.segment import Sealer
from guardian.model.time import SECOND_US
from guardian.model.zone import Line, Mask, Zone
from guardian.platform.clock import Clock, new_id
from guardian.settings.schema import DetectSettings
from guardian.watch.decode import Picture
from guardian.watch.pipeline import Infer, WatchRules
from guardian.watch.watcher import Watcher


def rules_of(detect: DetectSettings, zone: tzinfo = UTC) -> EventRules:
    """Return the rules of events that a camera's settings ask for. `zone`: the local time of its schedules."""

    def hours(windows: Sequence[str]) -> Schedule:
        return Schedule(tuple(window_of(text) for text in windows), zone)

    return EventRules(
        labels=frozenset(detect.labels),
        event_min_score=detect.event_min_score,
        min_us=round(detect.min_seconds * SECOND_US),
        end_after_us=round(detect.end_after_s * SECOND_US),
        zones=tuple(
            Zone(name, one.points, frozenset(one.labels), _us(one.loiter_s), one.makes_event, hours(one.schedule))
            for name, one in detect.zones.items()
        ),
        require_zone=detect.require_zone,
        lines=tuple(
            Line(name, a, b, one.direction, frozenset(one.labels), one.makes_event, hours(one.schedule))
            for name, one in detect.lines.items()
            for a, b in (one.points,)
        ),
        per_label=_per_label(detect),
        schedule=hours(detect.schedule),
    )


def watch_rules_of(detect: DetectSettings) -> WatchRules:
    """Return what watching itself goes by."""
    return WatchRules(
        labels=frozenset(detect.labels),
        min_score=detect.min_score,
        masks=detect.masks,
        object_masks=tuple(Mask(one.points, frozenset(one.labels)) for one in detect.object_masks.values()),
        per_label=_per_label(detect),
    )


def _per_label(detect: DetectSettings) -> dict[str, LabelRule]:
    return {
        label: LabelRule(
            min_score=one.min_score,
            event_min_score=one.event_min_score,
            min_area=one.min_area,
            max_area=one.max_area,
            min_ratio=one.min_ratio,
            max_ratio=one.max_ratio,
            min_sights=one.min_frames,
            min_us=None if one.min_seconds is None else _us(one.min_seconds),
        )
        for label, one in detect.rules.items()
    }


def _us(seconds: float) -> int:
    return round(seconds * SECOND_US)


class Watching:
    """A camera's watcher and the rules of its events, which may be replaced while it runs."""

    def __init__(self, watcher: Watcher, events: EventLifecycle) -> None:
        self.watcher, self._events = watcher, events

    def use_rules(self, detect: DetectSettings, zone: tzinfo) -> None:
        """Go by other labels, zones, masks and hours from the next frame on; may be called from any thread."""
        self._events.use_rules(rules_of(detect, zone))
        self.watcher.use_rules(watch_rules_of(detect))


def make_watcher(
    *,
    camera: str,
    options: DetectSettings,
    zone: tzinfo,
    clock: Clock,
    infer: Infer,
    tracker: Tracker,
    sealer: Sealer,
    pictures_dir: Path,
    report: Callable[[EventReport], None],
    on_awake: Callable[[bool], None] = lambda _: None,
    seen: Callable[[CropSeen, bytes], None] | None = None,
    keep: Callable[[PictureWish, Picture], str] | None = None,
    own_thread: bool = True,
) -> Watching:
    """Return a running watcher with its rules; close it. `zone`: the local time of schedules. `seen` is given a crop of every
    picture that an event keeps. `keep`, `own_thread`: see `Watcher`.
    """
    events = EventLifecycle(camera, rules_of(options, zone), lambda: new_id(clock))
    watcher = Watcher(
        camera=camera,
        options=options,
        clock=clock,
        infer=infer,
        tracker=tracker,
        events=events,
        sealer=sealer,
        pictures_dir=pictures_dir,
        report=report,
        on_awake=on_awake,
        seen=seen,
        keep=keep,
        own_thread=own_thread,
    )
    watcher.use_rules(watch_rules_of(options))
    return Watching(watcher, events)
