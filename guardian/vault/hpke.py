"""Wraps a file's key to the vault's public key: HPKE (RFC 9180) with the hybrid KEM ML-KEM-768 + X25519.

Public key: ML-KEM-768 encapsulation key (1184 bytes) | X25519 (32). Private key: ML-KEM seed (64) | X25519 (32).
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from guardian.model.errors import Damaged

KEM_NAME = "MLKEM768-X25519"
MLKEM_PUBLIC, MLKEM_SEED, X25519_KEY = 1184, 64, 32
_INFO = b"private-ai-guardian segment v1 key\x00"
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def generate() -> tuple[bytes, bytes]:
    """Return a fresh (private key, public key)."""
    mlkem, x25519 = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    private = mlkem.private_bytes_raw() + x25519.private_bytes_raw()
    return private, mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def public_of(private: bytes) -> bytes:
    """Return the public key of a private key."""
    mlkem, x25519 = _private_parts(private)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def _private_parts(private: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    if len(private) != MLKEM_SEED + X25519_KEY:
        raise Damaged("the private key has a wrong length")
    return (
        MLKEM768PrivateKey.from_seed_bytes(private[:MLKEM_SEED]),
        X25519PrivateKey.from_private_bytes(private[MLKEM_SEED:]),
    )


class Wrapper:
    """Wraps keys to one public key, which is parsed once."""

    def __init__(self, public: bytes) -> None:
        if len(public) != MLKEM_PUBLIC + X25519_KEY:
            raise Damaged("the public key has a wrong length")
        try:
            self._key = hpke.MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(public[:MLKEM_PUBLIC]),
                X25519PublicKey.from_public_bytes(public[MLKEM_PUBLIC:]),
            )
        except ValueError as error:
            raise Damaged("the public key is none", cure="Restore vault.json from a backup.") from error

    def wrap(self, key: bytes, preamble: bytes) -> bytes:
        """Return encapsulation and ciphertext (1168 bytes for a key of 32), bound to the header's preamble."""
        return _SUITE.encrypt(key, self._key, _INFO + preamble)


def unwrap(wrapped: bytes, private: bytes, preamble: bytes) -> bytes:
    """Return the key; Damaged where it was not wrapped to this private key, or the preamble was changed."""
    mlkem, x25519 = _private_parts(private)
    try:
        return _SUITE.decrypt(wrapped, hpke.MLKEM768X25519PrivateKey(mlkem, x25519), _INFO + preamble)
    except (InvalidTag, ValueError) as error:
        raise Damaged("the file's key does not open: another vault's file, or its header was changed") from error
