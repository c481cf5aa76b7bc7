"""The home's key signs while the vault is open, statements only, and cannot be exchanged for another sealed key unseen."""

import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from guardian.model.errors import Damaged, VaultLocked
from guardian.model.ids import uuid7
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.protocol import trust as rules
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.vault.home import STATEMENT_CONTEXT, HomeKey
from guardian.vault.keyring import Keyring
from guardian.vault.notary import VaultNotary
from guardian.vault.reader import open_bytes
from guardian.vault.sealer import VaultSealer, seal_padded

NOW_US = 1_795_392_000_000_000


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vault")
    keyring = Keyring.create(folder, "correct horse battery staple", now_us=NOW_US)
    return folder, keyring, VaultSealer(keyring.public_key, keyring.epoch)


def test_a_statement_of_the_home_is_believed(opened):
    folder, keyring, sealer = opened
    home = HomeKey.load(folder, keyring, sealer, NOW_US)
    assert STATEMENT_CONTEXT == rules.STATEMENT_CONTEXT
    said = trust.Statement(
        home=home.public_key, subject=b"e" * 16, role=trust.ROLE_EDGE, number=1, signing_key=b"s" * 32, tunnel_key=b"t" * 32
    )
    body = said.SerializeToString()
    signed = trust.Signed(body=body, signature=home.sign_statement(body))
    assert rules.read_statement(signed, home.public_key) == said
    assert HomeKey.load(folder, keyring, sealer, NOW_US).public_key == home.public_key
    with pytest.raises(InvalidSignature):  # what it signs is never a bare text that somebody chose
        Ed25519PublicKey.from_public_bytes(home.public_key).verify(home.sign_statement(body), body)


def test_it_signs_nothing_while_the_vault_is_locked(opened):
    folder, keyring, sealer = opened
    home = HomeKey.load(folder, keyring.locked_copy(), sealer, NOW_US)
    with pytest.raises(VaultLocked):
        home.sign_statement(b"x")


def test_another_key_of_the_vault_in_its_place_is_found_out(opened):
    folder, keyring, sealer = opened
    HomeKey.load(folder, keyring, sealer, NOW_US)
    VaultNotary.load(folder, keyring, sealer, NOW_US)
    other = folder / "other"
    other.mkdir()
    (other / HomeKey.file).write_bytes((folder / VaultNotary.file).read_bytes())
    with pytest.raises(Damaged, match="home's key is none"):
        HomeKey.load(other, keyring, sealer, NOW_US).sign_statement(b"x")


def test_a_public_half_that_was_exchanged_is_found_out(opened):
    folder, keyring, sealer = opened
    HomeKey.load(folder, keyring, sealer, NOW_US)
    value = json.loads((folder / HomeKey.file).read_bytes())
    value["public_key"] = "C" * 42 + "A="
    other = folder / "swapped"
    other.mkdir()
    (other / HomeKey.file).write_text(json.dumps(value))
    with pytest.raises(Damaged, match="public half"):
        HomeKey.load(other, keyring, sealer, NOW_US).sign_statement(b"x")


@pytest.mark.parametrize(("length", "size"), [(0, 4096), (200, 4096), (2300, 4096), (5000, 16384), (60000, 65536)])
def test_a_padded_seal_has_exactly_its_size(opened, length, size):
    _, keyring, sealer = opened
    name = uuid7(NOW_US // 1000, bytes(10))
    header = SegmentHeader(name, name, "", "", ContentKind.EVENT_DETAILS, NOW_US, 0, 0)
    sealed = seal_padded(sealer, header, b"x" * length, (4096, 16384, 65536))
    assert len(sealed) == size
    assert open_bytes(sealed, keyring)[1].rstrip(b" ") == b"x" * length


def test_what_fits_no_size_is_refused(opened):
    header = SegmentHeader("a", "a", "", "", ContentKind.EVENT_DETAILS, NOW_US, 0, 0)
    with pytest.raises(ValueError, match="fit none"):
        seal_padded(opened[2], header, b"x" * 4096, (4096,))
