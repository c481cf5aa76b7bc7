"""Rows of push subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian_cloud.index.tables import members, subscriptions
from guardian_cloud.model.roles import Role


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser that takes pushes. `member`: as the home calls the device."""

    id: str
    user: str
    member: bytes
    endpoint: str
    p256dh: bytes
    auth: bytes
    made_us: int


async def add(connection: AsyncConnection, tenant: str, one: Subscription) -> None:
    """Keep one."""
    await connection.execute(
        sa.insert(subscriptions).values(
            tenant_id=tenant,
            subscription_id=one.id,
            user_id=one.user,
            member=one.member,
            endpoint=one.endpoint,
            p256dh=one.p256dh,
            auth=one.auth,
            made_us=one.made_us,
        )
    )


async def of_user(connection: AsyncConnection, tenant: str, user: str) -> list[Subscription]:
    """Return a person's, the oldest first."""
    query = sa.select(subscriptions).where(subscriptions.c.tenant_id == tenant, subscriptions.c.user_id == user)
    query = query.order_by(subscriptions.c.subscription_id)
    return [_one(row) for row in await connection.execute(query)]


async def of_members(
    connection: AsyncConnection, tenant: str, wanted: Sequence[bytes], roles: Sequence[Role]
) -> list[Subscription]:
    """Return those of some devices whose people are still members, with one of some roles."""
    query = (
        sa.select(subscriptions)
        .join(
            members,
            (members.c.tenant_id == subscriptions.c.tenant_id) & (members.c.user_id == subscriptions.c.user_id),
        )
        .where(subscriptions.c.tenant_id == tenant, subscriptions.c.member.in_(wanted), members.c.role.in_(roles))
    )
    return [_one(row) for row in await connection.execute(query)]


async def drop(connection: AsyncConnection, tenant: str, one: str) -> None:
    """Forget one."""
    where = (subscriptions.c.tenant_id == tenant) & (subscriptions.c.subscription_id == one)
    await connection.execute(sa.delete(subscriptions).where(where))


async def drop_endpoint(connection: AsyncConnection, tenant: str, endpoint: str) -> None:
    """Forget whoever was pushed to there: a browser has one owner at a time."""
    where = (subscriptions.c.tenant_id == tenant) & (subscriptions.c.endpoint == endpoint)
    await connection.execute(sa.delete(subscriptions).where(where))


def _one(row: sa.Row[tuple[object, ...]]) -> Subscription:
    return Subscription(
        row.subscription_id, row.user_id, bytes(row.member), row.endpoint, bytes(row.p256dh), bytes(row.auth), row.made_us
    )
