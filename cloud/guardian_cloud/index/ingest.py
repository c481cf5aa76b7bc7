"""A batch of events in one transaction: the events, what is to be pushed of them, the place in the relay's outbox up to which we have
them, and one row in our own outbox.

On PostgreSQL that is one statement: it locks the tenant's row, numbers the new events behind those there are, and says which were new.
The lock is held until the end, so numbers become visible in their order: who has read up to one misses none before it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian_cloud.index.engine import Store
from guardian_cloud.index.happenings import Push, Work, put_out
from guardian_cloud.index.tables import devices, events, pushes, tenants

_PG_TAKE: Final = """
WITH heard AS (
  UPDATE devices SET acknowledged = greatest(acknowledged, $4), seen_us = $5 WHERE tenant_id = $1::uuid AND device_id = $3::uuid
), counted AS (
  UPDATE tenants SET next_seq = next_seq + $2 WHERE tenant_id = $1::uuid RETURNING next_seq - $2 AS first
), added AS (
  INSERT INTO events (tenant_id, event_id, seq, device_id, camera, serial, time_s, kind, size, sealed, received_us)
  SELECT $1::uuid, e.id, counted.first + e.place - 1, $3::uuid, e.camera, e.serial, e.time_s, e.kind, e.size, e.sealed, $5::bigint
  FROM counted, unnest($7::bytea[], $8::bytea[], $9::bigint[], $10::bigint[], $11::int[], $12::int[], $13::bytea[])
    WITH ORDINALITY AS e (id, camera, serial, time_s, kind, size, sealed, place)
  ON CONFLICT (tenant_id, event_id) DO NOTHING
  RETURNING seq
), told AS (
  INSERT INTO outbox (outbox_id, tenant_id, kind, body, made_us)
  SELECT $6::uuid, $1::uuid, 'events', json_build_object('first', min(seq), 'last', max(seq))::text, $5
  FROM added HAVING count(*) > 0
)
SELECT seq - first, seq FROM added, counted
"""
_PG_PUSH: Final = "INSERT INTO pushes (tenant_id, seq, member, sealed) VALUES ($1::uuid, $2, $3, $4)"


@dataclass(slots=True)
class Columns:
    """A batch, a list a column. `pushes`: by place in the batch."""

    ids: list[bytes] = field(default_factory=list)
    cameras: list[bytes] = field(default_factory=list)
    serials: list[int] = field(default_factory=list)
    times_s: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    sealed: list[bytes] = field(default_factory=list)
    pushes: dict[int, list[Push]] = field(default_factory=dict)


async def take(
    store: Store, tenant: str, device: str, batch: Columns, *, up_to: int, now_us: int, work: str
) -> list[tuple[int, int]]:
    """Keep a batch; return those that are new: place in it, and number. `work`: the id of the outbox's row."""
    if store.postgresql:
        async with store.driver(tenant) as driver:
            return await _on_postgresql(driver, tenant, device, batch, up_to, now_us, work)
    async with store.tenant(tenant) as connection:
        return await _on_sqlite(connection, tenant, device, batch, up_to, now_us, work)


async def _on_postgresql(
    driver: Any, tenant: str, device: str, batch: Columns, up_to: int, now_us: int, work: str
) -> list[tuple[int, int]]:
    columns = (batch.ids, batch.cameras, batch.serials, batch.times_s, batch.kinds, batch.sizes, batch.sealed)
    home = uuid.UUID(tenant)
    found = await driver.fetch(_PG_TAKE, home, len(batch.ids), uuid.UUID(device), up_to, now_us, uuid.UUID(work), *columns)
    new = [(row[0], row[1]) for row in found]
    if wanted := _wanted(batch.pushes, new):
        await driver.executemany(_PG_PUSH, [(home, seq, push.member, push.sealed) for seq, push in wanted])
    return new


async def _on_sqlite(
    connection: AsyncConnection, tenant: str, device: str, batch: Columns, up_to: int, now_us: int, work: str
) -> list[tuple[int, int]]:
    where = (devices.c.tenant_id == tenant) & (devices.c.device_id == device)
    await connection.execute(
        sa.update(devices).where(where).values(acknowledged=sa.func.max(devices.c.acknowledged, up_to), seen_us=now_us)
    )
    after = await connection.scalar(
        sa.update(tenants)
        .where(tenants.c.tenant_id == tenant)
        .values(next_seq=tenants.c.next_seq + len(batch.ids))
        .returning(tenants.c.next_seq)
    )
    first = (after or 1) - len(batch.ids)
    new = []
    for place, one in enumerate(batch.ids):
        values = {
            "tenant_id": tenant,
            "event_id": one,
            "seq": first + place,
            "device_id": device,
            "camera": batch.cameras[place],
            "serial": batch.serials[place],
            "time_s": batch.times_s[place],
            "kind": batch.kinds[place],
            "size": batch.sizes[place],
            "sealed": batch.sealed[place],
            "received_us": now_us,
        }
        done = await connection.execute(sqlite_insert(events).values(**values).on_conflict_do_nothing())
        if done.rowcount == 1:
            new.append((place, first + place))
    if new:
        body = json.dumps({"first": new[0][1], "last": new[-1][1]})
        await put_out(connection, Work(work, tenant, "events", body), now_us)
    rows = [
        {"tenant_id": tenant, "seq": seq, "member": push.member, "sealed": push.sealed}
        for seq, push in _wanted(batch.pushes, new)
    ]
    if rows:
        await connection.execute(sa.insert(pushes), rows)
    return new


def _wanted(by_place: Mapping[int, Sequence[Push]], new: Sequence[tuple[int, int]]) -> list[tuple[int, Push]]:
    return [(seq, push) for place, seq in new for push in by_place.get(place, ())] if by_place else []
