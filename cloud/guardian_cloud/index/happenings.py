"""Rows of events, of what is to be pushed, and of the outbox.

A batch is one transaction: its events, what is to be pushed of them, the place in the relay's outbox up to which we have them, and
one row in our own outbox. On PostgreSQL the events go in by one INSERT … SELECT unnest(…): a statement a batch, not one an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian_cloud.index.tables import devices, events, outbox, pushes, tenants


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


# One statement: it numbers the new events behind those there are, and says which of the batch were new.
_PG_INSERT = """
INSERT INTO events (tenant_id, event_id, seq, device_id, camera, serial, time_s, kind, size, sealed, received_us)
SELECT $1::uuid, e.id, $2::bigint + e.place - 1, $3::uuid, e.camera, e.serial, e.time_s, e.kind, e.size, e.sealed, $4::bigint
FROM unnest($5::bytea[], $6::bytea[], $7::bigint[], $8::bigint[], $9::int[], $10::int[], $11::bytea[])
  WITH ORDINALITY AS e (id, camera, serial, time_s, kind, size, sealed, place)
ON CONFLICT (tenant_id, event_id) DO NOTHING
RETURNING seq
"""
_PG_NUMBERS = """
WITH heard AS (UPDATE devices SET acknowledged = greatest(acknowledged, $4), seen_us = $5 WHERE tenant_id = $1::uuid AND device_id = $3::uuid)
UPDATE tenants SET next_seq = next_seq + $2 WHERE tenant_id = $1::uuid RETURNING next_seq - $2
"""


async def add_events(
    connection: AsyncConnection, tenant: str, device: str, batch: Sequence[Event], *, up_to: int, now_us: int
) -> list[tuple[int, int]]:
    """Keep a batch and note up to where the device's outbox is here; return those that are new: place in the batch, and number.

    The tenant's row is locked until the end of the transaction: numbers become visible in their order, so who has read up to one
    misses none before it. `seq` of the events given is not looked at.
    """
    if connection.dialect.name == "postgresql":
        driver: Any = (await connection.get_raw_connection()).driver_connection
        first = await driver.fetchval(_PG_NUMBERS, tenant, len(batch), device, up_to, now_us)
        columns = (
            [one.id for one in batch],
            [one.camera for one in batch],
            [one.serial for one in batch],
            [one.time_s for one in batch],
            [one.kind for one in batch],
            [one.size for one in batch],
            [one.sealed for one in batch],
        )
        rows = await driver.fetch(_PG_INSERT, tenant, first, device, now_us, *columns)
        return [(row[0] - first, row[0]) for row in rows]
    where = (devices.c.tenant_id == tenant) & (devices.c.device_id == device)
    await connection.execute(
        sa.update(devices).where(where).values(acknowledged=sa.func.max(devices.c.acknowledged, up_to), seen_us=now_us)
    )
    after = await connection.scalar(
        sa.update(tenants)
        .where(tenants.c.tenant_id == tenant)
        .values(next_seq=tenants.c.next_seq + len(batch))
        .returning(tenants.c.next_seq)
    )
    first = (after or 1) - len(batch)
    new = []
    for place, one in enumerate(batch):
        values = {
            "tenant_id": tenant,
            "event_id": one.id,
            "seq": first + place,
            "device_id": device,
            "camera": one.camera,
            "serial": one.serial,
            "time_s": one.time_s,
            "kind": one.kind,
            "size": one.size,
            "sealed": one.sealed,
            "received_us": now_us,
        }
        done = await connection.execute(sqlite_insert(events).values(**values).on_conflict_do_nothing())
        if done.rowcount == 1:
            new.append((place, first + place))
    return new


async def add_pushes(connection: AsyncConnection, tenant: str, wanted: Sequence[tuple[int, Push]]) -> None:
    """Keep what is to be pushed, by the number of its event."""
    rows = [{"tenant_id": tenant, "seq": seq, "member": push.member, "sealed": push.sealed} for seq, push in wanted]
    if rows:
        await connection.execute(sa.insert(pushes), rows)


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
