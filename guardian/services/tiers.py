"""Tiers: sealed footage copied or moved to further stores by its age, played from there, and deleted there when it is old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from guardian.index.copies import CopyRepository
from guardian.index.engine import IndexFile
from guardian.index.rebuild import segment_files
from guardian.interfaces import SegmentStore
from guardian.model.errors import Damaged, GuardianError, ServiceUnavailable
from guardian.model.segment import SegmentRecord
from guardian.model.time import SECOND_US
from guardian.model.views import TierStatus
from guardian.platform.clock import Clock
from guardian.platform.files import PRIVATE_FILE, free_bytes
from guardian.record.tail_recovery import Scan
from guardian.services.recordings import RecordingService
from guardian.settings.schema import TierSettings
from guardian.store.local import inside, remove

_log = structlog.get_logger(__name__)
LOOK_EVERY_S = 15.0
STEP = 20  # segments asked for, or deleted, at once
PUT_S = 600.0  # a store that has not taken a segment by then hangs
CHUNK = 1024 * 1024
MARK = ".guardian-tier"
GB = 1_000_000_000
DAY_US = 86_400 * SECOND_US


@dataclass(slots=True)
class Tier:
    """One further store. `free`: bytes free there, where that can be told. `problem`: why the last round failed."""

    name: str
    settings: TierSettings
    store: SegmentStore
    segments: int = 0
    size_bytes: int = 0
    problem: str = ""
    cure: str = ""
    done_us: dict[tuple[str, str], int] = field(default_factory=dict)  # before it, nothing of a stream is due

    @property
    def root(self) -> Path | None:
        """The folder that it is, if it is one."""
        root = getattr(self.store, "root", None)
        return root if isinstance(root, Path) else None

    def news(self) -> tuple[str, str]:
        """Title and body for the owner, of a tier whose problem is new, or gone."""
        if self.problem:
            return f"Footage cannot be taken to {self.name}", f"{self.problem}. {self.cure}".strip()
        return f"Footage is taken to {self.name} again", "Everything that waited follows."

    def wants(self, camera: str) -> bool:
        """Say whether a camera's footage goes there."""
        return not self.settings.cameras or camera in self.settings.cameras


class TierService:
    """Takes footage to its tiers, one segment at a time, beside recording. `run` it in a task."""

    def __init__(
        self,
        index: IndexFile,
        data_dir: Path,
        clock: Clock,
        recordings: RecordingService,
        tiers: Sequence[Tier],
        scan: Scan,
        changed: Callable[[Tier], None] = lambda _: None,
    ) -> None:
        """`changed` is told of a tier whose `problem` is new, or gone. `clock`: one that believes no wall clock at once, for
        footage is deleted by it.
        """
        self._copies, self._segments, self._clock = CopyRepository(index), data_dir / "segments", clock
        self._recordings, self.tiers, self._scan, self._changed = recordings, tuple(tiers), scan, changed
        recordings.elsewhere = self.places

    def status(self) -> tuple[TierStatus, ...]:
        """What each tier has."""
        return tuple(
            TierStatus(one.name, one.settings.kind, one.segments, one.size_bytes, one.problem, one.cure)
            for one in self.tiers
        )

    async def places(self, records: Sequence[SegmentRecord]) -> dict[str, Path]:
        """Where to read segments that our own disk does not have, by their path."""
        roots = {tier.name: tier.root for tier in self.tiers if tier.root is not None}
        stores = await self._copies.of([one.header.segment_id for one in records])
        found: dict[str, Path] = {}
        for one in records:
            for name in stores.get(one.header.segment_id, ()):
                if (root := roots.get(name)) is not None:
                    found[one.path] = inside(root, one.path)
        return found

    async def run(self) -> None:
        """Serve them for ever; one that fails, or hangs, holds up no other."""
        await asyncio.gather(*(self._serve(tier) for tier in self.tiers))

    async def _serve(self, tier: Tier) -> None:
        begun = False
        while True:
            try:
                if not begun:
                    await self.begin(tier)
                    begun = True
                await self.round(tier)
                self._note(tier, "", "")
            except (GuardianError, OSError) as error:
                self._note(tier, str(error), getattr(error, "cure", ""))
            await self._clock.sleep(LOOK_EVERY_S)

    def _note(self, tier: Tier, problem: str, cure: str) -> None:
        new, tier.problem, tier.cure = problem != tier.problem, problem, cure
        if new:
            _log.warning("tier_problem" if problem else "tier_well", tier=tier.name, problem=problem)
            self._changed(tier)

    async def begin(self, tier: Tier) -> None:
        """Learn what the tier has. An index that knows of nothing there is told by the files themselves."""
        tier.segments, tier.size_bytes = await self._copies.size_of(tier.name)
        if tier.segments or tier.root is None:
            return
        files = await asyncio.to_thread(lambda root: list(segment_files(root)), tier.root)
        for at in range(0, len(files), STEP):
            found = await asyncio.to_thread(self._read_all, tier.root, files[at : at + STEP])
            known = await self._recordings.catalogue.known([one.header.segment_id for one in found])
            await self._recordings.catalogue.add([one for one in found if one.header.segment_id not in known])
            await self._stored(tier, found)
        if files:
            _log.info("tier_found", tier=tier.name, segments=tier.segments)

    def _read_all(self, root: Path, paths: Sequence[str]) -> list[SegmentRecord]:
        found = []
        for path in paths:
            try:
                scanned = self._scan(inside(root, path))
            except (Damaged, OSError):
                continue
            if scanned.complete:
                found.append(replace(scanned.record(path), local=False))
        return found

    async def round(self, tier: Tier) -> None:
        """Make room there, then take there what is due."""
        await self._expire(tier)
        before_us = self._clock.now().utc_us - round(tier.settings.after_days * DAY_US)
        for one in await self._recordings.catalogue.usage():
            if tier.wants(one.camera):
                while due := await self._due(tier, one.camera, one.stream, before_us):
                    for segment in due:
                        await self._take(tier, segment)
                    await self._expire(tier)

    async def _due(self, tier: Tier, camera: str, stream: str, before_us: int) -> tuple[SegmentRecord, ...]:
        name = (camera, stream)
        due = await self._copies.due(tier.name, camera, stream, before_us, STEP, from_us=tier.done_us.get(name, 0))
        if due:
            tier.done_us[name] = due[0].header.start_utc_us
        return due

    async def _check(self, tier: Tier) -> None:
        """ServiceUnavailable where its folder is not the one that was used before. A round may take hours: asked each time."""
        if tier.root is not None:
            await asyncio.to_thread(_check_root, tier.root, new=tier.segments == 0)

    async def _take(self, tier: Tier, segment: SegmentRecord) -> None:
        await self._check(tier)
        try:
            async with asyncio.timeout(PUT_S):
                await tier.store.put(segment, _chunks(inside(self._segments, segment.path)))
                if tier.settings.move:
                    await self._compare(tier, segment)
                    await self._check(tier)  # it may have gone while it was written, and what we compared lies below it
        except (GuardianError, FileNotFoundError):
            if await asyncio.to_thread(inside(self._segments, segment.path).exists):
                raise
            await self._recordings.catalogue.forget([segment.header.segment_id])  # retention was faster
            return
        except TimeoutError:
            raise ServiceUnavailable(
                f"{tier.name} takes longer than {PUT_S:.0f} s for a segment", cure="Is it there?"
            ) from None
        await self._stored(tier, [segment])
        if tier.settings.move:
            await asyncio.to_thread(remove, inside(self._segments, segment.path))
            await self._recordings.catalogue.forget([segment.header.segment_id])
            self._recordings.moved([segment.header.segment_id])

    async def _stored(self, tier: Tier, segments: Sequence[SegmentRecord]) -> None:
        await self._copies.add(tier.name, [one.header.segment_id for one in segments], self._clock.now().utc_us)
        tier.segments += len(segments)
        tier.size_bytes += sum(one.size_bytes for one in segments)

    async def _compare(self, tier: Tier, segment: SegmentRecord) -> None:
        """Damaged where what the store gives back is not what it was given."""
        path = inside(self._segments, segment.path)
        for start in range(0, segment.size_bytes, CHUNK):
            theirs = await tier.store.read(segment, start, CHUNK)
            if theirs != await asyncio.to_thread(_read, path, start, CHUNK):
                await tier.store.delete(segment)
                raise Damaged(f"{tier.name} gives back something else than it was given", cure="Check that disk.")

    async def _expire(self, tier: Tier) -> None:
        """Delete there what is too old, or too much."""
        await self._check(tier)
        while expired := await self._expired(tier):
            await self._check(tier)  # what cannot be found there now is not deleted, and must stay known
            gone = []
            for segment in expired:
                if not await self._recordings.catalogue.held([segment.header.segment_id]):  # since it was chosen
                    await tier.store.delete(segment)
                    gone.append(segment)
            await self._copies.forget(tier.name, [one.header.segment_id for one in gone])
            self._recordings.moved(one.header.segment_id for one in gone)
            tier.segments -= len(gone)
            tier.size_bytes -= sum(one.size_bytes for one in gone)

    async def _expired(self, tier: Tier) -> list[SegmentRecord]:
        limits, now_us = tier.settings, self._clock.now().utc_us
        oldest: list[SegmentRecord] = []
        for stream in await self._recordings.catalogue.usage():
            oldest += await self._copies.oldest(tier.name, stream.camera, stream.stream, STEP)
        oldest = sorted(oldest, key=lambda one: one.header.start_utc_us)[:STEP]
        too_much = 0 if limits.max_gb is None else tier.size_bytes - round(limits.max_gb * GB)
        if tier.root is not None:
            free = await asyncio.to_thread(free_bytes, tier.root)
            too_much = max(too_much, round(limits.reserve_gb * GB) - free)
        expired = []
        for one in oldest:
            old = limits.days is not None and one.end_utc_us < now_us - round(limits.days * DAY_US)
            if not old and too_much <= 0:
                break
            expired.append(one)
            too_much -= one.size_bytes
        return expired


def _check_root(root: Path, *, new: bool) -> None:
    """ServiceUnavailable where the folder is not the one that was used before, such as the empty one below a disk that is
    not mounted: it would be filled instead.
    """
    mark = root / MARK
    if not root.is_dir():
        raise ServiceUnavailable(f"{root} is not there", cure="Mount it, or correct the path.")
    if not mark.exists():
        if not new:
            raise ServiceUnavailable(
                f"{root} is not the folder that was used before: {MARK} is missing",
                cure="Mount the disk. If the folder is right, make that file in it, empty.",
            )
        try:
            mark.touch(PRIVATE_FILE)
        except OSError as error:
            raise ServiceUnavailable(f"{root} cannot be written: {error.strerror}", cure="Check its permissions.") from error


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)
