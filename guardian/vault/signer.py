"""A key that signs only while the vault is open: Ed25519 (RFC 8032), its private half sealed to the vault like everything else."""

from __future__ import annotations

import base64
import binascii
import json
import os
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from guardian.model.errors import Damaged, VaultLocked
from guardian.model.ids import uuid7
from guardian.model.segment import ContentKind, Sealer, SegmentHeader
from guardian.platform.files import replace_file
from guardian.vault.keyring import HOW_TO_UNLOCK, Keyring
from guardian.vault.reader import open_bytes
from guardian.vault.sealer import seal_whole

_RAW = (serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())


class VaultSigner:
    """One such key. Blocking, some milliseconds. `file` lies in the vault's folder; `purpose` is bound into what is sealed, so
    that the key for one purpose cannot be put in the place of the key for another.
    """

    file, purpose, what = "", "", "key"

    def __init__(self, keyring: Keyring, public_key: bytes, sealed: bytes) -> None:
        self._keyring, self.public_key, self._sealed = keyring, public_key, sealed

    @classmethod
    def load(cls, folder: Path, keyring: Keyring, sealer: Sealer, now_us: int) -> Self:
        """Read a vault's key; it is made where there is none, for which no secret is needed. Damaged."""
        path = folder / cls.file
        try:
            value = json.loads(path.read_bytes())
            public, sealed = (base64.b64decode(value[name], validate=True) for name in ("public_key", "sealed"))
            Ed25519PublicKey.from_public_bytes(public)
        except FileNotFoundError:
            return cls._make(path, keyring, sealer, now_us)
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise Damaged(
                f"{path} is damaged",
                cure="Restore it from a backup. Moved away, a new key is made, with another fingerprint.",
            ) from error
        return cls(keyring, public, sealed)

    @classmethod
    def _make(cls, path: Path, keyring: Keyring, sealer: Sealer, now_us: int) -> Self:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        name = uuid7(now_us // 1000, os.urandom(10))
        header = SegmentHeader(name, name, "", cls.purpose, ContentKind.SIGNING_KEY, now_us, 0, 0)
        sealed = seal_whole(sealer, header, private.private_bytes(*_RAW))
        value = {
            "version": 1,
            "algorithm": "Ed25519",
            "public_key": base64.b64encode(public).decode(),
            "sealed": base64.b64encode(sealed).decode(),
        }
        replace_file(path, json.dumps(value, indent=1).encode() + b"\n")
        return cls(keyring, public, sealed)

    def sign(self, data: bytes) -> bytes:
        """Return a signature of 64 bytes. VaultLocked, Damaged."""
        if not self._keyring.unlocked:
            raise VaultLocked("the vault is locked", cure=HOW_TO_UNLOCK)
        header, raw = open_bytes(self._sealed, self._keyring)
        if header.kind is not ContentKind.SIGNING_KEY or header.stream != self.purpose or len(raw) != 32:
            raise Damaged(f"the {self.what} is none")
        private = Ed25519PrivateKey.from_private_bytes(raw)
        if private.public_key().public_bytes_raw() != self.public_key:
            raise Damaged(f"the {self.what} does not fit its public half")
        return private.sign(data)
