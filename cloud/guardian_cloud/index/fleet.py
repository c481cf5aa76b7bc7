"""Rows of enrolment codes, devices and commands."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian_cloud.index.tables import commands, devices, enrolment_codes


@dataclass(frozen=True, slots=True)
class Code:
    """An enrolment code as it is kept."""

    selector: bytes
    digest: bytes
    role: str
    name: str
    made_us: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class Device:
    """A relay or an edge."""

    id: str
    role: str
    name: str
    denied_us: int | None
    enrolled_us: int
    expires_us: int
    acknowledged: int
    version: str
    seen_us: int | None
    connected: bool
    edge_connected: bool | None
    fleet: str | None


@dataclass(frozen=True, slots=True)
class Command:
    """Something asked of a home, and what became of it."""

    id: str
    device: str
    asked_by: str
    verb: str
    message: bytes
    expires_us: int
    done_us: int | None
    ok: bool | None
    code: str
    asked_us: int = 0
    signed: bool = False


async def add_code(connection: AsyncConnection, tenant: str, code: Code) -> None:
    """Keep a code."""
    await connection.execute(
        sa.insert(enrolment_codes).values(
            tenant_id=tenant,
            selector=code.selector,
            digest=code.digest,
            role=code.role,
            name=code.name,
            made_us=code.made_us,
            expires_us=code.expires_us,
        )
    )


async def code(connection: AsyncConnection, tenant: str, selector: bytes) -> Code | None:
    """Return the code with a selector."""
    where = (enrolment_codes.c.tenant_id == tenant) & (enrolment_codes.c.selector == selector)
    row = (await connection.execute(sa.select(enrolment_codes).where(where))).one_or_none()
    return Code(row.selector, row.digest, row.role, row.name, row.made_us, row.expires_us) if row is not None else None


async def use_code(connection: AsyncConnection, tenant: str, selector: bytes, now_us: int) -> bool:
    """Mark a code as used; False where it was used or ended before."""
    where = (
        (enrolment_codes.c.tenant_id == tenant)
        & (enrolment_codes.c.selector == selector)
        & enrolment_codes.c.used_us.is_(None)
        & (enrolment_codes.c.expires_us > now_us)
    )
    return (await connection.execute(sa.update(enrolment_codes).where(where).values(used_us=now_us))).rowcount == 1


async def add_device(connection: AsyncConnection, tenant: str, device: Device) -> None:
    """Make a device."""
    await connection.execute(
        sa.insert(devices).values(
            tenant_id=tenant,
            device_id=device.id,
            role=device.role,
            name=device.name,
            enrolled_us=device.enrolled_us,
            expires_us=device.expires_us,
        )
    )


async def device(connection: AsyncConnection, tenant: str, one: str) -> Device | None:
    """Return a device."""
    where = (devices.c.tenant_id == tenant) & (devices.c.device_id == one)
    row = (await connection.execute(sa.select(devices).where(where))).one_or_none()
    return _device(row) if row is not None else None


async def all_devices(connection: AsyncConnection, tenant: str) -> list[Device]:
    """Return all, the oldest first."""
    rows = await connection.execute(
        sa.select(devices).where(devices.c.tenant_id == tenant).order_by(devices.c.enrolled_us, devices.c.device_id)
    )
    return [_device(row) for row in rows]


async def change_device(connection: AsyncConnection, tenant: str, one: str, **values: object) -> bool:
    """Change columns of a device; whether there is one."""
    where = (devices.c.tenant_id == tenant) & (devices.c.device_id == one)
    return (await connection.execute(sa.update(devices).where(where).values(**values))).rowcount == 1


async def add_command(connection: AsyncConnection, tenant: str, command: Command) -> None:
    """Keep a command until it is done."""
    await connection.execute(
        sa.insert(commands).values(
            tenant_id=tenant,
            command_id=command.id,
            device_id=command.device,
            asked_by=command.asked_by,
            verb=command.verb,
            message=command.message,
            expires_us=command.expires_us,
            asked_us=command.asked_us,
            signed=command.signed,
        )
    )


async def newest_commands(connection: AsyncConnection, tenant: str, most: int) -> list[Command]:
    """Return the newest, the newest first."""
    query = sa.select(commands).where(commands.c.tenant_id == tenant)
    rows = await connection.execute(query.order_by(commands.c.asked_us.desc(), commands.c.command_id.desc()).limit(most))
    return [_command(row) for row in rows]


async def command(connection: AsyncConnection, tenant: str, one: str) -> Command | None:
    """Return a command."""
    where = (commands.c.tenant_id == tenant) & (commands.c.command_id == one)
    row = (await connection.execute(sa.select(commands).where(where))).one_or_none()
    return _command(row) if row is not None else None


async def open_commands(connection: AsyncConnection, tenant: str, device: str, now_us: int) -> list[Command]:
    """Return what a device is still to be asked, in order."""
    where = (
        (commands.c.tenant_id == tenant)
        & (commands.c.device_id == device)
        & commands.c.done_us.is_(None)
        & (commands.c.expires_us > now_us)
    )
    return [
        _command(row) for row in await connection.execute(sa.select(commands).where(where).order_by(commands.c.command_id))
    ]


async def end_command(
    connection: AsyncConnection, tenant: str, device: str, one: str, *, now_us: int, ok: bool, code: str
) -> bool:
    """Keep what became of a command of that device; whether it was open."""
    where = (
        (commands.c.tenant_id == tenant)
        & (commands.c.command_id == one)
        & (commands.c.device_id == device)
        & commands.c.done_us.is_(None)
    )
    done = await connection.execute(sa.update(commands).where(where).values(done_us=now_us, ok=ok, code=code[:60]))
    return done.rowcount == 1


def _device(row: sa.Row[tuple[object, ...]]) -> Device:
    return Device(
        row.device_id,
        row.role,
        row.name,
        row.denied_us,
        row.enrolled_us,
        row.expires_us,
        row.acknowledged,
        row.version,
        row.seen_us,
        row.connected,
        row.edge_connected,
        row.fleet,
    )


def _command(row: sa.Row[tuple[object, ...]]) -> Command:
    return Command(
        row.command_id,
        row.device_id,
        row.asked_by,
        row.verb,
        row.message,
        row.expires_us,
        row.done_us,
        row.ok,
        row.code,
        row.asked_us,
        row.signed,
    )
