"""What a signature of a command covers: every byte but itself. And a body that says anything but a setting and a value is none."""

import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from guardian.model.command import Answer, Wish
from guardian.protocol.commands import (
    COMMAND_CONTEXT,
    MOST_COMMAND,
    BadCommand,
    make_body,
    make_command,
    make_done,
    read_body,
    read_command,
)
from guardian.protocol.v1.events_pb2 import Command, CommandDone
from guardian.vault import home as vault_home

KEY = Ed25519PrivateKey.generate()
HOME = KEY.public_key().public_bytes_raw()
ID = b"\x01" * 6 + b"\x70" + b"\x01" * 9
MESSAGE = make_command(
    ID, "set", HOME, 1_000, 2_000, make_body(Wish("enabled", False), b"c" * 16), lambda signed: KEY.sign(COMMAND_CONTEXT + signed)
)  # fmt: skip


def is_right(raw):
    asked = read_command(raw)
    try:
        KEY.public_key().verify(asked.signature, COMMAND_CONTEXT + asked.signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_the_bytes_that_are_signed_are_the_message_without_its_signature():
    asked = read_command(MESSAGE)
    assert is_right(MESSAGE)
    plain = Command(id=ID, verb="set", home=HOME, issued_ms=1_000, expires_ms=2_000, body=asked.body)
    assert asked.signed == plain.SerializeToString(deterministic=True)
    assert vault_home.COMMAND_CONTEXT == COMMAND_CONTEXT
    assert vault_home.made_by(HOME, asked.signed, asked.signature)
    assert not vault_home.made_by(HOME, asked.signed, asked.signature[:-1])


@given(st.integers(0, len(MESSAGE) * 8 - 1))
def test_no_bit_can_be_changed(bit):
    changed = bytearray(MESSAGE)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        assert not is_right(bytes(changed))
    except BadCommand:
        pass


def test_a_field_that_nobody_knows_cannot_be_slipped_in():
    assert not is_right(MESSAGE + b"\xa2\x06\x01x")  # field 100, of a later version
    assert not is_right(MESSAGE + Command(verb="ping").SerializeToString())  # the last of a field's values counts


def test_a_signature_for_something_else_is_none_for_a_command():
    for context in (b"guardian trust v1\x00", b"guardian viewing v1\x00", b""):
        raw = make_command(ID, "set", HOME, 1, 2, b"", lambda signed, context=context: KEY.sign(context + signed))
        assert not is_right(raw)


def test_what_is_no_command_is_refused():
    for raw in (b"\xff\xff", b"x" * (MOST_COMMAND + 1)):
        with pytest.raises(BadCommand):
            read_command(raw)


@pytest.mark.parametrize("value", [True, False, 0, 0.5, -3, None])
@pytest.mark.parametrize("camera", [b"", b"c" * 16])
def test_a_body_comes_back_as_it_was(value, camera):
    assert read_body(make_body(Wish("detect.min_score", value, "front"), camera)) == ("detect.min_score", value, camera)
    assert b"front" not in make_body(Wish("detect.min_score", value, "front"), camera)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"1", b"null", b"\xff", b'{"setting": "a"}', b'{"value": 1}', b"[" * 3000,
        b'{"setting": "a", "value": "text"}', b'{"setting": "a", "value": [1]}', b'{"setting": "a", "value": NaN}',
        b'{"setting": "a", "value": Infinity}', b'{"setting": "a", "value": 1e999}', b'{"setting": "", "value": 1}',
        b'{"setting": 5, "value": 1}', b'{"setting": "a", "value": 1, "more": 2}',
        b'{"setting": "a", "value": 1, "camera": "zz"}', b'{"setting": "a", "value": 1, "camera": "abcd"}',
        b'{"setting": "a", "value": 1, "camera": 5}', json.dumps({"setting": "a" * 81, "value": 1}).encode(),
        json.dumps({"setting": "a", "value": 1}).encode() + b" " * 4096,
    ],
)  # fmt: skip
def test_a_body_that_says_anything_else_is_refused(body):
    with pytest.raises(BadCommand):
        read_body(body)


def test_an_answer_says_what_became_of_it():
    done = CommandDone.FromString(make_done(ID, Answer(False, "expired", "too late")))
    assert (done.id, done.ok, done.code, done.message) == (ID, False, "expired", "too late")
