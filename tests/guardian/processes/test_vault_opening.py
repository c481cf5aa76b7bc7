"""The vault at start: unlocked by who chose it, and never a reason not to record."""

from pathlib import Path

import pytest

from guardian.platform.clock import SystemClock
from guardian.processes.vault_opening import CREDENTIAL, open_vault
from guardian.vault.keyring import Keyring

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    Keyring.create(tmp_path / "data" / "vault", PASSPHRASE, now_us=0).lock()
    return tmp_path / "data"


async def test_it_stays_locked_where_nothing_else_was_chosen(data):
    keyring, problem = await open_vault(data, "", None, SystemClock())
    assert (keyring.unlocked, problem) == (False, "")


async def test_a_file_opens_it(data, tmp_path):
    (tmp_path / "file").write_text(PASSPHRASE + "\n")
    keyring, problem = await open_vault(data, str(tmp_path / "file"), None, SystemClock())
    assert (keyring.unlocked, problem) == (True, "")


async def test_a_systemd_credential_opens_it(data, tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    keyring, problem = await open_vault(data, "", None, SystemClock())
    assert (keyring.unlocked, problem) == (False, ""), "other credentials are not ours"
    (tmp_path / CREDENTIAL).write_text(PASSPHRASE)
    keyring, problem = await open_vault(data, "", None, SystemClock())
    assert (CREDENTIAL, keyring.unlocked, problem) == ("guardian-passphrase", True, "")


async def test_what_cannot_be_opened_is_said_and_is_no_reason_not_to_record(data, tmp_path):
    (tmp_path / "wrong").write_text("the passphrase of before")
    (tmp_path / "none").write_bytes(b"\xff\xfe")
    for name, why in (("wrong", "wrong"), ("none", "UTF-8"), ("missing", "No such file")):
        keyring, problem = await open_vault(data, str(tmp_path / name), None, SystemClock())
        assert not keyring.unlocked
        assert why in problem
        assert keyring.public_key


async def test_a_damaged_vault_is_put_back_from_its_copy_so_that_recording_begins(data):
    (data / "vault" / "vault.json").write_bytes(bytes(500))
    keyring, problem = await open_vault(data, "", None, SystemClock())
    assert (keyring.epoch, problem) == (1, "")
    keyring.unlock(PASSPHRASE)
