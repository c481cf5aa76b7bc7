"""Watching put together for one camera: its settings as rules of events, and the watcher that feeds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from guardian.events.lifecycle import EventLifecycle, EventRules
from guardian.interfaces import Tracker
from guardian.model.messages import CropSeen, EventReport
from guardian.model.segment import Sealer
from guardian.model.time import SECOND_US
from guardian.model.zone import Zone
from guardian.platform.clock import Clock, new_id
from guardian.settings.schema import DetectSettings
from guardian.watch.pipeline import Infer
from guardian.watch.watcher import Watcher


def rules_of(detect: DetectSettings) -> EventRules:
    """Return the rules of events that a camera's settings ask for."""
    return EventRules(
        labels=frozenset(detect.labels),
        event_min_score=detect.event_min_score,
        min_us=round(detect.min_seconds * SECOND_US),
        end_after_us=round(detect.end_after_s * SECOND_US),
        zones=tuple(Zone(name, zone.points, frozenset(zone.labels)) for name, zone in detect.zones.items()),
        require_zone=detect.require_zone,
    )


def make_watcher(
    *,
    camera: str,
    options: DetectSettings,
    clock: Clock,
    infer: Infer,
    tracker: Tracker,
    sealer: Sealer,
    pictures_dir: Path,
    report: Callable[[EventReport], None],
    on_awake: Callable[[bool], None] = lambda _: None,
    seen: Callable[[CropSeen, bytes], None] | None = None,
) -> Watcher:
    """Return a running watcher; close it. `seen` is given a crop of every picture that an event keeps."""
    return Watcher(
        camera=camera,
        options=options,
        clock=clock,
        infer=infer,
        tracker=tracker,
        events=EventLifecycle(camera, rules_of(options), lambda: new_id(clock)),
        sealer=sealer,
        pictures_dir=pictures_dir,
        report=report,
        on_awake=on_awake,
        seen=seen,
    )
