"""The index file: made private, migrated, durable, shared with other programs."""

import os
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from guardian.index.engine import HEAD, MIGRATIONS, IndexFile, open_index, put_aside
from guardian.index.recordings import Recordings
from guardian.index.tables import metadata
from guardian.model.errors import Conflict, Damaged
from guardian.platform.lock import exclusive
from tests.support.recorded import T0, record


async def test_every_file_of_the_index_is_private(tmp_path: Path) -> None:
    index = await open_index(tmp_path / "data" / "index.db")
    await Recordings(index).add([record(T0)])
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    await index.close()
    assert modes == {"index.db": 0o600, "index.db-wal": 0o600, "index.db-shm": 0o600}


async def test_pragmas_hold_on_every_connection(index: IndexFile) -> None:
    async with index.read() as connection:
        answers = {
            name: await connection.scalar(sa.text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "synchronous")
        }
        assert await connection.scalar(sa.text("PRAGMA busy_timeout")) == 10_000
    assert answers == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1}


async def test_migrations_make_exactly_the_tables_that_a_new_index_has(index: IndexFile, tmp_path: Path) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    migrated = IndexFile(tmp_path / "migrated.db")
    async with migrated.engine.begin() as connection:
        await connection.run_sync(lambda sync: _to_revision(sync, "head"))
    forms = []
    for one in (index, migrated):
        async with one.engine.connect() as connection:
            assert await connection.run_sync(differences) == []
            assert (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).all() == [(HEAD,)]
            forms.append(await connection.run_sync(_form))
    await migrated.close()
    assert forms[0] == forms[1]


def _form(connection: sa.Connection) -> dict[str, object]:
    """Return the columns of every table and index."""
    named = connection.exec_driver_sql("SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").all()
    form: dict[str, object] = {}
    for kind, name, table in named:
        info = "index_xinfo" if kind == "index" else "table_xinfo"
        rows = [tuple(row)[1:] for row in connection.exec_driver_sql(f"PRAGMA {info}('{name}')")]
        form[name] = table, [[None if part is None else str(part).strip("'") for part in row] for row in rows]
        if kind == "table":
            lists = connection.exec_driver_sql(f"PRAGMA index_list('{name}')").all()
            form[f"{name} indexes"] = sorted((one.name, one.unique, one.partial) for one in lists)
            form[f"{name} rowid"] = connection.exec_driver_sql(f"PRAGMA table_list('{name}')").one().wr
    return form


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


async def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    for _ in range(2):
        index = await open_index(tmp_path / "index.db")
        await Recordings(index).add([record(T0)])
        assert len(await Recordings(index).usage()) == 1
        await index.close()


async def test_a_file_that_is_no_index_is_damaged_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(Damaged, match="damaged") as caught:
        await open_index(tmp_path / "index.db")
    assert "index rebuild" in caught.value.cure


async def test_an_index_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    await (await open_index(tmp_path / "index.db")).close()
    with sqlite3.connect(tmp_path / "index.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(Damaged, match="another version"):
        await open_index(tmp_path / "index.db")


async def test_an_index_of_the_first_version_is_brought_up_with_what_it_holds(tmp_path: Path) -> None:
    index = IndexFile(tmp_path / "index.db")
    async with index.engine.begin() as connection:
        await connection.run_sync(lambda sync: _to_revision(sync, "0001"))
        columns = (
            "segment_id, run_id, camera, stream, kind, start_us, end_us, start_mono_us, start_90k, duration_90k, codecs, "
        )
        columns += "width, height, epoch, path, size_bytes, fragments, video_frames, complete"
        values = "'s', 'r', 'front', 'main', 1, 1, 2, 1, 0, 9, 'avc1', 1, 1, 1, 'p', 5, 1, 1, 1"
        await connection.execute(sa.text(f"INSERT INTO segments ({columns}) VALUES ({values})"))
    await index.close()
    again = await open_index(tmp_path / "index.db")
    async with again.read() as connection:
        assert (await connection.execute(sa.text("SELECT segment_id, local FROM segments"))).all() == [("s", 1)]
        assert (await connection.execute(sa.text("SELECT count(*) FROM holds"))).scalar() == 0
    await again.close()


def _to_revision(connection: sa.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def test_a_failed_transaction_leaves_nothing(index: IndexFile) -> None:
    async def fail_half_way() -> None:
        async with index.write() as connection:
            await connection.execute(sa.text("INSERT INTO users VALUES ('a', 'b', 1)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_half_way()
    async with index.read() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM users")) == 0


async def test_what_must_survive_a_power_cut_is_synced(index: IndexFile, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), real(fd))[1])
    async with index.write() as connection:
        await connection.execute(sa.text("INSERT INTO holds VALUES ('a', 'front', 1, 2, '', 3)"))
    assert synced == []
    async with index.write(durable=True) as connection:
        await connection.execute(sa.text("INSERT INTO holds VALUES ('b', 'front', 1, 2, '', 3)"))
    assert synced == [f"{index.path}-wal", str(index.path.parent)]


async def test_another_program_may_write_while_we_have_it_open(tmp_path: Path, index: IndexFile) -> None:
    await Recordings(index).add([record(T0)])
    other = await open_index(tmp_path / "index.db")
    await Recordings(other).add([record(T0 + 60_000_000)])
    await other.close()
    (usage,) = await Recordings(index).usage()
    assert usage.segments == 2


async def test_a_damaged_index_is_put_aside_but_not_under_a_recorder(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_bytes(b"broken")
    with exclusive(tmp_path), pytest.raises(Conflict):
        put_aside(tmp_path)
    assert put_aside(tmp_path).read_bytes() == b"broken"
    assert not (tmp_path / "index.db").exists()
