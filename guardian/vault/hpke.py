"""Wraps a file's key to the vault's public key: HPKE (RFC 9180) with the hybrid KEM ML-KEM-768 + X25519.

Public key: ML-KEM-768 encapsulation key (1184 bytes) | X25519 (32). Private key: ML-KEM seed (64) | X25519 (32).
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from guardian.model.errors import Damaged

KEM_NAME = "MLKEM768-X25519"
MLKEM_PUBLIC, MLKEM_SEED, X25519_KEY = 1184, 64, 32
PUBLIC_BYTES, PRIVATE_BYTES = MLKEM_PUBLIC + X25519_KEY, MLKEM_SEED + X25519_KEY
ENCAPSULATION = 1088 + X25519_KEY
SEGMENT_INFO = b"private-ai-guardian segment v1 key\x00"
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def generate() -> tuple[bytearray, bytes]:
    """Return a fresh (private key, public key)."""
    private = bytearray(os.urandom(PRIVATE_BYTES))
    return private, public_of(private)


def public_of(private: bytes | bytearray) -> bytes:
    """Return the public key of a private key."""
    mlkem, x25519 = _private_parts(private)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def _private_parts(private: bytes | bytearray) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    if len(private) != PRIVATE_BYTES:
        raise Damaged("the private key has a wrong length")
    with memoryview(private) as view:  # slices of it are no copies, which could not be overwritten
        return (
            MLKEM768PrivateKey.from_seed_bytes(view[:MLKEM_SEED]),
            X25519PrivateKey.from_private_bytes(view[MLKEM_SEED:]),
        )


class Wrapper:
    """Wraps keys to one public key, which is parsed once. `info` says what for: what was wrapped for one use opens for no other."""

    def __init__(self, public: bytes, info: bytes = SEGMENT_INFO) -> None:
        self._info = info
        if len(public) != MLKEM_PUBLIC + X25519_KEY:
            raise Damaged("the public key has a wrong length")
        try:
            self._key = hpke.MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(public[:MLKEM_PUBLIC]),
                X25519PublicKey.from_public_bytes(public[MLKEM_PUBLIC:]),
            )
        except ValueError as error:
            raise Damaged("the public key is none", cure="Restore vault.json from a backup.") from error

    def wrap(self, key: bytes | bytearray, preamble: bytes) -> bytes:
        """Return encapsulation and ciphertext (1168 bytes for a key of 32), bound to the header's preamble."""
        return _SUITE.encrypt(key, self._key, self._info + preamble)


def unwrap(wrapped: bytes, private: bytes | bytearray, preamble: bytes, info: bytes = SEGMENT_INFO) -> bytes:
    """Return the key; Damaged where it was not wrapped to this private key, or the preamble was changed."""
    mlkem, x25519 = _private_parts(private)
    try:
        return _SUITE.decrypt(wrapped, hpke.MLKEM768X25519PrivateKey(mlkem, x25519), info + preamble)
    except (InvalidTag, ValueError) as error:
        raise Damaged("the file's key does not open: another vault's file, or its header was changed") from error
