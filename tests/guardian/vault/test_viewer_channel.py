"""Viewer and edge: each end must show the other that it is the right one, and whoever carries the frames can only end the session."""

import os

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag

from guardian.model.errors import BadRequest, Damaged, NotAllowed
from guardian.vault import viewing
from guardian.vault.home import HomeKey
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer
from guardian.vault.viewer_channel import PROOF, EdgeHandshake, pack, unpack
from tests.support.viewer import Viewer, read_key

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    keyring = Keyring.create(folder, PASSPHRASE, now_us=1)
    home = HomeKey.load(folder, keyring, VaultSealer(keyring.public_key, keyring.epoch), 1)
    key = viewing.make(home, 1_795_392_000_000_000)
    return folder, keyring, home, key


def edge(house, key=None):
    folder, keyring, _, own = house
    return EdgeHandshake(key or own, (folder / "vault.json").read_bytes(), keyring.epoch, keyring.public_key)


def met(house, key=None):
    one, viewer = edge(house), Viewer((key or house[3]).text())
    viewer.take(one.hello(viewer.hello()))
    return one, viewer


def talking(house):
    one, viewer = met(house)
    return one.proof(viewer.proof(PASSPHRASE)), viewer


def test_who_opens_the_vault_is_let_in_and_both_ways_are_sealed(house):
    channel, viewer = talking(house)
    for size in (0, 1, 1 << 20):
        message = os.urandom(size)
        frame = channel.seal(message)
        assert len(frame) == size + 16
        assert viewer.open(frame) == message
        assert channel.open(viewer.seal(message)) == message


def test_without_the_viewing_key_the_home_says_nothing(house):
    stranger = viewing.make(house[2], 1)
    with pytest.raises(NotAllowed):
        edge(house).hello(Viewer(stranger.text()).hello())
    hello = Viewer(house[3].text()).hello()
    for changed in (hello[:-1], hello + b"x", b"", b"\x01", bytes(66), hello[:40] + bytes([hello[40] ^ 1]) + hello[41:]):
        with pytest.raises(NotAllowed):
            edge(house).hello(changed)


def test_who_has_the_viewing_key_and_no_passphrase_is_not_let_in(house):
    one, viewer = met(house)
    with pytest.raises(InvalidTag):
        viewer.proof("correct horse battery stable")
    with pytest.raises(NotAllowed):
        one.proof(viewer.prove())


def test_a_proof_is_good_for_its_own_session_only(house):
    (one, viewer), (other, _) = met(house), met(house)
    proof = viewer.proof(PASSPHRASE)
    with pytest.raises(NotAllowed):
        other.proof(proof)
    one.proof(proof)


def test_somebody_between_without_the_viewing_key_cannot_pose_as_home(house):
    viewer = Viewer(house[3].text())
    liar = viewing.ViewingKey(os.urandom(32), house[3].private, house[3].home, house[3].created_us, house[3].signature)
    meant_for_liar = Viewer(liar.text())
    meant_for_liar.own = viewer.own
    viewer.hello()
    with pytest.raises(InvalidTag):
        viewer.take(edge(house, liar).hello(meant_for_liar.hello()))


def test_somebody_with_the_viewing_key_cannot_pose_as_home_either(house):
    """Another browser of the owner's that was stolen: it knows the secret, but the home has not signed a key of its own."""
    from dataclasses import replace

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    own = Ed25519PrivateKey.generate().private_bytes_raw()
    viewer = Viewer(house[3].text())
    with pytest.raises(InvalidSignature):
        viewer.take(edge(house, replace(house[3], private=own)).hello(viewer.hello()))


def test_changed_welcomes_are_refused(house):
    for at in (1, 33, 60, -1):
        viewer = Viewer(house[3].text())
        welcome = bytearray(edge(house).hello(viewer.hello()))
        welcome[at] ^= 1
        with pytest.raises(InvalidTag):
            viewer.take(bytes(welcome))


@pytest.mark.parametrize("wrong", ["changed", "repeated", "left out", "swapped", "sent back", "empty"])
def test_whatever_is_done_to_a_frame_ends_the_session(house, wrong):
    channel, viewer = talking(house)
    first, second = viewer.seal(b"first"), viewer.seal(b"second")
    if wrong == "repeated":
        channel.open(first)
    frame = {
        "changed": first[:-1] + bytes([first[-1] ^ 1]),
        "repeated": first,
        "left out": second,
        "swapped": second,
        "sent back": channel.seal(b"first"),
        "empty": b"",
    }[wrong]
    with pytest.raises(Damaged):
        channel.open(frame)


def test_the_welcome_gives_nothing_away(house):
    frames = [edge(house).hello(Viewer(house[3].text()).hello()) for _ in range(2)]
    for secret in (house[3].secret, house[3].edge, house[3].home, house[3].signature, b"argon2id", PROOF):
        assert not any(secret in frame for frame in frames)
    assert frames[0][33:] != frames[1][33:]


def test_a_viewing_key_is_read_as_it_was_written(house):
    folder, _, _, key = house
    assert viewing.parse_text(f" {key.text()[:50]}\n{key.text()[50:]} ") == (key.secret, key.home) == read_key(key.text())
    for wrong in ("", "guardian-view:", key.text()[:-1], key.text().replace(key.text()[40], "_", 1), "guardian-view:é"):
        with pytest.raises(BadRequest) as told:
            viewing.parse_text(wrong)
        assert told.value.field == "key"
    assert viewing.read(folder) is None
    viewing.write(folder, key)
    assert viewing.read(folder) == key
    assert (folder / viewing.FILE).stat().st_mode & 0o777 == 0o600
    (folder / viewing.FILE).write_text("{}")
    with pytest.raises(Damaged):
        viewing.read(folder)
    viewing.write(folder, None)
    assert viewing.read(folder) is None


def test_messages_have_a_head_and_a_body():
    assert unpack(pack({"id": 1, "ask": "é"}, b"body")) == ({"id": 1, "ask": "é"}, b"body")
    for wrong in (b"", b"\0\0\0\x01", b"\xff\xff\xff\xff{}", b"\0\0\0\x02[]", b"\0\0\0\x01{", b"\0\0\0\x01\xff"):
        with pytest.raises(BadRequest):
            unpack(wrong)
