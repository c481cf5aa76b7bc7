"""Applies retention: deletes files in small steps, then their rows, then events of which nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from guardian.model.errors import GuardianError
from guardian.model.segment import EventKeep, SegmentRecord, StreamUsage
from guardian.platform.clock import Clock
from guardian.store.retention import Deletion, Disk, Rules, Why, must_pause, plan_deletions

_log = structlog.get_logger(__name__)
SWEEP_EVERY_S = 60.0
LOOK_EVERY_S = 5.0  # at free space, which costs one statvfs
BATCH = 200  # oldest segments of a stream to plan with at once
ENOUGH = 1 << 62
LOOK_AGAIN_S = 600.0  # at what was kept for what happened in it, and may be old enough now
STEP = 20  # files deleted before others get their turn: some 20 ms on an SD card


class Catalogue(Protocol):
    """What the sweeper needs of the index (`index.recordings.Recordings`)."""

    async def usage(self) -> tuple[StreamUsage, ...]: ...

    async def oldest(
        self, camera: str, stream: str, limit: int, *, from_us: int | None = None, keeps: Sequence[EventKeep] = ()
    ) -> tuple[SegmentRecord, ...]:
        """Without what is held and what is kept for its events."""
        ...

    async def held(self, segment_ids: Sequence[str]) -> frozenset[str]:
        """Those that a hold is on."""
        ...

    async def forget(self, segment_ids: Sequence[str]) -> None: ...


class Bytes(Protocol):
    """What it needs of the store."""

    async def delete(self, segment: SegmentRecord) -> None: ...


@dataclass(frozen=True, slots=True)
class Hands:
    """What the sweeper acts through.

    `free` measures the disk. `drop_events(camera, before_us)` deletes that camera's events that ended before and have no
    footage, with their pictures. `pause(why)` pauses recording, or resumes it with an empty reason. `made_room` is told
    when footage had to go because the disk was short of room.
    """

    catalogue: Catalogue
    store: Bytes
    free: Callable[[], int]
    rules: Callable[[], Rules]
    drop_events: Callable[[str, int], Awaitable[int]]
    pause: Callable[[str], None]
    made_room: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did."""

    segments: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Oldest:
    """The oldest segments of one stream."""

    usage: StreamUsage
    segments: Sequence[SegmentRecord]

    @property
    def last_us(self) -> int | None:
        """Start of the last one in hand, when there may be more."""
        return self.segments[-1].header.start_utc_us if len(self.segments) == BATCH else None


class Sweeper:
    """Sweeps about once a minute, and at once when the disk runs short."""

    def __init__(self, hands: Hands, clock: Clock) -> None:
        self._hands, self._clock = hands, clock
        self._paused = False
        self._stuck: set[str] = set()
        self._plain_from: dict[tuple[str, str], int] = {}  # before it, only what is held or kept is left of a stream
        self._look_again_at_s = 0.0
        self._wake = asyncio.Event()

    def poke(self) -> None:
        """Sweep now: somebody met a full disk."""
        self._wake.set()

    async def run(self) -> None:
        """Sweep for ever."""
        due_s = 0.0
        while True:
            short = self._hands.free() < self._hands.rules().floor_bytes
            if short or self._paused or self._wake.is_set() or self._clock.mono_s() >= due_s:
                self._wake.clear()
                due_s = self._clock.mono_s() + SWEEP_EVERY_S
                await self._sweep_and_report()
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _sweep_and_report(self) -> None:
        try:
            swept = await self.sweep()
        except (GuardianError, OSError) as error:
            _log.warning("sweep_failed", problem=str(error))
            return
        if swept.segments:
            _log.info("footage_deleted", segments=swept.segments, bytes=swept.size_bytes)

    async def sweep(self) -> Swept:
        """Delete what must go now, then decide whether recording may go on."""
        total = Swept()
        self._stuck.clear()
        if self._clock.mono_s() >= self._look_again_at_s:
            self._look_again_at_s = self._clock.mono_s() + LOOK_AGAIN_S
            self._plain_from.clear()
        try:
            while (swept := await self._pass()).segments:
                total = Swept(total.segments + swept.segments, total.size_bytes + swept.size_bytes)
        finally:
            self._decide()
        await self._drop_old_events()
        return total

    async def _pass(self) -> Swept:
        """Delete for age and size what nothing happened in; and if that does not do, by size whatever no hold is on."""
        usage = await self._hands.catalogue.usage()
        rules, now_us = self._hands.rules(), self._clock.now().utc_us
        plan = self._plan([await self._plain(one, rules, now_us) for one in usage], rules, now_us)
        if not plan:
            plan = self._plan([await self._any(one) for one in usage], rules.by_size(), now_us, last=True)
        swept = await self._delete_all([deletion.segment for deletion in plan])
        if swept.segments and any(deletion.why is Why.RESERVE for deletion in plan):
            self._hands.made_room()
        return swept

    async def _plain(self, stream: StreamUsage, rules: Rules, now_us: int) -> _Oldest:
        """The oldest of a stream in which nothing happened for which it is kept."""
        name = (stream.camera, stream.stream)
        keeps = rules.keeps_of(stream.camera, now_us)
        found = await self._hands.catalogue.oldest(*name, BATCH, from_us=self._plain_from.get(name), keeps=keeps)
        if found:
            self._plain_from[name] = found[0].header.start_utc_us
        return _Oldest(stream, found)

    async def _any(self, stream: StreamUsage) -> _Oldest:
        return _Oldest(stream, await self._hands.catalogue.oldest(stream.camera, stream.stream, BATCH))

    def _plan(self, streams: Sequence[_Oldest], rules: Rules, now_us: int, *, last: bool = False) -> list[Deletion]:
        used: dict[str, int] = {}
        for one in streams:
            used[one.usage.camera] = used.get(one.usage.camera, 0) + one.usage.size_bytes
        plan: list[Deletion] = []
        for camera in used:
            own = [one for one in streams if one.usage.camera == camera]
            room = Disk(ENOUGH, used)
            plan += plan_deletions(self._in_order(own), rules.of_cameras(), now_us, room, but_young=not last)
        if not plan:
            disk = Disk(self._hands.free(), used)
            plan += plan_deletions(self._in_order(streams), rules, now_us, disk, but_young=not last)
        return plan

    def _in_order(self, streams: Sequence[_Oldest]) -> list[SegmentRecord]:
        """Join oldest segments as far as no stream has older ones that are not in hand."""
        horizon = min((one.last_us for one in streams if one.last_us is not None), default=None)
        return [
            segment
            for one in streams
            for segment in one.segments
            if segment.header.segment_id not in self._stuck and (horizon is None or segment.header.start_utc_us <= horizon)
        ]

    async def _delete_all(self, segments: Sequence[SegmentRecord]) -> Swept:
        swept = Swept()
        for at in range(0, len(segments), STEP):
            step = segments[at : at + STEP]
            held = await self._hands.catalogue.held([one.header.segment_id for one in step])  # since it was planned
            gone = [one for one in step if one.header.segment_id not in held and await self._delete_file(one)]
            await self._forget(gone)
            swept = Swept(swept.segments + len(gone), swept.size_bytes + sum(one.size_bytes for one in gone))
        return swept

    async def _delete_file(self, segment: SegmentRecord) -> bool:
        try:
            await self._hands.store.delete(segment)
        except (GuardianError, OSError) as error:
            _log.warning("delete_failed", path=segment.path, problem=str(error))
            self._stuck.add(segment.header.segment_id)  # the next sweep tries again
            return False
        return True

    async def _forget(self, segments: Sequence[SegmentRecord]) -> None:
        """After the files: a row without a file is forgotten at the next start, a file without a row would come back."""
        if not segments:
            return
        await self._hands.catalogue.forget([segment.header.segment_id for segment in segments])
        edges: dict[str, int] = {}
        for segment in segments:
            edges[segment.header.camera] = max(edges.get(segment.header.camera, 0), segment.end_utc_us)
        for camera, edge_us in edges.items():
            await self._hands.drop_events(camera, edge_us)

    async def _drop_old_events(self) -> None:
        """Events of cameras that do not record grow old too."""
        rules, now_us = self._hands.rules(), self._clock.now().utc_us
        for camera in {*rules.cameras, *(one.camera for one in await self._hands.catalogue.usage())}:
            if (age := rules.age_of(camera)) is not None:
                await self._hands.drop_events(camera, now_us - age)

    def _decide(self) -> None:
        free, rules = self._hands.free(), self._hands.rules()
        paused = must_pause(free, rules, paused=self._paused)
        if paused:
            self._hands.pause(f"the disk has only {free / 1e9:.2f} GB free and there is no older footage to delete")
        elif self._paused:
            self._hands.pause("")
        self._paused = paused
