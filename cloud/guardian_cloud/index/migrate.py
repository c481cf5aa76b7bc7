"""Brings the tables to this version's form, and says what is unsafe about the users of a PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from guardian_cloud.index.engine import Store, open_store, user_of
from guardian_cloud.index.isolation import JOBS, grants
from guardian_cloud.model.errors import BadSetting, Unavailable
from guardian_cloud.settings.schema import Settings

HEAD: Final = "0002"  # the newest revision below migrations/versions
MIGRATIONS: Final = Path(__file__).parent / "migrations"


async def migrate(settings: Settings) -> str:
    """Make or upgrade the tables; return the revision. BadSetting where the program's user could see around the policies."""
    apart = bool(settings.store.url.get_secret_value())
    if apart and not settings.store.owner_url.get_secret_value():
        raise BadSetting(
            "store.owner_url is missing: tables must belong to another user than the program's",
            field="store.owner_url",
            cure="Make a user that owns the database, and name it there; `run` does not need it.",
        )
    store = open_store(settings, owner=apart)
    try:
        async with store.engine.execution_options(guardian_begin="BEGIN IMMEDIATE").begin() as connection:
            if apart:
                await _make_jobs_role(connection)
            await connection.run_sync(_upgrade)
            if apart:
                user = user_of(settings)
                if faults := await user_faults(connection, user):
                    raise BadSetting(f"store.url: {faults[0]}", field="store.url", cure="Make a plain user for the program.")
                for statement in grants(user):
                    await connection.exec_driver_sql(statement)
    except (DBAPIError, OSError) as error:
        raise Unavailable(
            f"the store does not answer, or refuses: {_plain(error)}", cure="See `guardian-cloud doctor`."
        ) from error
    finally:
        await store.close()
    return HEAD


def _plain(error: Exception) -> str:
    text = str(getattr(error, "orig", error) or error)
    return text.partition("\n")[0].partition(">: ")[2] or text.partition("\n")[0]


async def _make_jobs_role(connection: AsyncConnection) -> None:
    if not await connection.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": JOBS}):
        await connection.exec_driver_sql(f"CREATE ROLE {JOBS} NOLOGIN")


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Unavailable(
            f"the store was made by another version: {error}", cure="Install that version, or a newer one."
        ) from error


async def revision(store: Store) -> str | None:
    """Return the revision that the tables have; None where there are none."""
    try:
        async with store.engine.connect() as connection:
            there = await connection.run_sync(lambda sync: sa.inspect(sync).has_table("alembic_version"))
            return str(await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))) if there else None
    except (DBAPIError, OSError) as error:
        raise Unavailable(
            f"the store does not answer: {_plain(error)}", cure="Is it there, and is store.url right?"
        ) from error


async def user_faults(connection: AsyncConnection, user: str) -> list[str]:
    """Return why a user of PostgreSQL is not held to the policies; none is as it must be."""
    row = (
        await connection.execute(
            sa.text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = :name"), {"name": user}
        )
    ).one_or_none()
    if row is None:
        return [f"there is no user {user}"]
    faults = []
    if row.rolsuper:
        faults.append(f"{user} is a superuser: no policy holds it")
    if row.rolbypassrls:
        faults.append(f"{user} has BYPASSRLS: no policy holds it")
    owned = await connection.scalar(
        sa.text(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner "
            "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND pg_has_role(:name, o.oid, 'MEMBER')"
        ),
        {"name": user},
    )
    if owned:
        faults.append(f"{user} owns tables, or may become who does: it could take the policies away")
    return faults


async def table_faults(connection: AsyncConnection) -> list[str]:
    """Return which tables of tenants are open: each with `tenant_id` must force a policy that also checks what is written."""
    rows = await connection.execute(
        sa.text(
            "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, "
            "  (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polwithcheck IS NOT NULL "
            "   AND pg_get_expr(p.polqual, c.oid) LIKE '%app.tenant_id%' "
            "   AND pg_get_expr(p.polwithcheck, c.oid) LIKE '%app.tenant_id%') AS closed "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') "
            "AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)"
        )
    )
    return [
        f"table {row.relname}: row-level security is not forced, or its policy does not check what is written"
        for row in rows
        if not (row.relrowsecurity and row.relforcerowsecurity and row.closed == 1)
    ]
