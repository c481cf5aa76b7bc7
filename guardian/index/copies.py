"""Copies of segments in further stores: which has what, what is due to go there, and what is old there."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from guardian.index.engine import IndexFile
from guardian.index.recordings import BATCH, held, record_of
from guardian.index.tables import copies as c
from guardian.index.tables import segments as s
from guardian.model.segment import SegmentRecord


class CopyRepository:
    """The repository of copies. `store` is the name of a tier."""

    def __init__(self, index: IndexFile) -> None:
        self._index = index

    async def add(self, store: str, segment_ids: Sequence[str], stored_us: int) -> None:
        """Note that a store has these segments."""
        if not segment_ids:
            return
        rows = [{"segment_id": one, "store": store, "stored_us": stored_us} for one in segment_ids]
        async with self._index.write() as connection:
            await connection.execute(insert(c).on_conflict_do_nothing(), rows)

    async def due(
        self, store: str, camera: str, stream: str, before_us: int, limit: int, *, from_us: int = 0
    ) -> tuple[SegmentRecord, ...]:
        """Whole segments of a stream on our own disk that ended before a moment and that the store lacks, oldest first."""
        where = (s.c.camera == camera, s.c.stream == stream, s.c.start_us >= from_us, s.c.end_us < before_us)
        query = sa.select(s).where(*where, s.c.local, s.c.complete, ~_in(store)).order_by(s.c.start_us).limit(limit)
        return await self._records(query)

    async def oldest(self, store: str, camera: str, stream: str, limit: int) -> tuple[SegmentRecord, ...]:
        """The oldest segments of a stream that a store has and that no hold is on, oldest first."""
        where = (s.c.camera == camera, s.c.stream == stream, _in(store), ~held())
        return await self._records(sa.select(s).where(*where).order_by(s.c.start_us).limit(limit))

    async def of(self, segment_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Stores by segment, of those that have copies."""
        found: dict[str, tuple[str, ...]] = {}
        async with self._index.read() as connection:
            for at in range(0, len(segment_ids), BATCH):
                query = sa.select(c.c.segment_id, c.c.store).where(c.c.segment_id.in_(segment_ids[at : at + BATCH]))
                for segment_id, store in await connection.execute(query):
                    found[segment_id] = (*found.get(segment_id, ()), store)
        return found

    async def size_of(self, store: str) -> tuple[int, int]:
        """Segments and bytes that a store has. Looks at every copy: for the start."""
        joined = sa.join(c, s, c.c.segment_id == s.c.segment_id)
        sums = (sa.func.count(), sa.func.coalesce(sa.func.sum(s.c.size_bytes), 0))
        async with self._index.read() as connection:
            row = (await connection.execute(sa.select(*sums).select_from(joined).where(c.c.store == store))).one()
        return int(row[0]), int(row[1])

    async def forget(self, store: str, segment_ids: Sequence[str]) -> None:
        """The store has them no more; what is nowhere now goes out of the index."""
        elsewhere = sa.exists().where(c.c.segment_id == s.c.segment_id)
        async with self._index.write() as connection:
            for at in range(0, len(segment_ids), BATCH):
                some = segment_ids[at : at + BATCH]
                await connection.execute(sa.delete(c).where(c.c.segment_id.in_(some), c.c.store == store))
                await connection.execute(sa.delete(s).where(s.c.segment_id.in_(some), s.c.local == sa.false(), ~elsewhere))

    async def _records(self, query: sa.Select[tuple[object, ...]]) -> tuple[SegmentRecord, ...]:
        async with self._index.read() as connection:
            return tuple(record_of(row) for row in await connection.execute(query))


def _in(store: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(c.c.segment_id == s.c.segment_id, c.c.store == store)
