"""Retention put together: settings as rules, the index and the disk as the sweeper's hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from guardian.model.time import SECOND_US
from guardian.platform.clock import Clock
from guardian.platform.files import free_bytes
from guardian.services.events import EventService
from guardian.services.recordings import RecordingService
from guardian.settings.schema import RetentionSettings, Settings
from guardian.store.local import LocalStore
from guardian.store.retention import KeepRule, Limits, Rules
from guardian.store.sweeper import Hands, Sweeper

GB = 1_000_000_000
DAY_US = 86_400 * SECOND_US


def _limits(settings: RetentionSettings) -> Limits:
    return Limits(
        None if settings.days is None else round(settings.days * DAY_US),
        None if settings.max_gb is None else round(settings.max_gb * GB),
    )


def _own_limits(settings: RetentionSettings) -> Limits:
    """Of one camera: what its table does not say is left to the general settings."""
    limits = _limits(settings)
    return limits if "days" in settings.model_fields_set else replace(limits, max_age_us=None)


def rules_of(settings: Settings) -> Rules:
    """Return the retention rules that the settings ask for."""
    return Rules(
        general=_limits(settings.storage),
        cameras={name: _own_limits(camera.retention) for name, camera in settings.cameras.items()},
        reserve_bytes=round(settings.storage.reserve_gb * GB),
        keeps=tuple(
            KeepRule(round(keep.days * DAY_US), frozenset(keep.cameras), keep.labels, keep.zones)
            for keep in settings.storage.keep.values()
        ),
        margins={
            name: (round(camera.detect.pre_s * SECOND_US), round(camera.detect.post_s * SECOND_US))
            for name, camera in settings.cameras.items()
        },
    )


def make_sweeper(
    recordings: RecordingService,
    events: EventService,
    data_dir: Path,
    clock: Clock,
    settings: Callable[[], Settings],
    pause: Callable[[str], None],
    made_room: Callable[[], None] = lambda: None,
    let_go: Callable[[], None] = lambda: None,
) -> Sweeper:
    """Return the sweeper of a data folder; `run()` it in a task. `pause(why)`: an empty reason resumes recording.

    `let_go` closes files that were deleted, before free space is measured.
    """

    def free() -> int:
        let_go()
        return free_bytes(data_dir)

    return Sweeper(
        Hands(
            catalogue=recordings.catalogue,
            store=LocalStore(data_dir / "segments"),
            free=free,
            rules=lambda: rules_of(settings()),
            drop_events=events.drop_without_footage,
            pause=pause,
            made_room=made_room,
        ),
        clock,
    )
