"""Rows of events, of what is to be pushed, and of the outbox. How events come in is in ingest.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian_cloud.index.tables import events, outbox, pushes


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the cloud has it: the open part, and bytes that only the home's vault opens."""

    seq: int
    id: bytes
    device: str
    camera: bytes
    serial: int
    time_s: int
    kind: int
    size: int
    sealed: bytes
    received_us: int


@dataclass(frozen=True, slots=True)
class Push:
    """What a member's device is to show, sealed to it."""

    member: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Work:
    """Something to be handed on."""

    id: str
    tenant: str
    kind: str
    body: str


async def pushes_of(connection: AsyncConnection, tenant: str, first: int, last: int) -> list[tuple[int, Push]]:
    """Return what is still to be pushed of some events."""
    where = (pushes.c.tenant_id == tenant) & pushes.c.seq.between(first, last)
    rows = await connection.execute(sa.select(pushes).where(where).order_by(pushes.c.seq))
    return [(row.seq, Push(row.member, row.sealed)) for row in rows]


async def drop_push(connection: AsyncConnection, tenant: str, seq: int, member: bytes) -> None:
    """It has been sent, or there is nobody to send it to."""
    where = (pushes.c.tenant_id == tenant) & (pushes.c.seq == seq) & (pushes.c.member == member)
    await connection.execute(sa.delete(pushes).where(where))


async def after(connection: AsyncConnection, tenant: str, seq: int, most: int) -> list[Event]:
    """Return events behind a number, in order."""
    where = (events.c.tenant_id == tenant) & (events.c.seq > seq)
    return [
        _event(row) for row in await connection.execute(sa.select(events).where(where).order_by(events.c.seq).limit(most))
    ]


async def before(connection: AsyncConnection, tenant: str, seq: int | None, most: int) -> list[Event]:
    """Return events before a number, the newest first."""
    where = events.c.tenant_id == tenant
    if seq is not None:
        where = where & (events.c.seq < seq)
    rows = await connection.execute(sa.select(events).where(where).order_by(events.c.seq.desc()).limit(most))
    return [_event(row) for row in rows]


async def event(connection: AsyncConnection, tenant: str, one: bytes) -> Event | None:
    """Return an event."""
    where = (events.c.tenant_id == tenant) & (events.c.event_id == one)
    row = (await connection.execute(sa.select(events).where(where))).one_or_none()
    return _event(row) if row is not None else None


async def alerts(connection: AsyncConnection, tenant: str, first: int, last: int, kind: int) -> int:
    """Return how many events of a kind there are among some."""
    where = (events.c.tenant_id == tenant) & events.c.seq.between(first, last) & (events.c.kind == kind)
    return await connection.scalar(sa.select(sa.func.count()).select_from(events).where(where)) or 0


async def drop_old(connection: AsyncConnection, tenant: str, before_us: int) -> int:
    """Delete what is too old, and what was to be pushed of it; return how many."""
    last = await connection.scalar(
        sa.select(sa.func.max(events.c.seq)).where(events.c.tenant_id == tenant, events.c.received_us < before_us)
    )
    if last is None:
        return 0
    await connection.execute(sa.delete(pushes).where(pushes.c.tenant_id == tenant, pushes.c.seq <= last))
    return (await connection.execute(sa.delete(events).where(events.c.tenant_id == tenant, events.c.seq <= last))).rowcount


# the outbox


async def put_out(connection: AsyncConnection, work: Work, now_us: int) -> None:
    """Say that something is to be handed on, with whatever else this transaction does."""
    await connection.execute(
        sa.insert(outbox).values(outbox_id=work.id, tenant_id=work.tenant, kind=work.kind, body=work.body, made_us=now_us)
    )


async def next_work(connection: AsyncConnection, most: int, but: frozenset[str]) -> list[Work]:
    """Return the oldest work, locked until the end of the transaction; what another process has taken is passed over."""
    query = sa.select(outbox).order_by(outbox.c.outbox_id).limit(most)
    if but:
        query = query.where(outbox.c.outbox_id.not_in(but))
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    return [Work(row.outbox_id, row.tenant_id, row.kind, row.body) for row in await connection.execute(query)]


async def drop_work(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """It has been handed on."""
    await connection.execute(sa.delete(outbox).where(outbox.c.outbox_id.in_(ids)))


async def waiting_work(connection: AsyncConnection) -> int:
    """Return how much waits."""
    return await connection.scalar(sa.select(sa.func.count()).select_from(outbox)) or 0


def _event(row: sa.Row[tuple[object, ...]]) -> Event:
    return Event(
        row.seq,
        bytes(row.event_id),
        row.device_id,
        bytes(row.camera),
        row.serial,
        row.time_s,
        row.kind,
        row.size,
        bytes(row.sealed),
        row.received_us,
    )
