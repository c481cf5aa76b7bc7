"""Segments: written once closed, asked by time, forgotten with their files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian.index.engine import IndexFile
from guardian.index.tables import copies as c
from guardian.index.tables import events as e
from guardian.index.tables import holds as h
from guardian.index.tables import replacing
from guardian.index.tables import segments as s
from guardian.model.segment import ContentKind, EventKeep, SegmentHeader, SegmentRecord, StreamUsage
from guardian.model.time import SECOND_US, Span
from guardian.model.views import RecordingSpan

BATCH = 500  # rows a statement: 19 columns each stay far below SQLite's limit of 32,766 variables
LOOK_BACK_US = 3600 * SECOND_US  # segments are at most 600 s and a GOP long; clock jumps may make them overlap
LONGEST_EVENT_US = 86_400 * SECOND_US  # of a longer one, footage before its last day is not kept for it
_FOR_EVER = 1 << 62
_ADD = replacing(s)


def _row(record: SegmentRecord) -> dict[str, Any]:
    h = record.header
    return {
        "segment_id": h.segment_id,
        "run_id": h.run_id,
        "camera": h.camera,
        "stream": h.stream,
        "kind": int(h.kind),
        "start_us": h.start_utc_us,
        "end_us": record.end_utc_us,
        "start_mono_us": h.start_mono_us,
        "start_90k": h.start_90k,
        "duration_90k": record.duration_90k,
        "codecs": h.codecs,
        "width": h.width,
        "height": h.height,
        "epoch": record.epoch,
        "path": record.path,
        "size_bytes": record.size_bytes,
        "fragments": record.fragments,
        "video_frames": record.video_frames,
        "complete": record.complete,
        "local": record.local,
    }


def record_of(row: sa.Row[Any]) -> SegmentRecord:
    """Return what a row of segments says."""
    header = SegmentHeader(
        segment_id=row.segment_id,
        run_id=row.run_id,
        camera=row.camera,
        stream=row.stream,
        kind=ContentKind(row.kind),
        start_utc_us=row.start_us,
        start_mono_us=row.start_mono_us,
        start_90k=row.start_90k,
        codecs=row.codecs,
        width=row.width,
        height=row.height,
    )
    return SegmentRecord(
        header=header,
        epoch=row.epoch,
        path=row.path,
        end_utc_us=row.end_us,
        duration_90k=row.duration_90k,
        size_bytes=row.size_bytes,
        fragments=row.fragments,
        video_frames=row.video_frames,
        complete=row.complete,
        local=row.local,
    )


def _shares_a_moment(start_us: Any, end_us: Any) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions on a segment; the first lets SQLite look at a stretch of `segments_by_time` only."""
    return (s.c.start_us > start_us - LOOK_BACK_US, s.c.start_us < end_us, s.c.end_us > start_us)


def held() -> sa.ColumnElement[bool]:
    """Condition on a segment: a hold is on it."""
    return sa.exists().where(h.c.camera == s.c.camera, h.c.start_us < s.c.end_us, h.c.end_us > s.c.start_us)


def _kept_for(keep: EventKeep) -> sa.ColumnElement[bool]:
    """Something happened in the segment for which it is kept."""
    end_us = sa.func.coalesce(e.c.end_us, _FOR_EVER)
    where = [
        e.c.camera == s.c.camera,
        e.c.start_us > s.c.start_us - LONGEST_EVENT_US,
        e.c.start_us < s.c.end_us + keep.before_us,
        end_us > s.c.start_us - keep.after_us,
        end_us >= keep.since_us,
    ]
    if keep.labels:
        where.append(e.c.label.in_(keep.labels))
    if keep.zones:
        zones = sa.func.json_each(e.c.zones).table_valued("value", name="zone")
        where.append(sa.exists().select_from(zones).where(zones.c.value.in_(keep.zones)))
    return sa.exists().where(*where)


def _in_batches(items: Sequence[str]) -> Iterable[Sequence[str]]:
    return (items[at : at + BATCH] for at in range(0, len(items), BATCH))


def _joined(rows: Iterable[Sequence[Any]], stream: str, gap_us: int) -> Iterator[RecordingSpan]:
    """Join rows of (start, end, codecs, bytes), oldest first. A day of a camera has 1,440: nothing here but what must be."""
    begin = end = size = 0
    codecs = ""
    for start_us, end_us, own, size_bytes in rows:
        if own == codecs and start_us - end < gap_us and size:
            size += size_bytes
        else:
            if size:
                yield RecordingSpan(begin, end, stream, codecs, size)
            begin, codecs, size = start_us, own, size_bytes
        if end_us > end:
            end = end_us
    if size:
        yield RecordingSpan(begin, end, stream, codecs, size)


def _within(camera: Any, stream: Any, start_us: Any, end_us: Any) -> tuple[sa.ColumnElement[bool], ...]:
    own = (s.c.camera == camera, s.c.stream == stream)
    # The segment in which the span begins is the last that starts before it, however long that is.
    last_before = sa.select(sa.func.max(s.c.start_us)).where(*own, s.c.start_us <= start_us).scalar_subquery()
    floor = sa.func.min(sa.func.coalesce(last_before, start_us), start_us - LOOK_BACK_US)
    return (*own, s.c.start_us >= floor, s.c.start_us < end_us, s.c.end_us > start_us)


# Made once: a page asks for a day of every camera, and to put it together takes as long as SQLite takes to answer.
_SPANS = (
    sa.select(s.c.start_us, s.c.end_us, s.c.codecs, s.c.size_bytes)  # in one index; SQLite's windows take thrice as long
    .where(
        *_within(
            sa.bindparam("camera"),
            sa.bindparam("stream"),
            sa.bindparam("start_us", type_=sa.BigInteger),
            sa.bindparam("end_us", type_=sa.BigInteger),
        )
    )
    .order_by(s.c.start_us)
)


def _held_bytes() -> sa.Select[Any]:
    """Return the statement for bytes by camera in spans, a JSON list of [camera, stream, start, end]. From a join with the table of
    holds SQLite would look at every segment there is.
    """
    span = sa.func.json_each(sa.bindparam("spans", type_=sa.String)).table_valued("value", name="span")
    camera, stream, start_us, end_us = (sa.func.json_extract(span.c.value, f"$[{at}]") for at in range(4))
    on = sa.and_(s.c.camera == camera, s.c.stream == stream, *_shares_a_moment(start_us, end_us))
    columns = sa.select(s.c.camera, s.c.segment_id, s.c.size_bytes)
    found = columns.select_from(sa.join(span, s, on)).where(s.c.local).distinct().subquery()
    return sa.select(found.c.camera, sa.func.sum(found.c.size_bytes)).group_by(found.c.camera)


_HELD = _held_bytes()


async def _streams(connection: AsyncConnection, camera: str) -> list[str]:
    """Return a camera's streams, each found by one look into the index."""
    found: list[str] = []
    following = sa.select(sa.func.min(s.c.stream)).where(s.c.camera == camera)
    while (name := await connection.scalar(following.where(s.c.stream > (found[-1] if found else "")))) is not None:
        found.append(name)
    return found


class Recordings:
    """The repository of segments."""

    def __init__(self, index: IndexFile) -> None:
        self._index = index

    async def add(self, records: Sequence[SegmentRecord]) -> None:
        """Store segments in one transaction; a segment that is known is replaced."""
        if not records:
            return
        async with self._index.write() as connection:
            await connection.execute(_ADD, [_row(record) for record in records])

    async def get(self, segment_id: str) -> SegmentRecord | None:
        """One segment, or None."""
        async with self._index.read() as connection:
            row = (await connection.execute(sa.select(s).where(s.c.segment_id == segment_id))).first()
        return None if row is None else record_of(row)

    async def overlapping(
        self, camera: str, stream: str, start_us: int, end_us: int, limit: int = 10_000
    ) -> tuple[SegmentRecord, ...]:
        """Segments that share a moment with a span, oldest first."""
        query = sa.select(s).where(*_within(camera, stream, start_us, end_us)).order_by(s.c.start_us).limit(limit)
        async with self._index.read() as connection:
            return tuple(record_of(row) for row in await connection.execute(query))

    async def spans(
        self, camera: str, stream: str, start_us: int, end_us: int, gap_us: int, without: Collection[str] = ()
    ) -> tuple[RecordingSpan, ...]:
        """Footage in a span, oldest first, not cut to it; segments less than `gap_us` apart and of one codec are joined."""
        query = _SPANS.where(s.c.segment_id.not_in(without)) if without else _SPANS
        where = {"camera": camera, "stream": stream, "start_us": start_us, "end_us": end_us}
        async with self._index.read() as connection:
            rows = (await connection.execute(query, where)).all()
        return tuple(_joined(rows, stream, gap_us))

    async def bounds(self, camera: str, stream: str) -> Span | None:
        """First and last moment of footage, or None."""
        own = (s.c.camera == camera, s.c.stream == stream)
        first = sa.select(sa.func.min(s.c.start_us)).where(*own).scalar_subquery()
        newest = sa.select(sa.func.max(s.c.start_us)).where(*own).scalar_subquery()
        last = sa.select(sa.func.max(s.c.end_us)).where(*own, s.c.start_us >= newest - LOOK_BACK_US).scalar_subquery()
        async with self._index.read() as connection:
            row = (await connection.execute(sa.select(first, last))).one()
        return None if row[0] is None else Span(row[0], row[1])

    async def newest(self) -> int | None:
        """Last moment of any footage, or None. Looks at every row of an index: for the start."""
        async with self._index.read() as connection:
            found = await connection.scalar(sa.select(sa.func.max(s.c.end_us)))
        return None if found is None else int(found)

    async def in_folder(self, camera: str, stream: str, folder: str, day: Span | None) -> dict[str, str]:
        """Path by segment id, of a stream's segments whose file is in a folder of our own disk. `day`: where their starts lie, if known."""
        query = sa.select(s.c.segment_id, s.c.path).where(s.c.camera == camera, s.c.stream == stream, s.c.local)
        if day is not None:
            query = query.where(s.c.start_us >= day.start_us, s.c.start_us < day.end_us)
        async with self._index.read() as connection:
            return {
                row.segment_id: row.path for row in await connection.execute(query) if row.path.rpartition("/")[0] == folder
            }

    async def folders(self) -> frozenset[str]:
        """Folders that hold segments, as `camera/stream/day`."""
        name = sa.func.length(s.c.segment_id) + len("/.pgs")
        query = sa.select(sa.func.substr(s.c.path, 1, sa.func.length(s.c.path) - name)).distinct()
        async with self._index.read() as connection:
            return frozenset(await connection.scalars(query))

    async def known(self, segment_ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that are in the index."""
        found: set[str] = set()
        async with self._index.read() as connection:
            for some in _in_batches(segment_ids):
                found.update(await connection.scalars(sa.select(s.c.segment_id).where(s.c.segment_id.in_(some))))
        return frozenset(found)

    async def held(self, segment_ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that a hold is on."""
        found: set[str] = set()
        async with self._index.read() as connection:
            for some in _in_batches(segment_ids):
                found.update(await connection.scalars(sa.select(s.c.segment_id).where(s.c.segment_id.in_(some), held())))
        return frozenset(found)

    async def usage(self) -> tuple[StreamUsage, ...]:
        """What is kept, by camera and stream: segments and bytes on our own disk, first and last moment of all."""
        stream, sums = (s.c.camera, s.c.stream), (sa.func.count(), sa.func.sum(s.c.size_bytes))
        both = sa.select(*stream, *sums, sa.func.min(s.c.start_us), sa.func.max(s.c.end_us)).group_by(*stream)
        away = sa.select(*stream, *sums).where(s.c.local == sa.false()).group_by(*stream)
        async with self._index.read() as connection:
            elsewhere = {(row[0], row[1]): (row[2], row[3]) for row in await connection.execute(away)}
            rows = (await connection.execute(both)).all()
        none = (0, 0)
        return tuple(
            StreamUsage(
                row[0],
                row[1],
                row[2] - elsewhere.get((row[0], row[1]), none)[0],
                row[3] - elsewhere.get((row[0], row[1]), none)[1],
                row[4],
                row[5],
            )
            for row in rows
        )

    async def oldest(
        self, camera: str, stream: str, limit: int, *, from_us: int | None = None, keeps: Sequence[EventKeep] = ()
    ) -> tuple[SegmentRecord, ...]:
        """The oldest segments on our own disk that may go, oldest first: no hold is on them, and no event of `keeps` in them.

        `from_us`: leave out what starts before.
        """
        where = [s.c.camera == camera, s.c.stream == stream, s.c.local, ~held(), *(~_kept_for(keep) for keep in keeps)]
        if from_us is not None:
            where.append(s.c.start_us >= from_us)
        query = sa.select(s).where(*where).order_by(s.c.start_us).limit(limit)
        async with self._index.read() as connection:
            return tuple(record_of(row) for row in await connection.execute(query))

    async def held_bytes(self) -> dict[str, int]:
        """Bytes on our own disk that holds keep there, by camera."""
        async with self._index.read() as connection:
            held = (await connection.execute(sa.select(h.c.camera, h.c.start_us, h.c.end_us))).all()
            streams = {camera: await _streams(connection, camera) for camera in {row.camera for row in held}}
            spans = [(row.camera, stream, row.start_us, row.end_us) for row in held for stream in streams[row.camera]]
            if not spans:
                return {}
            rows = await connection.execute(_HELD, {"spans": json.dumps(spans)})
            return {camera: int(size) for camera, size in rows}

    async def forget(self, segment_ids: Sequence[str]) -> None:
        """Take segments whose file is gone out of the index, in one transaction. What another store has stays known."""
        copied = sa.exists().where(c.c.segment_id == s.c.segment_id)
        async with self._index.write() as connection:
            for some in _in_batches(segment_ids):
                await connection.execute(sa.delete(s).where(s.c.segment_id.in_(some), ~copied))
                await connection.execute(sa.update(s).where(s.c.segment_id.in_(some)).values(local=False))

    async def pages(self, size: int = 2000) -> AsyncIterator[tuple[SegmentRecord, ...]]:
        """Every segment, by id, in pages; each page is read on its own."""
        after = ""
        while True:
            query = sa.select(s).where(s.c.segment_id > after).order_by(s.c.segment_id).limit(size)
            async with self._index.read() as connection:
                page = tuple(record_of(row) for row in await connection.execute(query))
            if not page:
                return
            yield page
            after = page[-1].header.segment_id
