"""Key pairs of the vault: each private key wrapped under the passphrase's key, and sealed to the recovery code's public key.

What of all this stands in the clear is bound by `check_of`, under a key that comes from the first private key: whoever can
write to the data folder, and no more, cannot put a recovery key of their own there for the next rotation to seal to.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from guardian.model.errors import Damaged, WrongPassphrase, WrongRecoveryCode
from guardian.vault import hpke
from guardian.vault.passphrase import SALT_BYTES, wipe

NONCE_BYTES, CHECK_BYTES = 12, 32
_EPOCH = b"private-ai-guardian vault v1 epoch\x00"
_RECOVERY = b"private-ai-guardian vault v1 recovery\x00"
_RECOVERY_EPOCH = b"private-ai-guardian vault v1 recovery epoch\x00"
_ANCHOR = b"private-ai-guardian vault v1 anchor\x00"
_CHECK = b"private-ai-guardian vault v1 check\x00"
RESTORE = "Restore vault.json from a backup; vault.json.bak beside it is one."


@dataclass(frozen=True, slots=True)
class Epoch:
    """One key pair. `nonce` and `wrapped` are AES-256-GCM under the passphrase's key; `recovery`, when there is one, HPKE."""

    number: int
    public: bytes
    nonce: bytes
    wrapped: bytes
    created_us: int
    recovery: bytes = b""

    def place(self) -> bytes:
        """Number and public key, which each wrap is bound to."""
        return self.number.to_bytes(4, "big") + self.public


@dataclass(frozen=True, slots=True)
class Recovery:
    """What of a recovery code is kept: the public key that it leads to, and an anchor by which it knows the first epoch."""

    created_us: int
    salt: bytes
    public: bytes
    anchor: bytes


def wrap(number: int, private: bytearray, public: bytes, kek: bytearray, created_us: int) -> Epoch:
    """Wrap a private key under the passphrase's key."""
    epoch = Epoch(number, public, os.urandom(NONCE_BYTES), b"", created_us)
    return replace(epoch, wrapped=AESGCM(kek).encrypt(epoch.nonce, private, _EPOCH + epoch.place()))


def unwrap(epoch: Epoch, kek: bytearray) -> bytearray:
    """Return the private key; WrongPassphrase."""
    private = bytearray(hpke.PRIVATE_BYTES)
    try:
        AESGCM(kek).decrypt_into(epoch.nonce, epoch.wrapped, _EPOCH + epoch.place(), private)
    except InvalidTag:
        raise WrongPassphrase("the passphrase is wrong", field="passphrase", cure="Mind upper case and spaces.") from None
    return _belonging(private, epoch)


def seal_to_recovery(epoch: Epoch, private: bytearray, recovery: Recovery) -> Epoch:
    """Seal a private key to the recovery code's public key, for which the code itself is not needed."""
    return replace(epoch, recovery=hpke.Wrapper(recovery.public, _RECOVERY_EPOCH).wrap(private, epoch.place()))


def make_recovery(code: bytearray, first: Epoch, created_us: int) -> Recovery:
    """Derive a code's public key."""
    salt = os.urandom(SALT_BYTES)
    private, anchor_key = _derived(code, salt)
    try:
        return Recovery(created_us, salt, hpke.public_of(private), _anchor(anchor_key, first))
    finally:
        wipe(private, anchor_key)


def open_with_code(code: bytearray, recovery: Recovery, epochs: Sequence[Epoch]) -> list[bytearray]:
    """Return the private keys; WrongRecoveryCode, Damaged. The caller compares `check_of`."""
    private, anchor_key = _derived(code, recovery.salt)
    try:
        if not hmac.compare_digest(hpke.public_of(private), recovery.public):
            raise WrongRecoveryCode(
                "the recovery code is not this vault's",
                field="code",
                cure="It is written right: take the newest one, and the one of this vault.",
            )
        if not hmac.compare_digest(_anchor(anchor_key, epochs[0]), recovery.anchor):
            raise Damaged("the vault's first key is not the one that the recovery code was made for", cure=RESTORE)
        return [_opened(epoch, private) for epoch in epochs]
    finally:
        wipe(private, anchor_key)


def check_of(epochs: Sequence[Epoch], recovery: Recovery | None, first_private: bytearray) -> bytes:
    """Return the tag over what the passphrase does not open: every epoch's number, time, public key and wrap to the recovery
    key, and that key.
    """
    key = HKDF(SHA256(), CHECK_BYTES, None, _CHECK).derive(first_private)
    parts = [len(epochs).to_bytes(4, "big")]
    parts += [one.created_us.to_bytes(8, "big") + one.place() + one.recovery for one in epochs]
    if recovery is not None:
        parts += [recovery.created_us.to_bytes(8, "big"), recovery.salt, recovery.public, recovery.anchor]
    return hmac.digest(key, b"".join(parts), "sha256")


def _derived(code: bytearray, salt: bytes) -> tuple[bytearray, bytearray]:
    wide = bytearray(hpke.PRIVATE_BYTES + CHECK_BYTES)
    HKDF(SHA256(), len(wide), salt, _RECOVERY).derive_into(code, wide)
    private, anchor_key = wide[: hpke.PRIVATE_BYTES], wide[hpke.PRIVATE_BYTES :]
    wipe(wide)
    return private, anchor_key


def _anchor(key: bytearray, first: Epoch) -> bytes:
    return hmac.digest(key, _ANCHOR + first.place(), "sha256")


def _opened(epoch: Epoch, private: bytearray) -> bytearray:
    return _belonging(bytearray(hpke.unwrap(epoch.recovery, private, epoch.place(), _RECOVERY_EPOCH)), epoch)


def _belonging(private: bytearray, epoch: Epoch) -> bytearray:
    if len(private) != hpke.PRIVATE_BYTES or hpke.public_of(private) != epoch.public:
        raise Damaged("the vault's public and private keys do not belong together", cure=RESTORE)
    return private
