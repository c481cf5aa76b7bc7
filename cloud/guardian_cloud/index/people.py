"""Rows of tenants, people, memberships and invitations."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian_cloud.index.tables import invitations, members, tenants, users
from guardian_cloud.model.roles import Role


@dataclass(frozen=True, slots=True)
class Membership:
    """One's place in a tenant."""

    tenant: str
    tenant_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a tenant."""

    user: str
    role: Role
    name: str
    email: str
    mail: bool
    joined_us: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as it is kept: not the word that opens it."""

    selector: bytes
    digest: bytes
    role: Role
    note: str
    made_us: int
    expires_us: int
    used_us: int | None


async def add_tenant(connection: AsyncConnection, tenant: str, name: str, now_us: int) -> None:
    """Make a tenant."""
    await connection.execute(sa.insert(tenants).values(tenant_id=tenant, name=name, made_us=now_us))


async def tenant_name(connection: AsyncConnection, tenant: str) -> str | None:
    """Return its name."""
    return await connection.scalar(sa.select(tenants.c.name).where(tenants.c.tenant_id == tenant))


async def rename_tenant(connection: AsyncConnection, tenant: str, name: str) -> None:
    """Give it another name."""
    await connection.execute(sa.update(tenants).where(tenants.c.tenant_id == tenant).values(name=name))


async def all_tenants(connection: AsyncConnection) -> list[str]:
    """Return all ids; for jobs."""
    return list(await connection.scalars(sa.select(tenants.c.tenant_id)))


async def user_of(connection: AsyncConnection, issuer: str, subject: str) -> str | None:
    """Return the user that a provider speaks of."""
    where = (users.c.issuer == issuer) & (users.c.subject == subject)
    return await connection.scalar(sa.select(users.c.user_id).where(where))


async def add_user(connection: AsyncConnection, user: str, issuer: str, subject: str, now_us: int) -> None:
    """Make a user; Conflict where somebody else just did."""
    await connection.execute(sa.insert(users).values(user_id=user, issuer=issuer, subject=subject, made_us=now_us))


async def tenants_of(connection: AsyncConnection, user: str) -> list[str]:
    """Return the tenants somebody is a member of; for a transaction of that person."""
    return list(await connection.scalars(sa.select(members.c.tenant_id).where(members.c.user_id == user)))


async def membership(connection: AsyncConnection, tenant: str, user: str) -> Membership | None:
    """Return somebody's place in a tenant."""
    row = (
        await connection.execute(
            sa.select(tenants.c.name, members.c.role)
            .join(tenants, tenants.c.tenant_id == members.c.tenant_id)
            .where(members.c.tenant_id == tenant, members.c.user_id == user)
        )
    ).one_or_none()
    return Membership(tenant, row.name, Role(row.role)) if row is not None else None


async def add_member(connection: AsyncConnection, tenant: str, user: str, member: Member) -> None:
    """Let somebody in."""
    await connection.execute(
        sa.insert(members).values(
            tenant_id=tenant,
            user_id=user,
            role=member.role,
            name=member.name,
            email=member.email,
            mail=member.mail,
            joined_us=member.joined_us,
        )
    )


async def all_members(connection: AsyncConnection, tenant: str) -> list[Member]:
    """Return who is in a tenant, the oldest first."""
    rows = await connection.execute(
        sa.select(members).where(members.c.tenant_id == tenant).order_by(members.c.joined_us, members.c.user_id)
    )
    return [Member(row.user_id, Role(row.role), row.name, row.email, row.mail, row.joined_us) for row in rows]


async def set_role(connection: AsyncConnection, tenant: str, user: str, role: Role) -> bool:
    """Change a role; whether there was such a member."""
    where = (members.c.tenant_id == tenant) & (members.c.user_id == user)
    return (await connection.execute(sa.update(members).where(where).values(role=role))).rowcount > 0


async def set_mail(connection: AsyncConnection, tenant: str, user: str, mail: bool) -> None:
    """Say whether a member wants mail."""
    where = (members.c.tenant_id == tenant) & (members.c.user_id == user)
    await connection.execute(sa.update(members).where(where).values(mail=mail))


async def remove_member(connection: AsyncConnection, tenant: str, user: str) -> bool:
    """Put somebody out; whether they were in."""
    where = (members.c.tenant_id == tenant) & (members.c.user_id == user)
    return (await connection.execute(sa.delete(members).where(where))).rowcount > 0


async def owners(connection: AsyncConnection, tenant: str) -> int:
    """Return how many owners there are."""
    where = (members.c.tenant_id == tenant) & (members.c.role == Role.OWNER)
    return await connection.scalar(sa.select(sa.func.count()).select_from(members).where(where)) or 0


async def add_invitation(connection: AsyncConnection, tenant: str, one: Invitation, made_by: str | None) -> None:
    """Keep an invitation."""
    await connection.execute(
        sa.insert(invitations).values(
            tenant_id=tenant,
            selector=one.selector,
            digest=one.digest,
            role=one.role,
            note=one.note,
            made_by=made_by,
            made_us=one.made_us,
            expires_us=one.expires_us,
        )
    )


async def invitation(connection: AsyncConnection, tenant: str, selector: bytes) -> Invitation | None:
    """Return the invitation with a selector."""
    where = (invitations.c.tenant_id == tenant) & (invitations.c.selector == selector)
    row = (await connection.execute(sa.select(invitations).where(where))).one_or_none()
    return _invitation(row) if row is not None else None


async def open_invitations(connection: AsyncConnection, tenant: str, now_us: int) -> list[Invitation]:
    """Return those that still open."""
    where = (invitations.c.tenant_id == tenant) & invitations.c.used_us.is_(None) & (invitations.c.expires_us > now_us)
    rows = await connection.execute(sa.select(invitations).where(where).order_by(invitations.c.made_us))
    return [_invitation(row) for row in rows]


async def use_invitation(connection: AsyncConnection, tenant: str, selector: bytes, now_us: int) -> bool:
    """Mark an invitation as used; False where it was used or ended before: of two at once one wins."""
    where = (
        (invitations.c.tenant_id == tenant)
        & (invitations.c.selector == selector)
        & invitations.c.used_us.is_(None)
        & (invitations.c.expires_us > now_us)
    )
    return (await connection.execute(sa.update(invitations).where(where).values(used_us=now_us))).rowcount == 1


async def drop_invitation(connection: AsyncConnection, tenant: str, selector: bytes) -> bool:
    """Take an invitation back."""
    where = (invitations.c.tenant_id == tenant) & (invitations.c.selector == selector) & invitations.c.used_us.is_(None)
    return (await connection.execute(sa.delete(invitations).where(where))).rowcount == 1


def _invitation(row: sa.Row[tuple[object, ...]]) -> Invitation:
    return Invitation(row.selector, row.digest, Role(row.role), row.note, row.made_us, row.expires_us, row.used_us)
