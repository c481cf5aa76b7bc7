"""What a device is told: it alone opens it, all of it is of one length, and a text that is no device's is refused."""

import os

import pytest

from guardian.protocol.push import BadDevice, Device, device_text, open_push, read_device, seal_push
from guardian.vault import hpke

VALUE = {
    "what": "start",
    "event": "01a221f0-419b-7a5b-881d-deacce32a174",
    "camera": "Gate",
    "label": "person",
    "start": None,
}


@pytest.fixture
def device():
    private, public = hpke.generate()
    return Device(os.urandom(16), os.urandom(32), public, os.urandom(32)), bytes(private)


def test_the_device_reads_it_and_nobody_else(device):
    one, private = device
    sealed = seal_push(VALUE, one.subject, one.sealing_key, one.secret)
    assert open_push(sealed, one.subject, private, one.secret) == VALUE
    with pytest.raises(ValueError, match="another device"):
        open_push(sealed, one.subject, bytes(hpke.generate()[0]), one.secret)
    with pytest.raises(ValueError, match="another device"):
        open_push(sealed, os.urandom(16), private, one.secret)
    for at in (0, 1100, 1125, len(sealed) - 1):
        with pytest.raises(ValueError, match="was changed"):
            open_push(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], one.subject, private, one.secret)


def test_who_knows_what_the_home_has_signed_and_not_the_secret_can_tell_it_nothing(device):
    one, private = device
    for secret in (b"", os.urandom(32), one.secret[:-1]):
        with pytest.raises(ValueError, match="another home"):
            open_push(seal_push(VALUE, one.subject, one.sealing_key, secret), one.subject, private, one.secret)


def test_all_are_of_one_length(device):
    one, _ = device
    texts = [{}, VALUE, dict.fromkeys(VALUE, "\0" * 500)]
    assert {len(seal_push(text, one.subject, one.sealing_key, one.secret)) for text in texts} == {1120 + 1536 + 16}


def test_a_device_is_carried_as_text(device):
    one, _ = device
    text = device_text(one)
    assert read_device(text) == one
    for wrong in (
        text[:-1],
        text[:40] + ("B" if text[40] == "A" else "A") + text[41:],
        text[16:],
        "guardian-device:%%",
        "guardian-device:",
        text + "é",
    ):
        with pytest.raises(BadDevice):
            read_device(wrong)
