"""What has been recorded: the index for closed segments, and above it, in memory, those that are still being written."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from guardian.index.engine import IndexFile
from guardian.index.recordings import Recordings
from guardian.model.errors import Damaged, GuardianError, NotFound
from guardian.model.ids import is_camera_id, is_uuid7, uuid7
from guardian.model.messages import FragmentSealed, SegmentClosed, SegmentOpened
from guardian.model.segment import FragmentMeta, SegmentHeader, SegmentRecord
from guardian.model.time import SECOND_US, Span
from guardian.model.views import RecordingSpan
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.record.tail_recovery import Scan, newest, recover
from guardian.store.local import inside

_log = structlog.get_logger(__name__)
SUFFIX = ".pgs"
JOIN_GAP_US = 1_500_000  # a camera that reconnects within this shows as unbroken
TABLES = 1600  # fragment tables of closed segments kept, some 8 kB each: a day's playlist without a second look
FOOTAGE_FOR_S = 5.0  # the sum over all segments takes some 50 ms at 30 days x 8 cameras
RETRY_S = 5.0
SETTLE_S = 0.3  # an unfinished file that does not grow over this is nobody's
RECENT_DAYS = 2  # looked through before cameras start; the rest beside them
DAY_US = 86_400 * SECOND_US

Table = tuple[FragmentMeta, ...]


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A segment to read from, open or closed. `path` is absolute; `table[0]` is the init segment."""

    header: SegmentHeader
    epoch: int
    path: Path
    table: tuple[FragmentMeta, ...]
    end_utc_us: int
    open: bool

    @property
    def segment_id(self) -> str:
        """Its id."""
        return self.header.segment_id


@dataclass(slots=True)
class _Growing:
    """A segment that the index does not have yet. `record` once it is closed."""

    header: SegmentHeader
    epoch: int
    path: str
    table: list[FragmentMeta] = field(default_factory=list)
    record: SegmentRecord | None = None

    @property
    def end_us(self) -> int:
        if self.record is not None:
            return self.record.end_utc_us
        last = self.table[-1] if self.table else None
        return last.start_utc_us + last.duration_90k * 100 // 9 if last is not None else self.header.start_utc_us

    def span(self) -> RecordingSpan:
        size = self.record.size_bytes if self.record is not None else sum(row.size for row in self.table)
        header = self.header
        return RecordingSpan(header.start_utc_us, self.end_us, header.stream, header.codecs, size, self.record is None)


class RecordingService:
    """Takes what camera processes say of their files, and answers where footage is and how to read it."""

    def __init__(
        self, index: IndexFile, data_dir: Path, clock: Clock, scan: Scan | None = None, tasks: Tasks | None = None
    ) -> None:
        self.catalogue = Recordings(index)
        self._segments, self._clock = data_dir / "segments", clock
        self._scan = scan or _vault_scan()
        self._tasks = tasks or Tasks()
        self._growing: dict[str, _Growing] = {}
        self._tables: OrderedDict[str, Table] = OrderedDict()
        self._records: OrderedDict[str, SegmentRecord] = OrderedDict()  # of whole files, which do not change
        self.elsewhere: Callable[[Sequence[SegmentRecord]], Awaitable[dict[str, Path]]] = _nowhere
        self._flushing = False
        self._retry_at_s = 0.0
        self._by_camera: dict[str, int] = {}
        self._footage: tuple[float, tuple[int, int | None]] | None = None

    # what camera processes say

    async def take(self, camera: str, message: SegmentOpened | FragmentSealed | SegmentClosed) -> None:
        """Take a message of a camera's process. A closed segment is indexed on return, unless the index is away."""
        if isinstance(message, FragmentSealed):
            growing = self._growing.get(message.segment_id)
            if growing is not None and growing.header.camera == camera and growing.record is None:
                growing.table.append(message.meta)
        elif isinstance(message, SegmentOpened):
            if self._is_own(camera, message.header, message.path):
                growing = _Growing(message.header, message.epoch, message.path)
                self._growing[message.header.segment_id] = growing
        elif self._is_own(camera, message.record.header, message.record.path):
            self._close(message.record)
        await self._flush()

    def _is_own(self, camera: str, header: SegmentHeader, path: str) -> bool:
        """Camera processes speak to hostile devices: they name files of their own camera only."""
        parts = path.split("/")
        own = (
            header.camera == camera
            and is_uuid7(header.segment_id)
            and is_camera_id(header.stream)
            and len(parts) == 4
            and parts[:2] == [camera, header.stream]
            and parts[2] not in ("", ".", "..")
            and parts[3] == header.segment_id + SUFFIX
        )
        if not own:
            _log.warning("segment_refused", camera=camera, path=path)
        return own

    def _close(self, record: SegmentRecord) -> None:
        growing = self._growing.setdefault(record.header.segment_id, _Growing(record.header, record.epoch, record.path))
        growing.record = record

    async def _flush(self) -> None:
        """Index what is closed. Who comes while it runs leaves theirs to it, so a crowd goes in one transaction."""
        if self._flushing or self._clock.mono_s() < self._retry_at_s:
            return
        self._flushing = True
        try:
            while closed := [one.record for one in self._growing.values() if one.record is not None]:
                await self.catalogue.add(closed)
                for record in closed:
                    self._growing.pop(record.header.segment_id, None)
        except GuardianError as error:
            self._retry_at_s = self._clock.mono_s() + RETRY_S
            _log.error("segments_not_indexed", problem=error.message, cure=error.cure)
        finally:
            self._flushing = False

    async def camera_lost(self, camera: str) -> None:
        """The camera's process is gone: finish its files for it."""
        now_id = uuid7(max(0, self._clock.now().utc_us // 1000), bytes(10))
        lost = [one for one in self._growing.values() if one.header.camera == camera and one.record is None]
        paths = {one.path for one in lost}
        unknown = await asyncio.to_thread(newest, self._segments, camera)
        paths |= {"/".join(path.parts[-4:]) for path in unknown if path.stem < now_id and path.stem not in self._growing}
        known = await self.catalogue.known([_id_of(path) for path in paths])
        for path in sorted(paths):
            if _id_of(path) not in known:
                self._take_recovered(path, await asyncio.to_thread(self._recover, path))
        await self._flush()

    def _take_recovered(self, path: str, record: SegmentRecord | None) -> None:
        if record is not None:
            self._close(record)
        else:
            self._growing.pop(_id_of(path), None)

    def _recover(self, relative: str) -> SegmentRecord | None:
        try:
            return recover(inside(self._segments, relative), self._scan)
        except (GuardianError, OSError) as error:
            _log.warning("segment_not_recovered", path=relative, problem=str(error))
            return None

    # index and files brought together

    async def reconcile(self) -> None:
        """Index files that the index missed, mend unfinished ones, forget rows whose file is gone.

        The newest days at once, before cameras start; older ones in a task of its own, for there may be hundreds of
        thousands of files.
        """
        if not self._segments.is_dir():  # perhaps a disk that is not mounted: forget nothing
            return
        folders = await asyncio.to_thread(self._folders)
        recent: list[str] = []
        for stream in sorted({folder.rpartition("/")[0] for folder in folders}):
            recent += sorted(folder for folder in folders if folder.rpartition("/")[0] == stream)[-RECENT_DAYS:]
        for folder in recent:
            await self._reconcile_folder(folder)
        older = sorted(((set(folders) | await self.catalogue.folders()) - set(recent)), reverse=True)
        if older:
            self._tasks.spawn(self._reconcile_all(older), "reconcile older footage")

    async def _reconcile_all(self, folders: Sequence[str]) -> None:
        for folder in folders:
            try:
                await self._reconcile_folder(folder)
            except GuardianError as error:
                _log.warning("folder_not_reconciled", folder=folder, problem=error.message)

    async def _reconcile_folder(self, folder: str) -> None:
        files = await asyncio.to_thread(self._files, folder)
        known = await self.catalogue.known(list(files))
        missed = [path for segment_id, path in files.items() if segment_id not in known and segment_id not in self._growing]
        unfinished = []
        for at in range(0, len(missed), 100):
            found = await asyncio.to_thread(self._scan_all, missed[at : at + 100])
            await self.catalogue.add([record for record in found.values() if record is not None])
            unfinished += [path for path, record in found.items() if record is None]
        if unfinished:
            await self._mend(unfinished)
        await self._forget_gone(folder, files)
        if missed:
            _log.info("segments_found", folder=folder, segments=len(missed), unfinished=len(unfinished))

    def _scan_all(self, paths: Iterable[str]) -> dict[str, SegmentRecord | None]:
        """Describe finished files; None for those that have to be mended."""
        found: dict[str, SegmentRecord | None] = {}
        for path in paths:
            try:
                scanned = self._scan(inside(self._segments, path))
                found[path] = scanned.record(path) if scanned.complete else None
            except Damaged:
                found[path] = None
            except OSError:
                continue
        return found

    async def _mend(self, paths: Sequence[str]) -> None:
        before = await asyncio.to_thread(self._sizes, paths)
        await self._clock.sleep(SETTLE_S)
        after = await asyncio.to_thread(self._sizes, paths)
        for path in paths:
            if before.get(path) == after.get(path) and _id_of(path) not in self._growing:
                record = await asyncio.to_thread(self._recover, path)
                await self.catalogue.add([record] if record is not None else [])

    async def _forget_gone(self, folder: str, files: dict[str, str]) -> None:
        camera, stream, day = folder.split("/")
        rows = await self.catalogue.in_folder(camera, stream, folder, _day(day))
        absent = [(one, path) for one, path in rows.items() if one not in files]
        gone = await asyncio.to_thread(lambda: [one for one, path in absent if not inside(self._segments, path).exists()])
        if gone:
            await self.catalogue.forget(gone)
            _log.info("segments_gone", folder=folder, segments=len(gone))

    def _folders(self) -> list[str]:
        found = (path for path in self._segments.glob("*/*/*") if path.is_dir())
        return ["/".join(path.parts[-3:]) for path in found if is_camera_id(path.parts[-3]) and is_camera_id(path.parts[-2])]

    def _files(self, folder: str) -> dict[str, str]:
        try:
            names = [path.name for path in (self._segments / folder).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return {}
        ids = (name.removesuffix(SUFFIX) for name in sorted(names) if name.endswith(SUFFIX))
        return {one: f"{folder}/{one}{SUFFIX}" for one in ids if is_uuid7(one)}

    def _sizes(self, paths: Sequence[str]) -> dict[str, int]:
        sizes = {}
        for path in paths:
            try:
                sizes[path] = inside(self._segments, path).stat().st_size
            except OSError:
                continue
        return sizes

    # what is asked

    async def segment(self, segment_id: str) -> SegmentView:
        """One segment, open or closed. NotFound."""
        growing = self._growing.get(segment_id)
        if growing is not None and growing.table:
            return self._view_of(growing)
        record = growing.record if growing is not None else self._records.get(segment_id)
        if record is None:
            record = await self.catalogue.get(segment_id)
        if record is None:
            raise NotFound(f"there is no segment {segment_id!r}", field="segment", cure="It may be older than what is kept.")
        tables = await self._tables_of([record])
        place = (await self._places([record])).get(record.path)
        if record.path not in tables or place is None:
            raise NotFound(f"the footage of segment {segment_id} is gone", field="segment", cure="It may have been deleted.")
        return self._view(record, place, tables[record.path])

    async def segments(self, camera: str, stream: str, start_us: int, end_us: int) -> tuple[SegmentView, ...]:
        """Segments that share a moment with a span, oldest first, those still being written among them."""
        growing = self._growing_within(camera, stream, start_us, end_us)
        mine = {one.header.segment_id for one in growing}
        found = await self.catalogue.overlapping(camera, stream, start_us, end_us)
        self._records.update((one.header.segment_id, one) for one in found if one.complete)
        while len(self._records) > TABLES:
            self._records.popitem(last=False)
        closed = [one for one in found if one.header.segment_id not in mine]
        closed += [one.record for one in growing if one.record is not None and not one.table]
        tables = await self._tables_of(closed)
        views = [self._view_of(one) for one in growing if one.table]
        places = await self._places(closed)
        views += [
            self._view(one, places[one.path], tables[one.path])
            for one in closed
            if one.path in tables and one.path in places
        ]
        return tuple(sorted(views, key=lambda view: (view.header.start_utc_us, view.segment_id)))

    def _growing_within(self, camera: str, stream: str, start_us: int, end_us: int) -> list[_Growing]:
        return [
            one
            for one in self._growing.values()
            if (one.header.camera, one.header.stream) == (camera, stream)
            and one.header.start_utc_us < end_us
            and one.end_us > start_us
        ]

    def _view_of(self, one: _Growing) -> SegmentView:
        path = inside(self._segments, one.path)
        return SegmentView(one.header, one.epoch, path, tuple(one.table), one.end_us, one.record is None)

    def _view(self, record: SegmentRecord, place: Path, table: Table) -> SegmentView:
        return SegmentView(record.header, record.epoch, place, table, record.end_utc_us, False)

    async def _places(self, records: Sequence[SegmentRecord]) -> dict[str, Path]:
        """Where their files are, by path; without those that no folder has."""
        away = [one for one in records if not one.local]
        places = {one.path: inside(self._segments, one.path) for one in records if one.local}
        return places | await self.elsewhere(away) if away else places

    def moved(self, segment_ids: Iterable[str]) -> None:
        """Their files are elsewhere now."""
        for segment_id in segment_ids:
            self._records.pop(segment_id, None)

    async def _tables_of(self, records: Sequence[SegmentRecord]) -> dict[str, Table]:
        """Fragment tables by path; without those whose file is gone."""
        tables = {one.path: self._tables[one.path] for one in records if one.path in self._tables}
        for path in tables:
            self._tables.move_to_end(path)
        missed = [one for one in records if one.path not in tables]
        if missed:
            places = await self._places(missed)
            tables |= await asyncio.to_thread(self._read_tables, places)
            self._tables.update((path, tables[path]) for path in places if path in tables)
            while len(self._tables) > TABLES:
                self._tables.popitem(last=False)
        return tables

    def _read_tables(self, places: dict[str, Path]) -> dict[str, Table]:
        tables: dict[str, Table] = {}
        for path, place in places.items():
            try:
                tables[path] = tuple(self._scan(place).table)
            except (OSError, Damaged) as error:  # deleted in this moment, or damaged: the rest still plays
                _log.warning("segment_not_readable", path=path, problem=str(error))
        return tables

    async def spans(self, camera: str, stream: str, start_us: int, end_us: int) -> tuple[RecordingSpan, ...]:
        """Footage in a span and cut to it, oldest first, joined where less than 1.5 s apart."""
        growing = self._growing_within(camera, stream, start_us, end_us)
        ids = [one.header.segment_id for one in growing]
        pieces = list(await self.catalogue.spans(camera, stream, start_us, end_us, JOIN_GAP_US, ids))
        pieces += [one.span() for one in growing]
        return tuple(
            replace(span, start_us=max(span.start_us, start_us), end_us=min(span.end_us, end_us)) for span in _joined(pieces)
        )

    async def bounds(self, camera: str, stream: str) -> Span | None:
        """First and last moment of footage of a stream, or None."""
        growing = [one for one in self._growing.values() if (one.header.camera, one.header.stream) == (camera, stream)]
        closed = await self.catalogue.bounds(camera, stream)
        spans = [Span(one.header.start_utc_us, one.end_us) for one in growing if one.end_us > one.header.start_utc_us]
        spans += [closed] if closed is not None else []
        if not spans:
            return None
        return Span(min(span.start_us for span in spans), max(span.end_us for span in spans))

    async def footage(self) -> tuple[int, int | None]:
        """Bytes kept over all cameras and the oldest moment; a few seconds old at most."""
        now_s = self._clock.mono_s()
        if self._footage is None or now_s - self._footage[0] > FOOTAGE_FOR_S:
            usage = await self.catalogue.usage()
            growing = [one.span() for one in self._growing.values()]
            oldest = min((*(one.oldest_us for one in usage), *(span.start_us for span in growing)), default=None)
            size = sum(one.size_bytes for one in usage) + sum(span.size_bytes for span in growing)
            self._footage = now_s, (size, oldest)
            self._by_camera = {}
            for camera, some in [(one.camera, one.size_bytes) for one in usage] + [
                (one.header.camera, one.span().size_bytes) for one in self._growing.values()
            ]:
                self._by_camera[camera] = self._by_camera.get(camera, 0) + some
        return self._footage[1]

    async def usage(self) -> dict[str, int]:
        """Bytes on our own disk by camera; a few seconds old at most."""
        await self.footage()
        return self._by_camera

    async def held(self) -> dict[str, int]:
        """Bytes on our own disk that holds keep there, by camera."""
        return await self.catalogue.held_bytes()

    async def close(self) -> None:
        """Index what is closed and end what runs beside."""
        self._retry_at_s = 0.0
        await self._tasks.close()
        await self._flush()


async def _nowhere(_: Sequence[SegmentRecord]) -> dict[str, Path]:
    return {}


def _vault_scan() -> Scan:
    from guardian.vault.scan import scan

    return scan


def _id_of(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(SUFFIX)


def _day(name: str) -> Span | None:
    try:
        start = datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    start_us = round(start.timestamp()) * SECOND_US
    return Span(start_us, start_us + DAY_US)


def _joined(pieces: Sequence[RecordingSpan]) -> list[RecordingSpan]:
    joined: list[RecordingSpan] = []
    for piece in sorted(pieces, key=lambda one: one.start_us):
        last = joined[-1] if joined else None
        if last is not None and piece.start_us - last.end_us < JOIN_GAP_US and piece.codecs == last.codecs:
            joined[-1] = replace(
                last,
                end_us=max(last.end_us, piece.end_us),
                size_bytes=last.size_bytes + piece.size_bytes,
                open=last.open or piece.open,
            )
        else:
            joined.append(piece)
    return joined
