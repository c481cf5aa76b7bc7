"""Stores on both databases. PostgreSQL is real: one cluster for the session, a database cloned for each test."""

import asyncio
import contextlib

import pytest
from guardian_cloud.ca.authority import ensure
from guardian_cloud.index.engine import open_store
from guardian_cloud.index.migrate import migrate
from guardian_cloud.processes.cloud import running
from guardian_cloud.push.web_push import ensure_key
from guardian_cloud.settings.schema import Control, Identity, Limits, Settings, Store, Web
from pydantic import SecretStr

from guardian.platform.clock import SystemClock
from tests.support import postgres as pg
from tests.support import redis_server
from tests.support.cloud_people import Browser
from tests.support.oidc_provider import OidcProvider


@pytest.fixture(scope="session")
def postgres():
    if reason := pg.why_not():
        pytest.skip(reason)
    cluster = pg.Postgres()
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def migrated(postgres, tmp_path_factory):
    """A database with the tables, to be cloned."""
    name = postgres.new_database()
    asyncio.run(migrate(on_postgres(postgres, name, tmp_path_factory.mktemp("unused"))))
    return name


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    if reason := redis_server.why_not():
        pytest.skip(reason)
    server = redis_server.RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


def on_postgres(cluster, database, folder):
    store = Store(url=SecretStr(cluster.url(database)), owner_url=SecretStr(cluster.url(database, pg.OWNER)))
    return Settings(data_dir=folder, store=store)


@pytest.fixture
def pg_settings(postgres, migrated, tmp_path):
    return on_postgres(postgres, postgres.new_database(migrated), tmp_path)


@pytest.fixture
def settings(tmp_path):
    """Settings whose store has its tables: SQLite, which starts at once. tests/cloud/index and tests/e2e use the real PostgreSQL."""
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


@pytest.fixture
async def provider():
    one = await OidcProvider().start()
    for who in ("olga", "adam", "vera", "gus", "nora", "otto"):
        one.add(who)
    yield one
    await one.stop()


def complete(settings, provider, **parts):
    """The settings of a cloud that can run here."""
    ensure(settings.authority_dir, SystemClock())
    ensure_key(settings.authority_dir)
    values = {
        "web": Web(listen="127.0.0.1:0", public_url="http://127.0.0.1", open_sign_up=True),
        "control": Control(listen="127.0.0.1:0", names=("localhost",), heartbeat_s=1),
        "identity": Identity(issuer=provider.issuer, client_id="cloud", audience=provider.audience),
        "limits": Limits(api_per_s=1000, enrol_per_minute=600),
        **parts,
    }
    return settings.model_copy(update=values)


@pytest.fixture
async def started(settings, provider):
    """A cloud that runs, on each kind of store."""
    async with running(complete(settings, provider)) as found:
        yield found


@pytest.fixture
async def people(started, provider):
    """Log somebody in: `await people("olga")`."""
    base, made = f"http://127.0.0.1:{started.web_port}", []

    async def come(subject):
        made.append(await Browser(base, provider, subject).login())
        return made[-1]

    yield come
    for one in made:
        await one.close()
