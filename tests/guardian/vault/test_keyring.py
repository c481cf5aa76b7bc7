import base64
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from guardian.model.errors import BadRequest, BadSetting, Conflict, Damaged, ResourceGone, VaultLocked, WrongPassphrase
from guardian.vault import epochs, hpke, keyring, passphrase, vault_file
from guardian.vault.keyring import BACKUP, FILE, Keyring
from guardian.vault.passphrase import Argon2Parameters, derive_kek, generate_passphrase
from guardian.vault.vault_file import VaultFile, read_vault, write_vault

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Keyring.create(tmp_path / "vault", PASSPHRASE, now_us=1_000)
    return tmp_path / "vault"


def change(folder: Path, **fields: Any) -> None:
    value = json.loads((folder / FILE).read_text())
    for name, new in fields.items():
        first, _, second = name.partition("__")
        place = value["epochs"][0] if first == "epoch" else value[first] if second else value
        place[second or first] = new
    (folder / FILE).write_text(json.dumps(value))


def flipped(folder: Path, field: str) -> str:
    data = bytearray(base64.b64decode(json.loads((folder / FILE).read_text())["epochs"][0][field]))
    data[-1] ^= 1
    return base64.b64encode(data).decode()


def test_a_new_vault_is_open_and_private(folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    text = (folder / FILE).read_text()
    assert PASSPHRASE not in text
    assert json.loads(text)["kdf"]["name"] == "argon2id"


def test_it_loads_locked_and_the_passphrase_opens_it(folder):
    keyring = Keyring.load(folder)
    assert not keyring.unlocked
    assert (keyring.epoch, keyring.created_us) == (1, 1_000)
    with pytest.raises(VaultLocked):
        keyring.unwrap_segment_key(b"", b"", 1)
    keyring.unlock(PASSPHRASE)
    wrapped = hpke.Wrapper(keyring.public_key).wrap(b"k" * 32, b"preamble")
    assert keyring.unwrap_segment_key(wrapped, b"preamble", 1) == b"k" * 32
    with pytest.raises(Damaged):
        keyring.unwrap_segment_key(wrapped, b"another preamble", 1)
    keyring.lock()
    assert not keyring.unlocked


def test_a_wrong_passphrase_opens_nothing(folder):
    keyring = Keyring.load(folder)
    for wrong in (PASSPHRASE + " ", PASSPHRASE.upper(), ""):
        with pytest.raises(WrongPassphrase):
            keyring.unlock(wrong)
    assert not keyring.unlocked


def test_a_passphrase_may_be_typed_on_any_keyboard(tmp_path):
    Keyring.create(tmp_path, "schön und größer", now_us=0)
    keyring = Keyring.load(tmp_path)
    keyring.unlock("scho\u0308n und gro\u00dfer".replace("gro\u00dfer", "größer"))
    assert keyring.unlocked


@pytest.mark.parametrize("passphrase", ["", "short", "x" * 1025])
def test_a_passphrase_of_a_wrong_length_makes_no_vault(tmp_path, passphrase):
    with pytest.raises(BadRequest) as caught:
        Keyring.create(tmp_path / "vault", passphrase, now_us=0)
    assert caught.value.field == "passphrase"
    assert not Keyring.exists(tmp_path / "vault")


def test_a_vault_is_never_made_over(folder):
    before = (folder / FILE).read_bytes()
    with pytest.raises(Conflict):
        Keyring.create(folder, PASSPHRASE, now_us=0)
    assert (folder / FILE).read_bytes() == before


def test_a_new_passphrase_opens_what_was_sealed_before(folder):
    keyring = Keyring.load(folder)
    wrapped = hpke.Wrapper(keyring.public_key).wrap(b"k" * 32, b"p")
    before = (folder / FILE).read_bytes()
    with pytest.raises(WrongPassphrase):
        keyring.change_passphrase("not this one", "another passphrase")
    with pytest.raises(BadRequest):
        keyring.change_passphrase(PASSPHRASE, "short")
    assert (folder / FILE).read_bytes() == before
    keyring.change_passphrase(PASSPHRASE, "another passphrase")
    again = Keyring.load(folder)
    with pytest.raises(WrongPassphrase):
        again.unlock(PASSPHRASE)
    again.unlock("another passphrase")
    assert again.unwrap_segment_key(wrapped, b"p", 1) == b"k" * 32
    assert json.loads(before)["kdf"]["salt"] != json.loads((folder / FILE).read_text())["kdf"]["salt"]


def test_there_is_no_vault_before_it_is_made(tmp_path):
    assert not Keyring.exists(tmp_path)
    with pytest.raises(BadSetting, match="no vault") as caught:
        Keyring.load(tmp_path)
    assert "guardian vault init" in caught.value.cure


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": 1}', '{"format": 2, "kdf": {}, "kem": "", "epochs": []}', "\x00\x01"]
)
def test_a_file_that_is_no_vault_is_said_to_be_damaged(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(Damaged):
        Keyring.load(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        {"format": 2},
        {"kem": "X25519"},
        {"kdf__name": "scrypt"},
        {"kdf__memory_kib": 8},
        {"kdf__memory_kib": 1 << 30},
        {"kdf__time": 0},
        {"kdf__time": 1 << 20},
        {"kdf__lanes": 0},
        {"kdf__lanes": 1 << 20},
        {"kdf__salt": "AAAA"},
        {"kdf__salt": "no base64!"},
        {"epochs": []},
        {"epoch__number": "one"},
        {"epoch__number": -1},
        {"epoch__number": 1 << 32},
        {"epoch__number": float("inf")},
        {"epoch__created_us": float("inf")},
        {"epoch__created_us": "12"},
        {"epoch__nonce": "AAAA"},
        {"epoch__wrapped": ""},
        {"epoch__public": "AAAA"},
        {"kdf__lanes": True},
    ],
    ids=str,
)
def test_numbers_that_make_guessing_cheap_or_the_machine_stand_still_are_refused(folder, fields):
    change(folder, **fields)
    with pytest.raises(Damaged):
        Keyring.load(folder).unlock(PASSPHRASE)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"format": 1e999}', " " * keyring.MAX_FILE + "{}"], ids=["deep", "inf", "long"]
)
def test_a_file_that_is_made_to_hurt_is_said_to_be_damaged(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(Damaged):
        Keyring.load(tmp_path)


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / FILE).mkdir()
    with pytest.raises(BadSetting, match=r"vault\.json") as caught:
        Keyring.load(tmp_path)
    assert caught.value.cure


def test_two_epochs_are_in_order_and_each_is_there_once(folder):
    first = json.loads((folder / FILE).read_text())["epochs"][0]
    for numbers in ((1, 1), (2, 1)):
        change(folder, epochs=[{**first, "number": number} for number in numbers])
        with pytest.raises(Damaged):
            Keyring.load(folder)


def test_a_public_key_that_was_put_in_its_place_is_found_out_on_unlocking(folder):
    _, stranger = hpke.generate()
    change(folder, epoch__public=base64.b64encode(stranger).decode())
    with pytest.raises(WrongPassphrase):
        Keyring.load(folder).unlock(PASSPHRASE)


def test_keys_that_do_not_belong_together_open_nothing(folder):
    parameters = Keyring.load(folder)._vault.parameters
    private, _ = hpke.generate()
    _, public = hpke.generate()
    odd = epochs.wrap(1, private, public, derive_kek(PASSPHRASE, parameters), 0)
    with pytest.raises(Damaged, match="belong together"):
        Keyring(folder, VaultFile(parameters, (odd,))).unlock(PASSPHRASE)


def test_a_new_passphrase_that_could_not_be_kept_leaves_the_old_one(folder, monkeypatch):
    opened = Keyring.load(folder)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(vault_file, "replace_file", full)
        with pytest.raises(ResourceGone, match="space"):
            opened.change_passphrase(PASSPHRASE, "another passphrase")
    opened.unlock(PASSPHRASE)
    Keyring.load(folder).unlock(PASSPHRASE)


def test_keys_are_overwritten_when_they_are_let_go(folder):
    opened = Keyring.load(folder)
    opened.unlock(PASSPHRASE)
    first = opened._private[1]
    opened.unlock(PASSPHRASE)
    second = opened._private[1]
    assert not any(first)
    assert any(second)
    opened.lock()
    assert not any(second)


@pytest.mark.parametrize("field", ["wrapped", "nonce", "public"])
def test_a_changed_key_does_not_open(folder, field):
    change(folder, **{f"epoch__{field}": flipped(folder, field)})
    with pytest.raises((WrongPassphrase, Damaged)):
        Keyring.load(folder).unlock(PASSPHRASE)


def test_a_passphrase_that_is_no_text_is_said(folder):
    with pytest.raises(BadRequest) as caught:
        Keyring.load(folder).unlock("half a character: \ud800")
    assert caught.value.field == "passphrase"


def test_a_machine_without_memory_is_said(folder, monkeypatch):
    def none(*_: Any, **__: Any) -> None:
        raise MemoryError("not enough memory")

    monkeypatch.setattr(passphrase, "_argon2id", none)
    with pytest.raises(ResourceGone, match="64 MiB"):
        Keyring.load(folder).unlock(PASSPHRASE)


def test_generated_passphrases_are_long_and_never_the_same():
    made = {generate_passphrase() for _ in range(50)}
    assert len(made) == 50
    assert all(len(one) >= 20 for one in made)


def test_the_key_of_a_passphrase_depends_on_all_of_it():
    parameters = Argon2Parameters(b"s" * 16)
    assert derive_kek(PASSPHRASE, parameters) == derive_kek(PASSPHRASE, parameters)
    assert derive_kek(PASSPHRASE, parameters) != derive_kek(PASSPHRASE + "x", parameters)
    assert derive_kek(PASSPHRASE, parameters) != derive_kek(PASSPHRASE, Argon2Parameters(b"t" * 16))


def test_a_wrapped_key_opens_with_its_own_private_key_only():
    private, public = hpke.generate()
    assert hpke.public_of(private) == public
    wrapped = hpke.Wrapper(public).wrap(b"k" * 32, b"aad")
    assert hpke.unwrap(wrapped, private, b"aad") == b"k" * 32
    stranger, _ = hpke.generate()
    with pytest.raises(Damaged):
        hpke.unwrap(wrapped, private, b"aad", b"wrapped for another use")
    for key, data in ((stranger, wrapped), (private, wrapped[:-1]), (private, b""), (private[:-1], wrapped)):
        with pytest.raises(Damaged):
            hpke.unwrap(data, key, b"aad")
    for none in (public[:-1], b"\xff" * len(public)):
        with pytest.raises(Damaged):
            hpke.Wrapper(none)


# the copy


def test_the_copy_is_of_the_one_before_until_the_new_one_is_safe_and_then_of_the_new_one(folder, monkeypatch):
    before = (folder / FILE).read_bytes()
    assert (folder / BACKUP).read_bytes() == before
    seen = []

    def reading(place: Path) -> VaultFile:
        seen.append((place / BACKUP).read_bytes())
        return read(place)

    read = vault_file.read_vault
    opened = Keyring.load(folder)
    monkeypatch.setattr(vault_file, "read_vault", reading)
    opened.change_passphrase(PASSPHRASE, "another passphrase")
    assert seen == [before]
    assert (folder / BACKUP).read_bytes() == (folder / FILE).read_bytes() != before, "the old passphrase opens no copy"
    assert stat.S_IMODE((folder / BACKUP).stat().st_mode) == 0o600


def test_a_copy_that_cannot_follow_is_removed_rather_than_left_open_to_the_old_passphrase(folder, monkeypatch):
    replace, left = vault_file.replace_file, [2]

    def full_at_the_end(path: Path, data: bytes) -> None:
        if not left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        replace(path, data)

    monkeypatch.setattr(vault_file, "replace_file", full_at_the_end)
    Keyring.load(folder).change_passphrase(PASSPHRASE, "another passphrase")
    assert not (folder / BACKUP).exists()
    Keyring.load(folder).unlock("another passphrase")


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_power_cut_leaves_the_old_one_or_the_new_one(folder, monkeypatch, writes):
    replace, left = vault_file.replace_file, [writes]

    class Cut(BaseException):
        pass

    def cut(path: Path, data: bytes) -> None:
        if not left[0]:
            path.with_name(f".{path.name}.1.new").write_bytes(data[:100])
            raise Cut
        left[0] -= 1
        replace(path, data)

    monkeypatch.setattr(vault_file, "replace_file", cut)
    with pytest.raises(Cut):
        Keyring.load(folder).change_passphrase(PASSPHRASE, "another passphrase")
    Keyring.load(folder).unlock("another passphrase" if writes == 2 else PASSPHRASE)


def test_a_vault_that_has_lost_its_file_is_not_made_over_and_its_copy_is_named(folder):
    (folder / FILE).unlink()
    with pytest.raises(Conflict):
        Keyring.create(folder, PASSPHRASE, now_us=0)
    with pytest.raises(BadSetting) as missing:
        Keyring.load(folder)
    assert BACKUP in missing.value.cure
    (folder / BACKUP).rename(folder / FILE)
    Keyring.load(folder).unlock(PASSPHRASE)


@pytest.mark.parametrize("spoilt", [None, b"", b"{}", b"\x00" * 3000])
def test_a_damaged_file_is_put_back_from_its_copy_by_who_holds_the_folder(folder, spoilt):
    whole = (folder / FILE).read_bytes()
    if spoilt is None:
        (folder / FILE).unlink()
    else:
        (folder / FILE).write_bytes(spoilt)
    ring, restored = Keyring.load_or_restore(folder)
    assert restored
    ring.unlock(PASSPHRASE)
    assert (folder / FILE).read_bytes() == whole
    assert spoilt is None or (folder / f"{FILE}.damaged").read_bytes() == spoilt
    assert Keyring.load_or_restore(folder)[1] is False


def test_a_copy_that_is_no_better_takes_no_place(folder):
    (folder / FILE).write_bytes(b"{")
    (folder / BACKUP).write_bytes(b"{}")
    with pytest.raises(Damaged):
        Keyring.load_or_restore(folder)
    assert (folder / FILE).read_bytes() == b"{"


def dies_at(folder: Path, new: VaultFile, step: int) -> bool:
    """Write in a process that ends at its n-th call to the system, half-way where that is a write; False once it is done."""
    pid = os.fork()
    if pid == 0:
        left = [step]

        def counted(name: str, real: Any) -> Any:
            def call(*args: Any, **more: Any) -> Any:
                if left[0] == 0:
                    if name == "write":
                        real(args[0], bytes(args[1])[: len(args[1]) // 2])
                    os._exit(9)
                left[0] -= 1
                return real(*args, **more)

            return call

        for name in ("open", "write", "fsync", "close", "replace", "rename"):
            setattr(os, name, counted(name, getattr(os, name)))
        write_vault(folder, new)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_whenever_it_dies_while_writing_one_of_both_is_there_whole(folder, tmp_path):
    old = read_vault(folder)
    new = read_vault(Keyring.create(tmp_path / "other", "another passphrase", now_us=0)._folder)
    seen, step = [], 0
    while dies_at(folder, new, step):
        seen.append(read_vault(folder))
        assert seen[-1] in (old, new)
        write_vault(folder, old)
        step += 1
    assert step > 10
    assert (seen[0], seen[-1]) == (old, new)
    assert seen == sorted(seen, key=lambda vault: vault == new), "never back to the old one"
    assert read_vault(folder) == new


# rotation


def test_after_a_rotation_both_epochs_open_whether_locked_or_not(folder):
    opened = Keyring.load(folder)
    first = hpke.Wrapper(opened.public_key).wrap(b"1" * 32, b"p")
    assert opened.rotate(PASSPHRASE, now_us=2_000) == 2
    assert not opened.unlocked, "it was locked, and is"
    second = hpke.Wrapper(opened.public_key).wrap(b"2" * 32, b"p")
    opened.unlock(PASSPHRASE)
    assert opened.rotate(PASSPHRASE, now_us=3_000) == 3
    third = hpke.Wrapper(opened.public_key).wrap(b"3" * 32, b"p")
    for ring in (opened, Keyring.load(folder)):
        ring.unlock(PASSPHRASE) if not ring.unlocked else None
        for number, wrapped in enumerate((first, second, third), start=1):
            assert ring.unwrap_segment_key(wrapped, b"p", number) == str(number).encode() * 32
        with pytest.raises(Damaged):
            ring.unwrap_segment_key(third, b"p", 2)
    assert opened.created_us == 1_000
    assert [epoch.created_us for epoch in opened.epochs] == [1_000, 2_000, 3_000]


def test_a_wrong_passphrase_rotates_nothing(folder):
    before = (folder / FILE).read_bytes()
    with pytest.raises(WrongPassphrase):
        Keyring.load(folder).rotate("not this one", now_us=0)
    assert (folder / FILE).read_bytes() == before


def test_an_epoch_that_was_taken_away_is_found_out(folder):
    Keyring.load(folder).rotate(PASSPHRASE, now_us=0)
    Keyring.load(folder).rotate(PASSPHRASE, now_us=0)
    value = json.loads((folder / FILE).read_text())
    change(folder, epochs=value["epochs"][:2])
    with pytest.raises(Damaged, match="changed"):
        Keyring.load(folder).unlock(PASSPHRASE)


def test_a_vault_of_before_there_were_recovery_codes_opens(folder):
    value = json.loads((folder / FILE).read_text())
    del value["check"]
    (folder / FILE).write_text(json.dumps(value))
    opened = Keyring.load(folder)
    opened.unlock(PASSPHRASE)
    assert opened.recovery_created_us is None
    opened.rotate(PASSPHRASE, now_us=0)
    Keyring.load(folder).unlock(PASSPHRASE)
    value = json.loads((folder / FILE).read_text())
    del value["check"]
    (folder / FILE).write_text(json.dumps(value))
    with pytest.raises(Damaged):
        Keyring.load(folder)


def test_passphrases_that_are_tried_at_once_all_get_their_answer():
    """Two derivations side by side inside OpenSSL wait for each other's threads for ever."""
    keys: list[bytearray] = []
    salt = Argon2Parameters(bytes(16))
    threads = [
        threading.Thread(target=lambda: keys.append(derive_kek("some words here", salt)), daemon=True) for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(keys) == 4
    assert len({bytes(key) for key in keys}) == 1
