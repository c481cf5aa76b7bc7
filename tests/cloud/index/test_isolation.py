"""What PostgreSQL itself refuses: the policies hold where the program would forget its WHERE."""

import uuid

import pytest
import sqlalchemy as sa
from guardian_cloud.index import tables
from guardian_cloud.index.engine import open_store
from guardian_cloud.index.migrate import table_faults, user_faults
from sqlalchemy.exc import ProgrammingError

from tests.support import postgres as pg

A, B = str(uuid.UUID(int=0xA)), str(uuid.UUID(int=0xB))
PLATFORM = {"users"}  # belong to no tenant


async def add_tenant(store, tenant, name="home"):
    async with store.tenant(tenant) as connection:
        await connection.execute(sa.insert(tables.tenants).values(tenant_id=tenant, name=name, made_us=1))


def test_every_table_but_the_listed_belongs_to_tenants():
    open_tables = {table.name for table in tables.metadata.sorted_tables if "tenant_id" not in table.c}
    assert open_tables == PLATFORM


async def test_every_table_of_tenants_forces_a_policy_that_checks_writes(pg_store):
    async with pg_store.engine.connect() as connection:
        assert await table_faults(connection) == []
        assert await user_faults(connection, pg.USER) == []


@pytest.mark.parametrize(
    "harm",
    [
        "ALTER TABLE events NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE events DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON audit",
        "CREATE TABLE more (tenant_id uuid)",
        "ALTER POLICY tenant ON events WITH CHECK (true)",
    ],
)
async def test_an_open_table_is_found(pg_settings, harm):
    owner = open_store(pg_settings, owner=True)
    try:
        async with owner.engine.begin() as connection:
            await connection.exec_driver_sql(harm)
            assert len(await table_faults(connection)) == 1
            await connection.rollback()
    finally:
        await owner.close()


async def test_the_user_of_the_program_must_not_see_around(pg_settings):
    owner = open_store(pg_settings, owner=True)
    try:
        async with owner.engine.connect() as connection:
            assert "owns tables" in (await user_faults(connection, pg.OWNER))[0]
            assert "superuser" in (await user_faults(connection, "postgres"))[0]
            assert "no user" in (await user_faults(connection, "nobody_here"))[0]
    finally:
        await owner.close()


async def test_without_a_tenant_there_are_no_rows_also_on_a_used_connection(pg_store):
    await add_tenant(pg_store, A)
    for _ in range(3):  # the setting is NULL on a new connection, '' on one that was used
        async with pg_store.engine.connect() as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(tables.tenants)) == 0
        async with pg_store.look(A) as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(tables.tenants)) == 1


async def test_a_tenant_neither_sees_nor_changes_nor_adds_rows_of_another(pg_store):
    await add_tenant(pg_store, A)
    await add_tenant(pg_store, B)
    async with pg_store.tenant(A) as connection:
        assert (await connection.scalars(sa.select(tables.tenants.c.tenant_id))).all() == [A]
        changed = await connection.execute(sa.update(tables.tenants).values(name="taken"))
        assert changed.rowcount == 1
    async with pg_store.look(B) as connection:
        assert await connection.scalar(sa.select(tables.tenants.c.name)) == "home"
    for table in tables.metadata.sorted_tables:
        if table.name in PLATFORM:
            continue
        with pytest.raises(Exception) as refused:  # noqa: PT011 - the store's own error hides the cause: it must be the policy
            async with pg_store.tenant(A) as connection:
                await connection.execute(sa.insert(table).values(**_row(table, B)))
        assert "row-level security" in str(refused.value.__cause__), table.name


def _row(table, tenant):
    made = {}
    for column in table.c:
        kind = column.type
        if column.name == "tenant_id":
            made[column.name] = tenant
        elif isinstance(kind, sa.Uuid):
            made[column.name] = str(uuid.uuid4())
        elif isinstance(kind, sa.LargeBinary):
            made[column.name] = b"x"
        elif isinstance(kind, sa.Boolean):
            made[column.name] = False
        elif isinstance(kind, sa.String | sa.Text):
            made[column.name] = "x"
        else:
            made[column.name] = 1
    return made


async def test_jobs_see_the_outbox_of_all_and_nothing_else(pg_store):
    for tenant in (A, B):
        await add_tenant(pg_store, tenant)
        async with pg_store.tenant(tenant) as connection:
            await connection.execute(sa.insert(tables.outbox).values(**_row(tables.outbox, tenant)))
    async with pg_store.jobs() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(tables.outbox)) == 2
    for forbidden in ("events", "members", "audit", "devices"):
        async with pg_store.engine.connect() as connection:
            await connection.exec_driver_sql("SET LOCAL ROLE guardian_cloud_jobs")
            with pytest.raises(ProgrammingError, match="permission denied"):
                await connection.exec_driver_sql(f"SELECT * FROM {forbidden}")
    async with pg_store.tenant(A) as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(tables.outbox)) == 1


async def test_nobody_rewrites_the_audit_log(pg_store):
    for statement in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with pg_store.engine.begin() as connection:
                await connection.exec_driver_sql(statement)
