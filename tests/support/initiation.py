"""A WireGuard handshake initiation with a time of our choice, as a home sends one whose clock is wrong: Noise_IKpsk2, the first message alone.

WireGuard's own programs read the kernel's clock, which a test must not set. Section numbers are of the whitepaper.
"""

from __future__ import annotations

import os
import struct
from hashlib import blake2s
from hmac import digest

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

SIZE = 148
TYPE = b"\x01\x00\x00\x00"
_CONSTRUCTION = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
_IDENTIFIER = b"WireGuard v1 zx2c4 Jason@zx2c4.com"


def initiation(private: bytes, peer: bytes, utc_s: float) -> bytes:
    """Return the message (5.4.2). `private`: the sender's key, `peer`: the receiver's public one. The preshared key is not needed yet."""
    own, ephemeral = X25519PrivateKey.from_private_bytes(private), X25519PrivateKey.generate()
    theirs = X25519PublicKey.from_public_bytes(peer)
    public = ephemeral.public_key().public_bytes_raw()
    chain = _hash(_CONSTRUCTION)
    seen = _hash(_hash(_hash(chain, _IDENTIFIER), peer), public)
    (chain,) = _kdf(chain, public, 1)
    chain, key = _kdf(chain, ephemeral.exchange(theirs), 2)
    static = _seal(key, own.public_key().public_bytes_raw(), seen)
    seen = _hash(seen, static)
    chain, key = _kdf(chain, own.exchange(theirs), 2)
    message = TYPE + os.urandom(4) + public + static + _seal(key, tai64n(utc_s), seen)
    mac1 = blake2s(message, key=_hash(b"mac1----", peer), digest_size=16).digest()
    return message + mac1 + bytes(16)


def tai64n(utc_s: float) -> bytes:
    """As WireGuard counts it: no leap seconds but the ten of 1972."""
    return struct.pack(">QI", (1 << 62) + 10 + int(utc_s), int(utc_s % 1 * 1e9))


def _hash(*parts: bytes) -> bytes:
    return blake2s(b"".join(parts)).digest()


def _kdf(chain: bytes, material: bytes, count: int) -> list[bytes]:
    secret, made = digest(chain, material, "blake2s"), [b""]
    for number in range(1, count + 1):
        made.append(digest(secret, made[-1] + bytes([number]), "blake2s"))
    return made[1:]


def _seal(key: bytes, text: bytes, seen: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(bytes(12), text, seen)
