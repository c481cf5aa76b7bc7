"""Rows of what a home's key has signed, and of how its edge was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian.protocol.v1.trust_pb2 import Signed
from guardian_cloud.index.tables import health, statements


@dataclass(frozen=True, slots=True)
class Sample:
    """How an edge was. `time_s` is the beginning of its five minutes."""

    time_s: int
    readings: Mapping[str, float]


async def statements_of(connection: AsyncConnection, tenant: str, home: bytes) -> list[Signed]:
    """Return the newest of each subject of a home."""
    where = (statements.c.tenant_id == tenant) & (statements.c.home == home)
    rows = await connection.execute(sa.select(statements).where(where).order_by(statements.c.subject))
    return [Signed(body=row.body, signature=row.signature) for row in rows]


async def keep_statement(
    connection: AsyncConnection, tenant: str, device: str, home: bytes, subject: bytes, signed: Signed, now_us: int
) -> None:
    """Keep one that was accepted, in the place of the one before."""
    where = (statements.c.tenant_id == tenant) & (statements.c.home == home) & (statements.c.subject == subject)
    await connection.execute(sa.delete(statements).where(where))
    await connection.execute(
        sa.insert(statements).values(
            tenant_id=tenant,
            home=home,
            subject=subject,
            device_id=device,
            body=signed.body,
            signature=signed.signature,
            received_us=now_us,
        )
    )


async def keep_health(
    connection: AsyncConnection, tenant: str, device: str, samples: Sequence[Sample], before_s: int
) -> None:
    """Keep samples, the newest of each five minutes, and forget those of long ago."""
    mine = (health.c.tenant_id == tenant) & (health.c.device_id == device)
    times = [one.time_s for one in samples]
    await connection.execute(sa.delete(health).where(mine & (health.c.time_s.in_(times) | (health.c.time_s < before_s))))
    rows = [
        {"tenant_id": tenant, "device_id": device, "time_s": one.time_s, "readings": json.dumps(dict(one.readings))}
        for one in samples
    ]
    await connection.execute(sa.insert(health), rows)


async def health_of(connection: AsyncConnection, tenant: str, device: str, since_s: int) -> list[Sample]:
    """Return samples since a time, the oldest first."""
    where = (health.c.tenant_id == tenant) & (health.c.device_id == device) & (health.c.time_s >= since_s)
    rows = await connection.execute(sa.select(health).where(where).order_by(health.c.time_s))
    return [Sample(row.time_s, json.loads(row.readings)) for row in rows]
