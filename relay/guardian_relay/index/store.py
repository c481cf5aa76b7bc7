"""Events and their places. One process writes, so numbers are given out under a lock and in the transaction that uses them.

A store that is made anew begins to number at the time in µs: above all that a store before it can have given out, so that what
the cloud has acknowledged of that one never hides what is in this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import delete, event, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from guardian.platform.databases import close_given_up
from guardian.protocol.v1 import events_pb2 as pb
from guardian_relay.errors import RelayError, Unkept
from guardian_relay.index.kept import kept
from guardian_relay.index.tables import counters, events, metadata

BATCH_EVENTS, BATCH_BYTES = 200, 1 << 20  # docs/protocol.md#limits
PRUNE_EVERY = 500


def open_engine(url: str) -> AsyncEngine:
    """Return an engine; for SQLite, one that loses nothing it has promised when the power goes."""
    try:
        engine = create_async_engine(url, pool_pre_ping=not url.startswith("sqlite"), pool_size=4)
    except (SQLAlchemyError, ImportError) as error:
        raise RelayError(
            f"store.url cannot be used: {type(error).__name__}",
            cure="Such as postgresql+asyncpg://user@host/relay; empty: SQLite.",
            field="store.url",
        ) from error
    if engine.dialect.name == "sqlite":
        close_given_up(engine)

        @event.listens_for(engine.sync_engine, "connect")
        def _settle(connection: Any, _: Any) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
                connection.execute(f"PRAGMA {pragma}")

    return engine


async def make_tables(engine: AsyncEngine, now_us: int) -> None:
    """Make what is not there yet."""
    try:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
            for name, value in (("next", now_us), ("edge_up_to", 0), ("edge_run", 0), ("cloud_up_to", 0)):
                if (await connection.execute(select(counters.c.value).where(counters.c.name == name))).scalar() is None:
                    await connection.execute(insert(counters).values(name=name, value=value))
    except (SQLAlchemyError, OSError) as error:
        raise RelayError(
            f"the store cannot be opened: {type(error).__name__}", cure="Look at store.url and at the state folder."
        ) from error


class EventStore:
    """Events: taken from the edge once each, kept for viewers, given to the cloud in order."""

    def __init__(self, engine: AsyncEngine, keep_events: int, max_events: int, *, to_cloud: bool) -> None:
        self._engine, self._keep, self._max, self._to_cloud = engine, keep_events, max_events, to_cloud
        self._lock = asyncio.Lock()
        self._taken = 0
        self.dropped = 0
        self.news = asyncio.Event()

    async def edge_up_to(self) -> int:
        """The place in the edge's outbox up to which everything is here."""
        async with self._engine.connect() as connection:
            return await _counter(connection, "edge_up_to")

    async def take(self, batch: Sequence[pb.Event], up_to: int) -> int:
        """Keep a batch and its place, both or neither; return how many are news. Unkept."""
        async with self._lock:
            async with kept(self._engine) as connection:
                ids = list({one.id: None for one in batch})
                there = (
                    set((await connection.execute(select(events.c.id).where(events.c.id.in_(ids)))).scalars())
                    if ids
                    else set()
                )
                seq = await _counter(connection, "next")
                rows: list[dict[str, Any]] = []
                for one in batch:
                    if one.id not in there:
                        there.add(one.id)
                        rows.append({"seq": seq + len(rows), "id": one.id, "body": one.SerializeToString()})
                if rows:
                    await connection.execute(insert(events), rows)
                    await _set(connection, "next", seq + len(rows))
                await _set(connection, "edge_up_to", up_to)
            self._taken += len(rows)
            if self._taken >= PRUNE_EVERY:
                self._taken = 0
                with suppress(Unkept):  # the batch is here, which is what was asked
                    await self._prune()
        self.news.set()
        return len(rows)

    async def forget_edge_place(self) -> None:
        """Another home joins: its outbox has nothing to do with the one before."""
        async with self._lock, self._engine.begin() as connection:
            await _set(connection, "edge_up_to", 0)
            await _set(connection, "edge_run", 0)

    async def edge_begins(self, run: int, before: Sequence[int]) -> tuple[int, bool]:
        """A stream of the edge begins, which names its run and those before it: return up to where we have its outbox, and whether another
        with the same keys spoke meanwhile. Then its numbers are others than ours, and all that waits there is to come. Unkept.
        """
        async with self._lock, kept(self._engine) as connection:
            known, up_to = await _counter(connection, "edge_run"), await _counter(connection, "edge_up_to")
            if not run or run == known:
                return up_to, False
            copied = known not in (0, *before)
            await _set(connection, "edge_run", run)
            if copied:
                await _set(connection, "edge_up_to", 0)
            return (0 if copied else up_to), copied

    async def cloud_up_to(self) -> int:
        """The place in this outbox up to which the cloud has everything."""
        async with self._engine.connect() as connection:
            return await _counter(connection, "cloud_up_to")

    async def acknowledged(self, up_to: int) -> None:
        """The cloud has everything up to here. One that says more than was ever sent is of a store that we no longer have:
        what is here is numbered anew, above that. Unkept."""
        async with self._lock, kept(self._engine) as connection:
            following = await _counter(connection, "next")
            if up_to >= following:
                rows = (await connection.execute(select(events.c.seq).order_by(events.c.seq))).scalars().all()
                for place, seq in enumerate(reversed(rows)):
                    at = up_to + len(rows) - place
                    await connection.execute(update(events).where(events.c.seq == seq).values(seq=at))
                await _set(connection, "next", up_to + len(rows) + 1)
            await _set(connection, "cloud_up_to", up_to)

    async def after(self, place: int) -> tuple[int, list[bytes]]:
        """Return the next events behind a place: where they begin, and their bodies, in consecutive places."""
        async with self._engine.connect() as connection:
            found = (
                await connection.execute(
                    select(events.c.seq, events.c.body)
                    .where(events.c.seq > place)
                    .order_by(events.c.seq)
                    .limit(BATCH_EVENTS)
                )
            ).all()
        bodies: list[bytes] = []
        size = 0
        for at, (seq, body) in enumerate(found):
            size += len(body)
            if seq != found[0][0] + at or (bodies and size > BATCH_BYTES):
                break
            bodies.append(body)
        return (int(found[0][0]) if found else place + 1), bodies

    async def waiting(self) -> int:
        """How many events the cloud does not have."""
        async with self._engine.connect() as connection:
            up_to = await _counter(connection, "cloud_up_to")
            query = select(func.count()).select_from(events).where(events.c.seq > up_to)
            return int((await connection.execute(query)).scalar() or 0)

    async def count(self) -> int:
        """How many events are kept."""
        async with self._engine.connect() as connection:
            return int((await connection.execute(select(func.count()).select_from(events))).scalar() or 0)

    async def oldest(self) -> int:
        """The place of the oldest event that is kept."""
        async with self._engine.connect() as connection:
            first = (await connection.execute(select(func.min(events.c.seq)))).scalar()
            return int(first) if first is not None else await _counter(connection, "next")

    async def _prune(self) -> None:
        """Let the oldest go: those that the cloud has beyond `keep`, and whatever is beyond `max`."""
        async with kept(self._engine) as connection:
            following, up_to = await _counter(connection, "next"), await _counter(connection, "cloud_up_to")
            keep_from = (await connection.execute(_place_from_end(self._keep))).scalar() or following
            most_from = (await connection.execute(_place_from_end(self._max))).scalar()
            limit = min(keep_from, up_to + 1) if self._to_cloud else keep_from
            if self._keep == 0:
                limit = up_to + 1 if self._to_cloud else following
            elif keep_from == following:
                limit = 0
            if most_from is not None and most_from > limit:
                lost = select(func.count()).select_from(events).where(events.c.seq < most_from, events.c.seq > up_to)
                self.dropped += int((await connection.execute(lost)).scalar() or 0) if self._to_cloud else 0
                limit = most_from
            await connection.execute(delete(events).where(events.c.seq < limit))


def _place_from_end(count: int) -> Any:
    """The place of the `count`-th event from the end."""
    return select(events.c.seq).order_by(events.c.seq.desc()).offset(max(0, count - 1)).limit(1)


async def _counter(connection: AsyncConnection, name: str) -> int:
    value = (await connection.execute(select(counters.c.value).where(counters.c.name == name))).scalar()
    return int(value or 0)


async def _set(connection: AsyncConnection, name: str, value: int) -> None:
    await connection.execute(update(counters).where(counters.c.name == name).values(value=value))


def sqlite_folder(url: str) -> Path | None:
    """The folder of a SQLite file."""
    return Path(url.removeprefix("sqlite+aiosqlite:///")).parent if url.startswith("sqlite+aiosqlite:///") else None
