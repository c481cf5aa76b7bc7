"""Keys of plugins: sealed while locked, opened by the owner alone, for one plugin alone, over rotations."""

import pytest

from guardian.model.errors import Bug, Damaged, VaultLocked
from guardian.vault import hpke, plugin_keys
from guardian.vault.keyring import Keyring

PASSPHRASE = "correct horse battery staple"
KEY = bytes(range(32))


@pytest.fixture(scope="module")
def keyring(tmp_path_factory):
    keyring = Keyring.create(tmp_path_factory.mktemp("vault") / "vault", PASSPHRASE, now_us=0)
    keyring.lock()
    return keyring


def test_a_key_comes_back_after_a_rotation_and_only_unlocked(keyring):
    before = plugin_keys.seal(keyring.public_key, "archive", KEY)
    with pytest.raises(VaultLocked):
        keyring.open_plugin_key(before, "archive")
    keyring.rotate(PASSPHRASE, now_us=1)
    after = plugin_keys.seal(keyring.public_key, "archive", KEY)
    keyring.unlock(PASSPHRASE)
    assert keyring.open_plugin_key(before, "archive") == KEY == keyring.open_plugin_key(after, "archive")
    for plugin, sealed in (("other", after), ("archive", after[:-1]), ("archive", b""), ("archive", after[:-1] + b"\x00")):
        with pytest.raises(Damaged):
            keyring.open_plugin_key(sealed, plugin)
    keyring.lock()


def test_it_opens_as_no_key_of_a_file_and_no_file_key_opens_as_it():
    private, public = hpke.generate()
    sealed = plugin_keys.seal(public, "archive", KEY)
    with pytest.raises(Damaged):
        hpke.unwrap(sealed, private, b"archive")
    with pytest.raises(Damaged):
        plugin_keys.opened(hpke.Wrapper(public).wrap(KEY, b"archive"), "archive", [private])
    assert len(sealed) == plugin_keys.SEALED_BYTES == 1168


def test_another_length_is_our_bug():
    with pytest.raises(Bug):
        plugin_keys.seal(hpke.generate()[1], "archive", b"short")
