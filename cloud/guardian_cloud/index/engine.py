"""Opens the store. A transaction says whose it is before it reads a row: of a tenant, of a person, or of a job.

On PostgreSQL the database enforces it (guardian_cloud.index.isolation). On SQLite, which has no such thing, only the WHERE of each query
does; both have it. SQLite has one writer at a time, so writers of this process wait for each other here.
"""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from guardian.platform.databases import close_given_up
from guardian.platform.files import PRIVATE_FILE, make_private_dir
from guardian_cloud.index.isolation import JOBS
from guardian_cloud.model.errors import BadSetting, Conflict, Unavailable
from guardian_cloud.settings.schema import Settings

STORE_NAME: Final = "cloud.db"
BUSY_TIMEOUT_MS: Final = 10_000  # `guardian-cloud tenant` writes while the program runs
PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # what is acknowledged to a relay must outlive a power cut
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
)
_SET_TENANT = sa.text("SELECT set_config('app.tenant_id', :id, true)")
_SET_USER = sa.text("SELECT set_config('app.user_id', :id, true)")


def _driver_errors() -> tuple[type[Exception], ...]:
    try:
        import asyncpg
    except ImportError:  # SQLite alone
        return ()
    return (asyncpg.PostgresError, asyncpg.InterfaceError)


_NO_ANSWER: Final[tuple[type[Exception], ...]] = (
    DBAPIError,
    InterfaceError,
    OSError,
    sa.exc.TimeoutError,
    *_driver_errors(),
)


class Store:
    """The open store. Repositories in this folder work on its connections."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.postgresql = engine.dialect.name == "postgresql"
        self._writer = engine if self.postgresql else engine.execution_options(guardian_begin="BEGIN IMMEDIATE")
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def tenant(self, tenant: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees and changes one tenant's rows."""
        async with self._begin() as connection:
            if self.postgresql:
                await connection.execute(_SET_TENANT, {"id": tenant})
            yield connection

    @asynccontextmanager
    async def look(self, tenant: str) -> AsyncIterator[AsyncConnection]:
        """The same, to read only: it waits for no writer."""
        async with self._translated(), self.engine.connect() as connection:
            if self.postgresql:
                await connection.execute(_SET_TENANT, {"id": tenant})
            yield connection

    @asynccontextmanager
    async def driver(self, tenant: str) -> AsyncIterator[Any]:
        """asyncpg's own connection in a transaction of a tenant, where each round trip counts: three in all, with what is done in it."""
        home = str(uuid.UUID(tenant))  # it goes into the statement as text: nothing else can
        async with self._translated(), self.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            try:
                await driver.execute(f"BEGIN; SELECT set_config('app.tenant_id', '{home}', true)")
                yield driver
                await driver.execute("COMMIT")
            except BaseException:
                await connection.invalidate()  # the pool does not know what state it is in
                raise

    @asynccontextmanager
    async def person(self, user: str) -> AsyncIterator[AsyncConnection]:
        """A transaction of somebody who has chosen no tenant yet: it sees their memberships."""
        async with self._begin() as connection:
            if self.postgresql:
                await connection.execute(_SET_USER, {"id": user})
            yield connection

    @asynccontextmanager
    async def jobs(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees the outbox of all tenants, and nothing else."""
        async with self._begin() as connection:
            if self.postgresql:
                await connection.exec_driver_sql(f"SET LOCAL ROLE {JOBS}")
            yield connection

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        if self.postgresql:
            async with self._translated(), self._writer.begin() as connection:
                yield connection
        else:
            async with self._translated(), self._lock, self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise Conflict("there is such a thing already", cure="Look what is there.") from error
        except _NO_ANSWER as error:
            raise Unavailable("the store does not answer, or refuses", cure="See `guardian-cloud doctor`.") from error

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def open_store(settings: Settings, *, owner: bool = False) -> Store:
    """Open the store that the settings name. `owner`: as the user that owns the tables, for migrations."""
    url = (settings.store.owner_url if owner else settings.store.url).get_secret_value()
    if not url:
        return Store(_sqlite(settings.data_dir / STORE_NAME))
    return Store(
        create_async_engine(url, pool_size=settings.store.pool, max_overflow=2, pool_pre_ping=True, hide_parameters=True)
    )


def user_of(settings: Settings) -> str:
    """Return the program's user at PostgreSQL, which must be a plain name."""
    name = make_url(settings.store.url.get_secret_value()).username or ""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", name):
        raise Unavailable("store.url names no user, or one with odd letters", cure="Use letters, digits, _ and -.")
    return name


def _sqlite(path: Path) -> AsyncEngine:
    try:
        make_private_dir(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
    except OSError as error:
        raise BadSetting(
            f"data_dir: {path} cannot be written: {error.strerror}",
            field="data_dir",
            cure="Let the user that the program runs as own that folder.",
        ) from error
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=5, max_overflow=5, hide_parameters=True)
    close_given_up(engine)
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver would leave DDL outside of transactions
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("guardian_begin", "BEGIN"))
