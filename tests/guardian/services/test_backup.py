"""A backup opens with the passphrase or the recovery code alone, holds no secret in the clear, and is restored whole or not at all."""

import asyncio
import hashlib
import io
import json
import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardian.cli._main import cli
from guardian.index.engine import open_index
from guardian.index.recordings import Recordings
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.platform.lock import exclusive
from guardian.services import backup as making
from guardian.services import restore as taking
from guardian.services.accounts import AccountService
from guardian.vault.backup_file import RECORD_BYTES, SealingStream, split
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer
from tests.support.recorded import MINUTE, T0, OwnClock, whole

PASSPHRASE = "correct horse battery staple"
SECRET = "hunter2-of-the-camera"
NOW = T0 + 5 * MINUTE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data folder as it is in use, and its recovery code."""
    data = tmp_path_factory.mktemp("made") / "data"
    keyring = Keyring.create(data / "vault", PASSPHRASE, now_us=T0)
    code = keyring.make_recovery_code(PASSPHRASE, now_us=T0)
    keyring.lock()
    (data / "config.toml").write_text(f'[cameras.x]\nkind = "rtsp"\nsource = {{ password = "{SECRET}" }}\n')
    (data / "holds.json").write_text("[]")
    (data / "vault/tries.json").write_text('{"wrong": 3}')
    (data / "vault/evidence.json").write_text('{"a": 1}')
    (data / "plugins/webhook/sub").mkdir(parents=True)
    (data / "plugins/webhook/sub/state").write_bytes(os.urandom(RECORD_BYTES + 17))
    (data / "plugins/filecoin/spool").mkdir(parents=True)
    (data / "plugins/filecoin/spool/CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55")
    (data / "plugins/filecoin/spool/a.pack").write_bytes(b"can be made again")
    (data / "segments/front").mkdir(parents=True)
    (data / "segments/front/a.pgs").write_bytes(b"footage")
    (data / "run.json").write_text("{}")
    asyncio.run(in_use(data))
    return data, code


async def in_use(data: Path) -> None:
    index = await open_index(data / "index.db")
    await Recordings(index).add([whole(data, T0), whole(data, T0 + MINUTE)])
    accounts = AccountService(index, OwnClock())
    await accounts.create_user("anna", "a long password of anna")
    await accounts.login("anna", "a long password of anna", "here")
    await index.close()


def guardian(*arguments: object, given: str | None = None) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments], input=given)


def restored(file: Path, data: Path, *more: str, secret: str = PASSPHRASE) -> Result:
    return guardian("restore", file, "--data", data, "--passphrase-file", "-", *more, given=secret)


@pytest.fixture(scope="module")
def file(made: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("file") / "guardian.pgb"
    done = guardian("backup", file, "--data", made[0], "--json")
    assert done.exit_code == 0, done.output
    return file


def files(data: Path) -> dict[str, bytes]:
    """What a folder holds below it, without what SQLite keeps."""
    found = {path.relative_to(data).as_posix(): path for path in data.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if "index.db" not in name and name != "guardian.lock"}


def count(data: Path, table: str) -> int:
    with closing(sqlite3.connect(data / "index.db")) as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_what_was_backed_up_comes_back(made, file, tmp_path):
    done = restored(file, tmp_path / "new")
    assert done.exit_code == 0, done.output
    assert "guardian index rebuild" in done.stdout
    kept = ("config.toml", "holds.json", "vault/vault.json", "vault/evidence.json", "plugins/webhook/sub/state")
    assert files(tmp_path / "new") == {name: content for name, content in files(made[0]).items() if name in kept}
    assert [count(tmp_path / "new", table) for table in ("segments", "users", "sessions")] == [2, 1, 0]
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "new").rglob("*")}
    assert modes == {0}


def test_the_file_is_for_its_owner_alone_and_holds_nothing_in_the_clear(made, file):
    content = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name]
    for text in (SECRET, "anna", "SQLite format", "config.toml", "webhook"):
        assert text.encode() not in content, text
    assert not list(made[0].glob(".*")), "no copy of the index stays"


def test_the_recovery_code_opens_it_on_an_empty_machine(made, file, tmp_path):
    done = guardian("restore", file, "--data", tmp_path / "new", "--code-file", "-", given=made[1])
    assert done.exit_code == 0, done.output
    assert "guardian vault recover" in done.stdout
    assert (tmp_path / "new/config.toml").is_file()


def test_a_wrong_passphrase_changes_nothing(file, tmp_path):
    done = restored(file, tmp_path / "new", secret="another passphrase")
    assert (done.exit_code, list((tmp_path / "new").iterdir())) == (2, [])


def test_a_folder_in_use_is_refused_and_with_force_kept_beside(file, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "mine").write_text("mine")
    refused = restored(file, data)
    assert (refused.exit_code, "--force" in refused.output, files(data)) == (2, True, {"mine": b"mine"})
    with exclusive(data):
        running = restored(file, data, "--force")
    assert (running.exit_code, files(data)) == (2, {"mine": b"mine"})
    assert restored(file, data, "--force").exit_code == 0
    assert (tmp_path / "data.before-restore-1/mine").read_text() == "mine"
    assert "config.toml" in files(data)
    assert restored(file, data, "--force", secret="wrong wrong wrong").exit_code == 2
    assert restored(file, data, "--force").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.before-restore-1", "data.before-restore-2"]


@pytest.mark.parametrize("at", [0, 9, 400, 6000, 100_000, -4000, -300, -1])
def test_a_byte_that_flipped_anywhere_is_refused_before_anything_changes(file, tmp_path, at):
    content = bytearray(file.read_bytes())
    content[at] ^= 4
    (tmp_path / "bad").write_bytes(content)
    done = restored(tmp_path / "bad", tmp_path / "new")
    assert done.exit_code in (1, 2), done.output
    assert "Error" in done.output
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize("size", [0, 5, 3000, 50_000, -1])
def test_a_file_that_was_cut_off_is_refused(file, tmp_path, size):
    (tmp_path / "bad").write_bytes(file.read_bytes()[:size])
    done = restored(tmp_path / "bad", tmp_path / "new")
    assert (done.exit_code, files(tmp_path / "new")) == (1, {})


def forged(vault: Path, target: Path, members: dict[str, bytes], listed: dict[str, bytes] | None = None, **info) -> Path:
    """A backup as somebody makes it who has the public key."""
    keyring = Keyring.load(vault)
    header = SegmentHeader("x", "x", "", "", info.pop("kind", ContentKind.BACKUP), NOW, 0, 0)
    listed = members if listed is None else listed
    entries = [{"path": p, "size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for p, c in listed.items()]
    value = {"format": 1, "version": "9", "created": "2026-01-01T00:00:00Z", "members": entries} | info
    with target.open("wb") as out:
        stream = SealingStream(out, (vault / "vault.json").read_bytes(), VaultSealer(keyring.public_key, 1), header)
        with tarfile.open(fileobj=stream, mode="w|") as tar:
            for name, content in {"manifest.json": json.dumps(value).encode(), **members}.items():
                one = tarfile.TarInfo(name)
                one.size = len(content)
                tar.addfile(one, io.BytesIO(content))
        stream.finish()
    return target


def test_a_backup_that_somebody_made_up_writes_nowhere_else(made, tmp_path):
    vault = made[0] / "vault"
    right = {"vault/vault.json": (vault / "vault.json").read_bytes()}
    assert restored(forged(vault, tmp_path / "good", right), tmp_path / "good-data").exit_code == 0
    bad = [
        forged(vault, tmp_path / "0", right | {"../evil": b"x"}),
        forged(vault, tmp_path / "1", right | {"vault/../../evil": b"x"}),
        forged(vault, tmp_path / "2", right | {"/tmp/evil": b"x"}),
        forged(vault, tmp_path / "3", right | {"segments/evil": b"x"}),
        forged(vault, tmp_path / "4", right | {"plugins//evil": b"x"}),
        forged(vault, tmp_path / "5", {"vault/vault.json": b"{}"}),
        forged(vault, tmp_path / "6", {"config.toml": b""}),
        forged(vault, tmp_path / "7", right | {"config.toml": b"a"}, right | {"config.toml": b"b"}),
        forged(vault, tmp_path / "8", right | {"config.toml": b"a"}, right),
        forged(vault, tmp_path / "9", right, right | {"config.toml": b"a"}),
        forged(vault, tmp_path / "10", right, format=2),
        forged(vault, tmp_path / "11", right, kind=ContentKind.EXPORT),
        forged(vault, tmp_path / "12", right | {"index.db": b"no database" * 100}),
        forged(vault, tmp_path / "13", right, version="\x1b[2J"),
    ]
    for one in bad:
        done = restored(one, tmp_path / "new")
        assert (done.exit_code, files(tmp_path / "new")) == (1, {}), (one.name, done.output)
    assert not list(tmp_path.rglob("evil"))


def test_a_file_that_is_there_is_replaced_only_by_force(made, file, tmp_path):
    (tmp_path / "there").write_bytes(b"older")
    assert guardian("backup", tmp_path / "there", "--data", made[0]).exit_code == 2
    assert (tmp_path / "there").read_bytes() == b"older"
    assert guardian("backup", tmp_path / "there", "--data", made[0], "--force").exit_code == 0
    assert restored(tmp_path / "there", tmp_path / "new").exit_code == 0


def test_a_backup_that_fails_leaves_the_older_one_and_nothing_else(made, tmp_path, monkeypatch):
    (tmp_path / "there").write_bytes(b"older")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making.os, "fsync", full)
    done = guardian("backup", tmp_path / "there", "--data", made[0], "--force")
    assert (done.exit_code, "No space left" in done.output) == (1, True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("there", b"older")]


def test_what_fails_while_the_new_folder_is_put_in_place_is_undone(file, tmp_path, monkeypatch):
    moves, rename = 0, Path.rename

    def failing(path: Path, target: Path) -> Path:
        nonlocal moves
        moves += path.parent.name == ".restore"
        if moves == 3:
            moves = 4
            raise OSError(5, "Input/output error")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(taking.Path, "rename", failing)
        assert restored(file, tmp_path / "new").exit_code == 1
    assert files(tmp_path / "new") == {}
    assert restored(file, tmp_path / "new").exit_code == 0


def test_what_a_killed_restore_left_is_in_nobodys_way(file, tmp_path):
    left = tmp_path / "new/.restore/vault"
    left.mkdir(parents=True)
    (left / "older").write_text("x")
    assert restored(file, tmp_path / "new").exit_code == 0
    assert not [name for name in files(tmp_path / "new") if "older" in name or ".restore" in name]


def test_a_backup_is_the_index_of_one_moment_while_others_write(made, tmp_path):
    index = made[0] / "index.db"
    with closing(sqlite3.connect(index, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE users SET name = 'half'")
        try:
            assert guardian("backup", tmp_path / "b", "--data", made[0]).exit_code == 0
        finally:
            writer.execute("ROLLBACK")
    assert restored(tmp_path / "b", tmp_path / "new").exit_code == 0
    with closing(sqlite3.connect(tmp_path / "new/index.db")) as db:
        assert db.execute("SELECT name FROM users").fetchall() == [("anna",)]


def test_a_large_file_of_a_plugin_is_left_out_and_named(made, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "MOST_BYTES", RECORD_BYTES)
    done = guardian("backup", tmp_path / "b", "--data", made[0], "--json")
    assert json.loads(done.stdout.splitlines()[-1])["left_out"] == ["plugins/webhook/sub/state"]


def test_a_folder_without_a_vault_has_no_backup(tmp_path):
    assert guardian("backup", tmp_path / "b", "--data", tmp_path).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_the_keys_stand_in_front_in_the_clear(made, file, tmp_path):
    assert split(file, tmp_path / "sealed") == (made[0] / "vault/vault.json").read_bytes()
