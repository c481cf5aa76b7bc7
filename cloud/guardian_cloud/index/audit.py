"""The audit log's rows. An entry is written in the transaction it tells of: what is not told did not happen."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian_cloud.index.tables import audit, tenants
from guardian_cloud.model.audit_chain import START, Entry, digest


async def append(
    connection: AsyncConnection, tenant: str, *, at_us: int, actor: str, action: str, thing: str, origin: str
) -> None:
    """Add an entry. The tenant's row is locked by it until the end of the transaction, so numbers follow each other without gap."""
    number = await connection.scalar(
        sa.update(tenants)
        .where(tenants.c.tenant_id == tenant)
        .values(next_audit=tenants.c.next_audit + 1)
        .returning(tenants.c.next_audit)
    )
    entry = Entry((number or 1) - 1, at_us, actor, action, thing[:200], origin)
    where = (audit.c.tenant_id == tenant) & (audit.c.number == entry.number - 1)
    previous = await connection.scalar(sa.select(audit.c.digest).where(where)) if entry.number > 1 else START
    await connection.execute(
        sa.insert(audit).values(
            tenant_id=tenant,
            number=entry.number,
            at_us=at_us,
            actor=actor,
            action=action,
            object=entry.object,
            origin=origin,
            digest=digest(previous or START, entry),
        )
    )


async def entries(connection: AsyncConnection, tenant: str, *, before: int | None, count: int) -> list[tuple[Entry, bytes]]:
    """Return entries, the newest first."""
    query = sa.select(audit).where(audit.c.tenant_id == tenant).order_by(audit.c.number.desc()).limit(count)
    if before is not None:
        query = query.where(audit.c.number < before)
    return [_entry(row) for row in await connection.execute(query)]


async def all_entries(connection: AsyncConnection, tenant: str) -> list[tuple[Entry, bytes]]:
    """Return all, the oldest first."""
    rows = await connection.execute(sa.select(audit).where(audit.c.tenant_id == tenant).order_by(audit.c.number))
    return [_entry(row) for row in rows]


def _entry(row: sa.Row[tuple[object, ...]]) -> tuple[Entry, bytes]:
    return Entry(row.number, row.at_us, row.actor, row.action, row.object, row.origin), row.digest
