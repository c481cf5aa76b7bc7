"""The recovery code and the vault: what it opens, what ends it, and what a changed file cannot do."""

import json
from pathlib import Path
from typing import Any

import pytest

from guardian.model.errors import BadRequest, Damaged, MistypedCode, WrongPassphrase, WrongRecoveryCode
from guardian.vault import epochs, hpke
from guardian.vault.keyring import BACKUP, FILE, Keyring
from guardian.vault.recovery_code import generate_code, parse_code
from guardian.vault.vault_file import VaultFile, read_vault, write_vault

PASSPHRASE, OTHER = "correct horse battery staple", "another passphrase"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Keyring.create(tmp_path / "vault", PASSPHRASE, now_us=1_000).lock()
    return tmp_path / "vault"


@pytest.fixture
def code(folder: Path) -> str:
    return Keyring.load(folder).make_recovery_code(PASSPHRASE, now_us=5_000)


def sealed(ring: Keyring) -> bytes:
    return hpke.Wrapper(ring.public_key).wrap(b"k" * 32, b"p")


def opens(ring: Keyring, wrapped: bytes, epoch: int) -> bool:
    return ring.unwrap_segment_key(wrapped, b"p", epoch) == b"k" * 32


def test_a_lost_passphrase_is_replaced_with_the_code(folder, code):
    ring = Keyring.load(folder)
    assert ring.recovery_created_us == 5_000
    wrapped = sealed(ring)
    ring.recover(code.lower(), OTHER)
    assert ring.unlocked
    assert opens(ring, wrapped, 1)
    again = Keyring.load(folder)
    with pytest.raises(WrongPassphrase):
        again.unlock(PASSPHRASE)
    again.unlock(OTHER)
    Keyring.load(folder).recover(code, PASSPHRASE)


def test_neither_code_nor_keys_stand_in_the_file(folder, code):
    for name in (FILE, BACKUP):
        text = (folder / name).read_text()
        assert code not in text
        assert all(group not in text for group in code.split("-")[:1])


def test_rotating_needs_the_passphrase_alone_and_the_code_opens_what_came_after(folder, code):
    ring = Keyring.load(folder)
    first = sealed(ring)
    ring.rotate(PASSPHRASE, now_us=6_000)
    second = sealed(ring)
    fresh = Keyring.load(folder)
    fresh.unlock_with_code(code)
    assert opens(fresh, first, 1)
    assert opens(fresh, second, 2)
    fresh.lock()
    fresh.unlock(PASSPHRASE)


def test_changing_the_passphrase_touches_nothing_of_recovery(folder, code):
    before = json.loads((folder / FILE).read_text())
    Keyring.load(folder).change_passphrase(PASSPHRASE, OTHER)
    after = json.loads((folder / FILE).read_text())
    assert after["recovery"] == before["recovery"]
    assert after["check"] == before["check"]
    assert after["epochs"][0]["recovery"] == before["epochs"][0]["recovery"]
    assert after["epochs"][0]["wrapped"] != before["epochs"][0]["wrapped"]
    Keyring.load(folder).unlock_with_code(code)


def test_a_new_code_ends_the_old_one_in_the_copy_too(folder, code):
    new = Keyring.load(folder).make_recovery_code(PASSPHRASE, now_us=7_000)
    assert (folder / BACKUP).read_bytes() == (folder / FILE).read_bytes()
    with pytest.raises(WrongRecoveryCode):
        Keyring.load(folder).recover(code, OTHER)
    Keyring.load(folder).unlock(PASSPHRASE)
    Keyring.load(folder).recover(new, OTHER)


def test_a_wrong_code_is_told_from_a_slip_and_neither_changes_anything(folder, code):
    before = (folder / FILE).read_bytes()
    ring = Keyring.load(folder)
    with pytest.raises(WrongRecoveryCode):
        ring.recover(generate_code(), OTHER)
    with pytest.raises(MistypedCode):
        ring.recover(("2" if code[0] != "2" else "3") + code[1:], OTHER)
    with pytest.raises(BadRequest, match="at least 8"):
        ring.recover(code, "short")
    with pytest.raises(WrongPassphrase):
        ring.make_recovery_code("not this one", now_us=0)
    assert (folder / FILE).read_bytes() == before
    assert not ring.unlocked


def test_a_vault_without_a_code_says_how_to_get_one(folder):
    with pytest.raises(BadRequest, match="no recovery code") as caught:
        Keyring.load(folder).recover(generate_code(), OTHER)
    assert "guardian vault recovery-code" in caught.value.cure


# somebody who can write to the folder, and no more


def change(folder: Path, **members: Any) -> None:
    value = json.loads((folder / FILE).read_text()) | members
    (folder / FILE).write_text(json.dumps({name: one for name, one in value.items() if one is not None}))


def test_a_recovery_key_that_was_put_there_gets_no_epoch_sealed_to_it(folder, code, tmp_path):
    Keyring.create(tmp_path / "theirs", OTHER, now_us=0)
    Keyring.load(tmp_path / "theirs").make_recovery_code(OTHER, now_us=0)
    theirs = json.loads((tmp_path / "theirs" / FILE).read_text())
    change(folder, recovery=theirs["recovery"])
    for try_it in (
        lambda ring: ring.rotate(PASSPHRASE, now_us=0),
        lambda ring: ring.unlock(PASSPHRASE),
        lambda ring: ring.change_passphrase(PASSPHRASE, OTHER),
    ):
        with pytest.raises(Damaged, match="changed by somebody"):
            try_it(Keyring.load(folder))
    change(folder, check=theirs["check"])
    with pytest.raises(Damaged, match="changed by somebody"):
        Keyring.load(folder).rotate(PASSPHRASE, now_us=0)


def test_an_epoch_of_their_own_is_not_taken_over_by_recovering(folder, code):
    """They know the recovery public key, so they can seal a key pair of theirs to it."""
    vault = read_vault(folder)
    private, public = hpke.generate()
    kek = bytearray(32)
    added = epochs.seal_to_recovery(epochs.wrap(2, private, public, kek, 0), private, vault.recovery)
    instead = epochs.seal_to_recovery(epochs.wrap(1, private, public, kek, 0), private, vault.recovery)
    forged = (
        VaultFile(vault.parameters, (*vault.epochs, added), vault.recovery, vault.check),
        VaultFile(vault.parameters, (instead,), vault.recovery, epochs.check_of((instead,), vault.recovery, private)),
    )
    for one in forged:
        write_vault(folder, one)
        with pytest.raises(Damaged):
            Keyring.load(folder).recover(code, OTHER)
        with pytest.raises((Damaged, WrongPassphrase)):
            Keyring.load(folder).unlock(PASSPHRASE)


@pytest.mark.parametrize("member", ["salt", "public", "anchor", "created_us"])
def test_a_changed_member_of_recovery_is_found_out(folder, code, member):
    value = json.loads((folder / FILE).read_text())["recovery"]
    value[member] = 9 if member == "created_us" else ("A" if value[member][0] != "A" else "B") + value[member][1:]
    change(folder, recovery=value)
    with pytest.raises(Damaged):
        Keyring.load(folder).unlock(PASSPHRASE)
    with pytest.raises((Damaged, WrongRecoveryCode)):
        Keyring.load(folder).unlock_with_code(code)


@pytest.mark.parametrize(
    "members",
    [{"recovery": []}, {"recovery": {}}, {"check": None}, {"check": "AAAA"}, {"epochs": 3}, {"recovery": None, "check": ""}],
    ids=str,
)
def test_members_that_are_none_are_said_to_be_damaged(folder, code, members):
    change(folder, **members)
    with pytest.raises(Damaged):
        Keyring.load(folder)


def test_the_code_is_never_kept_in_a_form_that_is_quicker_to_guess(code):
    assert len(parse_code(code)) * 5 >= 128
