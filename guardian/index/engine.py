"""Opens the index: WAL, foreign keys, one writer at a time in this process and patience with writers in others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from guardian.index.tables import metadata
from guardian.model.errors import Damaged, DiskFull, ServiceUnavailable
from guardian.platform.databases import close_given_up
from guardian.platform.files import PRIVATE_FILE, make_private_dir, sync_dir
from guardian.platform.lock import exclusive

INDEX_NAME = "index.db"
HEAD = "0006"  # the newest revision below migrations/versions; alembic is only imported where the index is older
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 10_000  # `guardian token create` and `index rebuild` write while the conductor runs
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",  # WAL stays whole after a power cut; the last rows are found again in the files
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store = MEMORY",
)
REBUILD = "Run `guardian index rebuild`: recordings are found again from their files."


def open_engine(path: Path) -> AsyncEngine:
    """Return an engine on the index file, which is made for its owner only; SQLite gives -wal and -shm the same mode."""
    make_private_dir(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=3, max_overflow=2)
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


async def upgrade(engine: AsyncEngine) -> None:
    """Bring the tables to this version's form. Damaged where the file is no index, or is of a newer version."""
    try:
        async with engine.execution_options(guardian_begin="BEGIN IMMEDIATE").begin() as connection:
            if not await connection.scalar(sa.text("SELECT count(*) FROM sqlite_master")):
                await connection.run_sync(_make)
            elif await _revision(connection) != HEAD:
                await connection.run_sync(_migrate)
    except DatabaseError as error:
        raise translate(error) from error


async def _revision(connection: AsyncConnection) -> str | None:
    found = await connection.scalar(sa.text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"))
    if not found:
        return None
    revision = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return None if revision is None else str(revision)


def _make(connection: sa.Connection) -> None:
    """Make the tables of an empty file as they are now, as if they had come by all migrations: that needs no alembic."""
    metadata.create_all(connection)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version"
        " (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (HEAD,))


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Damaged(
            f"the index was made by another version of Guardian: {error}", cure="Install that version, or a newer one."
        ) from error


def translate(error: DatabaseError) -> Exception:
    """Return what a fault of SQLite means to us."""
    text = str(error.orig)
    if "disk is full" in text or getattr(error.orig, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE":
        return DiskFull("the index cannot be written: the disk is full", cure="Free some space on the disk.")
    if isinstance(error, OperationalError) and "locked" in text:
        return ServiceUnavailable("the index is busy: another program writes to it", cure="Try again.")
    if "not a database" in text or "malformed" in text:
        return Damaged(f"the index is damaged: {text}", cure=REBUILD)
    return ServiceUnavailable(f"the index does not answer: {text}", cure="See `guardian index check`.")


class IndexFile:
    """The open index. Repositories read and write through it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = open_engine(path)
        self._writer = self.engine.execution_options(guardian_begin="BEGIN IMMEDIATE")
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A snapshot to read from."""
        try:
            async with self.engine.connect() as connection:
                yield connection
        except DatabaseError as error:
            raise translate(error) from error

    @asynccontextmanager
    async def write(self, *, durable: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction: all of it or none. Writers of this process wait for each other here.

        `durable`: a power cut right after it does not undo it. Recordings do without: their files tell the index again.
        """
        try:
            async with self._lock, self._writer.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise translate(error) from error
        if durable:
            await asyncio.to_thread(self._sync_log)

    def _sync_log(self) -> None:
        """Sync the write-ahead log. Not the database: closing it here would give up SQLite's locks on it (POSIX)."""
        try:
            fd = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # it is all in the database, which SQLite synced before it removed the log
            return
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_dir(self.path.parent)

    async def reindex(self) -> None:
        """Make SQLite's own look-up tables anew from the rows."""
        async with self.read() as connection:
            await connection.rollback()
            await connection.exec_driver_sql("REINDEX")
            await connection.commit()

    async def close(self) -> None:
        """Close; the write-ahead log goes into the file."""
        await self.engine.dispose()


async def open_index(path: Path) -> IndexFile:
    """Open an index file and bring it up to date; it is made where there is none. Damaged, DiskFull, ServiceUnavailable."""
    index = IndexFile(path)
    try:
        await upgrade(index.engine)
    except BaseException:
        await index.close()
        raise
    return index


def put_aside(data_dir: Path) -> Path:
    """Rename a damaged index, so that a new one can be made; Conflict while the recorder has it open."""
    with exclusive(data_dir):
        index, number = data_dir / INDEX_NAME, 1
        while (aside := data_dir / f"{INDEX_NAME}.damaged-{number}").exists():
            number += 1
        for suffix in ("-wal", "-shm"):
            log = index.with_name(index.name + suffix)
            if log.exists():
                log.rename(aside.with_name(aside.name + suffix))
        index.rename(aside)
    return aside
