"""Stores on both databases. PostgreSQL is real: one cluster for the session, a database cloned for each test."""

import asyncio
import contextlib

import pytest
from guardian_cloud.index.engine import open_store
from guardian_cloud.index.migrate import migrate
from guardian_cloud.settings.schema import Settings, Store
from pydantic import SecretStr

from tests.support import postgres as pg


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    if reason := pg.why_not():
        pytest.skip(reason)
    cluster = pg.Postgres(tmp_path_factory.mktemp("postgres"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def migrated(postgres, tmp_path_factory):
    """A database with the tables, to be cloned."""
    name = postgres.new_database()
    asyncio.run(migrate(on_postgres(postgres, name, tmp_path_factory.mktemp("unused"))))
    return name


def on_postgres(cluster, database, folder):
    store = Store(url=SecretStr(cluster.url(database)), owner_url=SecretStr(cluster.url(database, pg.OWNER)))
    return Settings(data_dir=folder, store=store)


@pytest.fixture
def pg_settings(postgres, migrated, tmp_path):
    return on_postgres(postgres, postgres.new_database(migrated), tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path):
    """Settings whose store has its tables."""
    if request.param == "postgresql":
        return request.getfixturevalue("pg_settings")
    made = Settings(data_dir=tmp_path)
    asyncio.run(migrate(made))
    return made


@pytest.fixture
async def store(settings):
    async with contextlib.aclosing(_Closing(open_store(settings))) as one:
        yield one.store


@pytest.fixture
async def pg_store(pg_settings):
    async with contextlib.aclosing(_Closing(open_store(pg_settings))) as one:
        yield one.store


class _Closing:
    def __init__(self, store):
        self.store = store

    async def aclose(self):
        await self.store.close()
