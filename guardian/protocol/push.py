"""What a member's device is told when something begins: sealed to that device alone, and all of one length. Relay, cloud and push service
carry it; who wakes the device reads none of it.

A device makes two key pairs, a name and a secret, and gives the public halves and the secret to the home as a text. The home signs the
former in a statement, which relay and cloud get, too; the secret stays between device and home, so that nobody else can tell it anything.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

PREFIX, FORMAT = "guardian-device:", b"\x02"
SUBJECT_BYTES, SIGNING_BYTES, SECRET_BYTES, CHECK_BYTES = 16, 32, 32, 4
MLKEM_PUBLIC, MLKEM_SEED, X25519_BYTES = 1184, 64, 32
SEALING_BYTES, PRIVATE_BYTES = MLKEM_PUBLIC + X25519_BYTES, MLKEM_SEED + X25519_BYTES
TEXT_BYTES = (
    1536  # sealed 2672, in base64url 3563: a push service takes 4096 with the 103 that web push adds (RFC 8030, section 7.2)
)
INFO = b"guardian push v1\x00"
MOST_WORD = 40  # letters of a name or label: as JSON 6 bytes each at most, so five of them fit
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class BadDevice(ValueError):
    """A text that is no device's, or keys that are none."""


@dataclass(frozen=True, slots=True)
class Device:
    """A member's device. All but `secret` is what the home signs."""

    subject: bytes
    signing_key: bytes
    sealing_key: bytes
    secret: bytes


def device_text(device: Device) -> str:
    """Return what the owner carries from the device to the home."""
    body = FORMAT + device.subject + device.signing_key + device.sealing_key + device.secret
    return PREFIX + base64.urlsafe_b64encode(body + _check(body)).decode().rstrip("=")


def read_device(text: str) -> Device:
    """Return the device of a text; BadDevice."""
    if not text.startswith(PREFIX):
        raise BadDevice(f"it must begin with {PREFIX}")
    letters = text.removeprefix(PREFIX)
    try:
        whole = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadDevice("it has letters that do not belong there") from None
    body, check = whole[:-CHECK_BYTES], whole[-CHECK_BYTES:]
    if (
        len(body) != 1 + SUBJECT_BYTES + SIGNING_BYTES + SEALING_BYTES + SECRET_BYTES
        or body[:1] != FORMAT
        or check != _check(body)
    ):
        raise BadDevice("it is not whole, or has a mistake in it")
    keys = body[1 + SUBJECT_BYTES : -SECRET_BYTES]
    device = Device(body[1 : 1 + SUBJECT_BYTES], keys[:SIGNING_BYTES], keys[SIGNING_BYTES:], body[-SECRET_BYTES:])
    _public(device.sealing_key)
    return device


def seal_push(value: Mapping[str, str | None], subject: bytes, sealing_key: bytes, secret: bytes) -> bytes:
    """Seal a text to a device. BadDevice where its key is none. `secret` is empty for a device that was let in before there was one."""
    short = {name: word[:MOST_WORD] if word is not None else None for name, word in value.items()}
    text = json.dumps(short, ensure_ascii=False, separators=(",", ":")).encode()
    if len(text) > TEXT_BYTES:
        raise ValueError("too much to be told")
    sealed: bytes = _SUITE.encrypt(text.ljust(TEXT_BYTES), _public(sealing_key), INFO + subject + secret)
    return sealed


def open_push(sealed: bytes, subject: bytes, private: bytes, secret: bytes) -> dict[str, str | None]:
    """Open it as the device does; ValueError where it was sealed to another one, or changed."""
    if len(private) != PRIVATE_BYTES:
        raise ValueError("the private key has a wrong length")
    key = hpke.MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(private[:MLKEM_SEED]), X25519PrivateKey.from_private_bytes(private[MLKEM_SEED:])
    )
    try:
        value = json.loads(_SUITE.decrypt(sealed, key, INFO + subject + secret))
    except InvalidTag:
        raise ValueError("it is sealed to another device or by another home, or was changed") from None
    if not isinstance(value, dict):
        raise ValueError("it is no message")
    return value


def _public(key: bytes) -> hpke.MLKEM768X25519PublicKey:
    try:
        return hpke.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(key[:MLKEM_PUBLIC]), X25519PublicKey.from_public_bytes(key[MLKEM_PUBLIC:])
        )
    except ValueError:
        raise BadDevice("its sealing key is none") from None


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:CHECK_BYTES]
