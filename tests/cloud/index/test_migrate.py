"""The tables that revisions make are those the program believes in."""

import base64
import hashlib
import hmac
import subprocess
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from guardian_cloud.ca.authority import ensure
from guardian_cloud.index.engine import open_store
from guardian_cloud.index.migrate import HEAD, migrate, revision
from guardian_cloud.index.tables import metadata
from guardian_cloud.model.errors import BadSetting, Unavailable
from guardian_cloud.settings.schema import Settings, Store
from pydantic import SecretStr

from guardian.platform.clock import SystemClock
from tests.support import postgres as pg


async def test_revisions_and_tables_agree(settings):
    store = open_store(settings, owner=bool(settings.store.url.get_secret_value()))
    try:
        async with store.engine.connect() as connection:
            assert await connection.run_sync(lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)) == []
        assert await revision(store) == HEAD
    finally:
        await store.close()


async def test_migrating_twice_changes_nothing(settings):
    assert await migrate(settings) == HEAD
    assert await migrate(settings) == HEAD


async def test_one_user_for_tables_and_program_is_refused(postgres, tmp_path):
    database = postgres.new_database()
    url = SecretStr(postgres.url(database, pg.OWNER))
    with pytest.raises(BadSetting, match="owns tables") as refused:
        await migrate(Settings(data_dir=tmp_path, store=Store(url=url, owner_url=url)))
    assert refused.value.field == "store.url"
    with pytest.raises(BadSetting, match="owner_url is missing"):
        await migrate(Settings(data_dir=tmp_path, store=Store(url=url)))


async def test_a_store_that_is_not_there_is_said_so(tmp_path):
    url = SecretStr(f"postgresql+asyncpg://a:b@127.0.0.1:{pg.free_port()}/c")
    with pytest.raises(Unavailable):
        await migrate(Settings(data_dir=tmp_path, store=Store(url=url, owner_url=url)))


async def test_folders_that_cannot_be_written_are_named_with_their_setting(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadSetting, match="cannot be written") as refused:
        await migrate(Settings(data_dir=tmp_path / "file"))
    assert refused.value.field == "data_dir"
    with pytest.raises(BadSetting, match="cannot be written") as refused:
        ensure(tmp_path / "file/ca", SystemClock())
    assert refused.value.field == "authority.dir"


def is_password(word, kept):
    """Whether PostgreSQL keeps this password as `SCRAM-SHA-256$rounds:salt$stored key:...` (RFC 5803)."""
    _, rounds_salt, keys = kept.split("$")
    rounds, salt = rounds_salt.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", word.encode(), base64.b64decode(salt), int(rounds))
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return base64.b64decode(keys.split(":")[0]) == stored


async def test_the_users_that_compose_makes_are_those_that_migrate_asks_for(postgres, tmp_path):
    """`users.sh` as the entrypoint of PostgreSQL's image runs it, but for where the server and the secrets are."""
    postgres.sql("postgres", "CREATE DATABASE guardian")
    for name in ("app", "owner"):
        (tmp_path / f"{name}_password").write_text(f"{name}'s \\word\n")
    script = tmp_path / "users.sh"
    shipped = Path(__file__).parents[3] / "packaging/docker/cloud/users.sh"
    script.write_text(shipped.read_text().replace("/run/secrets", str(tmp_path)))
    environment = {"PATH": f"{pg.programs()}:/usr/bin:/bin", "PGHOST": "127.0.0.1", "PGPORT": str(postgres.port)}
    (tmp_path / "app_password").rename(tmp_path / "away")
    assert subprocess.run(["sh", script], env=environment, check=False, capture_output=True).returncode != 0
    (tmp_path / "away").rename(tmp_path / "app_password")
    subprocess.run(["sh", script], env=environment, check=True)
    for name in ("app", "owner"):
        kept = postgres.ask("postgres", f"SELECT rolpassword FROM pg_authid WHERE rolname = 'guardian_{name}'")
        assert is_password(f"{name}'s \\word", kept)
    urls = [SecretStr(postgres.url("guardian", user)) for user in ("guardian_app", "guardian_owner")]
    assert await migrate(Settings(data_dir=tmp_path, store=Store(url=urls[0], owner_url=urls[1]))) == HEAD


# What the cloud keeps of an event; a further column needs its line in docs/security.md.
EVENT = {
    "tenant_id", "event_id", "seq", "device_id", "camera", "serial", "time_s", "kind", "size", "sealed", "received_us",
}  # fmt: skip


def test_what_is_kept_of_an_event_is_counted():
    assert set(metadata.tables["events"].c.keys()) == EVENT
