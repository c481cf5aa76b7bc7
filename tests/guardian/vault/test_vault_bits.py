"""Every bit of vault.json: flipped, it is either noticed, by passphrase and code alike, or it changed nothing."""

import random
from pathlib import Path

import pytest

from guardian.model.errors import BadRequest, BadSetting, Damaged, WrongPassphrase
from guardian.vault import keyring
from guardian.vault.keyring import FILE, Keyring
from guardian.vault.passphrase import Argon2Parameters, derive_kek
from guardian.vault.vault_file import read_vault

PASSPHRASE = "correct horse battery staple"
FLIPS = 600


def test_a_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Keyring.create(tmp_path, PASSPHRASE, now_us=1_000)
    code = ring.make_recovery_code(PASSPHRASE, now_us=2_000)
    ring.rotate(PASSPHRASE, now_us=3_000)
    whole, right = (tmp_path / FILE).read_bytes(), read_vault(tmp_path)
    keys = {number: bytes(key) for number, key in ring._private.items()}
    known = {right.parameters: bytes(derive_kek(PASSPHRASE, right.parameters))}

    def quickly(_: str, parameters: Argon2Parameters) -> bytearray:
        parameters.check()
        return bytearray(known.get(parameters, bytes(32)))  # another salt or cost: another key

    monkeypatch.setattr(keyring, "derive_kek", quickly)
    seed = random.randrange(1 << 32)
    noticed = 0
    for bit in random.Random(seed).sample(range(len(whole) * 8), FLIPS):
        spoilt = bytearray(whole)
        spoilt[bit // 8] ^= 1 << bit % 8
        (tmp_path / FILE).write_bytes(spoilt)
        for opened in (lambda ring: ring.unlock(PASSPHRASE), lambda ring: ring.unlock_with_code(code)):
            try:
                fresh = Keyring.load(tmp_path)
                opened(fresh)
            except (BadRequest, BadSetting, Damaged, WrongPassphrase):
                noticed += 1
                continue
            assert {number: bytes(key) for number, key in fresh._private.items()} == keys, (seed, bit)
            same = fresh._vault == right or opened.__code__.co_names == ("unlock_with_code",)
            assert same, f"seed {seed}: bit {bit} was not noticed"
    assert noticed > FLIPS
