"""What to delete, oldest first: by age, by size of a camera, by size of all, and to keep the disk's reserve free.

Everything that decides it is in this file, and nothing here reads a clock, a disk or the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from guardian.model.segment import EventKeep, SegmentRecord
from guardian.model.time import SECOND_US

YOUNG_US = (
    24 * 3600 * SECOND_US
)  # so much footage in which nothing happened is not given up for older in which something did
MIN_RESERVE = 16 * 1024 * 1024  # the index and the write-ahead log must always find room


class Why(StrEnum):
    """Why a segment goes."""

    AGE = "age"
    CAMERA_SIZE = "camera_size"
    SIZE = "size"
    RESERVE = "reserve"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one camera, or all of them, may keep. None: no limit."""

    max_age_us: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class KeepRule:
    """Footage with an event of these labels and zones (empty: any) is kept to this age. `cameras`: empty for all."""

    max_age_us: int
    cameras: frozenset[str] = frozenset()
    labels: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits over all cameras, those of single cameras (an age of their own replaces the general one), and the reserve.

    `keeps` make footage stay longer in which something happened, with `margins` (before, after) around it by camera.
    Below `reserve_bytes` of free space footage is deleted until `headroom_bytes` more than that are free, so that
    recording does not go on and off at the edge.
    """

    general: Limits = Limits()
    cameras: Mapping[str, Limits] = field(default_factory=dict)
    reserve_bytes: int = 0
    keeps: tuple[KeepRule, ...] = ()
    margins: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def floor_bytes(self) -> int:
        """Free space below which footage must go."""
        return max(self.reserve_bytes, MIN_RESERVE)

    @property
    def target_bytes(self) -> int:
        """Free space to reach once that has happened, and to resume recording at."""
        return self.floor_bytes + max(self.reserve_bytes // 10, MIN_RESERVE)

    def of_cameras(self) -> Rules:
        """Only what concerns each camera by itself; to be used with a disk that has room."""
        return Rules(Limits(self.general.max_age_us), self.cameras)

    def by_size(self) -> Rules:
        """Without ages."""
        cameras = {camera: Limits(None, limits.max_bytes) for camera, limits in self.cameras.items()}
        return Rules(Limits(None, self.general.max_bytes), cameras, self.reserve_bytes)

    def keeps_of(self, camera: str, now_us: int) -> tuple[EventKeep, ...]:
        """What to keep of a camera for what happened there."""
        before_us, after_us = self.margins.get(camera, (0, 0))
        return tuple(
            EventKeep(rule.labels, rule.zones, now_us - rule.max_age_us, before_us, after_us)
            for rule in self.keeps
            if not rule.cameras or camera in rule.cameras
        )

    def age_of(self, camera: str) -> int | None:
        """How old a camera's footage may become."""
        own = self.cameras.get(camera, Limits()).max_age_us
        return own if own is not None else self.general.max_age_us


@dataclass(frozen=True, slots=True)
class Disk:
    """How things stand: free bytes, and bytes kept by camera."""

    free_bytes: int
    used: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Deletion:
    """One segment to delete."""

    segment: SegmentRecord
    why: Why


def plan_deletions(
    segments: Sequence[SegmentRecord], rules: Rules, now_us: int, disk: Disk, *, but_young: bool = False
) -> tuple[Deletion, ...]:
    """Return what must go of these segments, oldest first. `but_young`: for its age only, what is younger than a day.

    `segments` may be only the oldest of all: `disk.used` has the sums of everything. Who deletes them all and is still
    above a limit asks again with the next oldest.
    """
    used = dict(disk.used)
    total, free = sum(used.values()), disk.free_bytes
    target = rules.target_bytes if free < rules.floor_bytes else 0
    plan = []
    for segment in sorted(segments, key=lambda one: (one.header.start_utc_us, one.header.segment_id)):
        camera = segment.header.camera
        why = _why(segment, rules, now_us, used.get(camera, 0), total, free < target)
        if why is None or (but_young and why is not Why.AGE and segment.end_utc_us > now_us - YOUNG_US):
            continue
        plan.append(Deletion(segment, why))
        used[camera] = used.get(camera, 0) - segment.size_bytes
        total -= segment.size_bytes
        free += segment.size_bytes
    return tuple(plan)


def _why(segment: SegmentRecord, rules: Rules, now_us: int, used: int, total: int, short: bool) -> Why | None:
    age = rules.age_of(segment.header.camera)
    own = rules.cameras.get(segment.header.camera, Limits()).max_bytes
    if age is not None and segment.end_utc_us < now_us - age:
        return Why.AGE
    if own is not None and used > own:
        return Why.CAMERA_SIZE
    if rules.general.max_bytes is not None and total > rules.general.max_bytes:
        return Why.SIZE
    return Why.RESERVE if short else None


def must_pause(free_bytes: int, rules: Rules, *, paused: bool) -> bool:
    """Say whether recording has to rest, after everything that may be deleted has been."""
    return free_bytes < (rules.target_bytes if paused else rules.floor_bytes)
