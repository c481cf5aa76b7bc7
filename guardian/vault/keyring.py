"""The vault's keys: public at hand, private wrapped under the passphrase, in memory only while unlocked."""

from __future__ import annotations

import base64
import json
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guardian.model.errors import BadSetting, Conflict, Damaged, VaultLocked, WrongPassphrase
from guardian.platform.files import make_private_dir, replace_file
from guardian.vault import hpke
from guardian.vault.format import TAG_BYTES
from guardian.vault.passphrase import SALT_BYTES, Argon2Parameters, check_passphrase, derive_kek

FILE = "vault.json"
MAX_FILE = 1024 * 1024
NONCE_BYTES = 12
_AAD = b"private-ai-guardian vault v1 epoch\x00"
HOW_TO_UNLOCK = "Unlock it on the page, or with `guardian vault unlock`."


@dataclass(frozen=True, slots=True)
class Epoch:
    """One key pair. `nonce` and `wrapped` are AES-256-GCM under the KEK."""

    number: int
    public: bytes
    nonce: bytes
    wrapped: bytes
    created_us: int

    def aad(self) -> bytes:
        """Bind the wrap to its epoch and public key."""
        return _AAD + self.number.to_bytes(4, "big") + self.public


class Keyring:
    """Made by `create` (unlocked) or `load` (locked). May be used from several threads."""

    def __init__(self, folder: Path, parameters: Argon2Parameters, epochs: tuple[Epoch, ...]) -> None:
        self._folder, self._parameters, self._epochs = folder, parameters, epochs
        self._private: dict[int, bytearray] = {}
        self._lock = threading.Lock()

    @staticmethod
    def exists(folder: Path) -> bool:
        """Say whether there is a vault."""
        return (folder / FILE).exists()

    @classmethod
    def create(cls, folder: Path, passphrase: str, *, now_us: int) -> Keyring:
        """Make a vault with a fresh key pair. Conflict where there is one: its footage would be lost."""
        check_passphrase(passphrase)
        if cls.exists(folder):
            raise Conflict(f"there is a vault in {folder} already", cure="Its passphrase opens the footage; keep it.")
        parameters = Argon2Parameters(os.urandom(SALT_BYTES))
        private, public = hpke.generate()
        epoch = _wrapped(1, private, public, derive_kek(passphrase, parameters), now_us)
        keyring = cls(folder, parameters, (epoch,))
        make_private_dir(folder)
        keyring._save(parameters, keyring._epochs)
        keyring._private[1] = bytearray(private)
        return keyring

    @classmethod
    def load(cls, folder: Path) -> Keyring:
        """Read the vault, locked. Damaged where the file is not what it should be."""
        try:
            with (folder / FILE).open("rb") as file:
                text = file.read(MAX_FILE)  # a longer one is cut, and so found damaged
        except FileNotFoundError:
            raise BadSetting(f"there is no vault in {folder}", cure="Make one: `guardian vault init`.") from None
        except OSError as error:
            raise BadSetting(
                f"{folder / FILE}: {error.strerror}", cure="Call it as the user that Guardian runs as."
            ) from error
        try:
            return cls(folder, *_parse(json.loads(text)))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Damaged(f"{folder / FILE} is damaged", cure="Restore it from a backup.") from error

    @property
    def epoch(self) -> int:
        """Number of the newest key pair, which new footage is sealed to."""
        return self._epochs[-1].number

    @property
    def public_key(self) -> bytes:
        """Public key of the newest epoch."""
        return self._epochs[-1].public

    @property
    def created_us(self) -> int:
        """When the vault was made, UTC microseconds."""
        return self._epochs[0].created_us

    @property
    def unlocked(self) -> bool:
        """Whether footage can be opened now."""
        return bool(self._private)

    def unlock(self, passphrase: str) -> None:
        """Open with the passphrase; WrongPassphrase. Blocks for some 100 ms."""
        kek = derive_kek(passphrase, self._parameters)
        private = {epoch.number: bytearray(_unwrapped(epoch, kek)) for epoch in self._epochs}
        self._hold(private)

    def lock(self) -> None:
        """Forget the private keys; their bytes are overwritten as far as Python allows."""
        self._hold({})

    def _hold(self, private: dict[int, bytearray]) -> None:
        with self._lock:
            before, self._private = self._private, private
        for key in before.values():
            key[:] = bytes(len(key))

    def unwrap_segment_key(self, wrapped: bytes, preamble: bytes, epoch: int) -> bytes:
        """Return the key of a file. VaultLocked, Damaged."""
        with self._lock:
            if not self._private:
                raise VaultLocked("the vault is locked", cure=HOW_TO_UNLOCK)
            private = self._private.get(epoch)
            if private is None:
                raise Damaged(f"the file is sealed to epoch {epoch}, which this vault does not have")
            key = bytes(private)
        return hpke.unwrap(wrapped, key, preamble)

    def change_passphrase(self, old: str, new: str) -> None:
        """Wrap every epoch under a new passphrase, with a new salt. WrongPassphrase changes nothing."""
        check_passphrase(new)
        kek = derive_kek(old, self._parameters)
        keys = [_unwrapped(epoch, kek) for epoch in self._epochs]
        parameters = replace(self._parameters, salt=os.urandom(SALT_BYTES))
        new_kek = derive_kek(new, parameters)
        epochs = tuple(
            _wrapped(epoch.number, key, epoch.public, new_kek, epoch.created_us)
            for epoch, key in zip(self._epochs, keys, strict=True)
        )
        self._save(parameters, epochs)
        self._parameters, self._epochs = parameters, epochs  # only now: where the disk is full the old passphrase holds

    def _save(self, p: Argon2Parameters, epochs: tuple[Epoch, ...]) -> None:
        value = {
            "format": 1,
            "kdf": {"name": "argon2id", "salt": _b64(p.salt), "memory_kib": p.memory_kib, "time": p.time, "lanes": p.lanes},
            "kem": hpke.KEM_NAME,
            "epochs": [
                {
                    "number": epoch.number,
                    "created_us": epoch.created_us,
                    "public": _b64(epoch.public),
                    "nonce": _b64(epoch.nonce),
                    "wrapped": _b64(epoch.wrapped),
                }
                for epoch in epochs
            ],
        }
        replace_file(self._folder / FILE, json.dumps(value, indent=2).encode() + b"\n")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: Any, size: int | None = None) -> bytes:
    data = base64.b64decode(str(text), validate=True)
    if size is not None and len(data) != size:
        raise ValueError(f"{len(data)} bytes where {size} belong")
    return data


def _number(value: Any, bits: int) -> int:
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise ValueError("a number is none, or out of range")
    return value


def _parse(value: Any) -> tuple[Argon2Parameters, tuple[Epoch, ...]]:
    if value["format"] != 1 or value["kdf"]["name"] != "argon2id" or value["kem"] != hpke.KEM_NAME:
        raise ValueError("unknown format")
    kdf = value["kdf"]
    parameters = Argon2Parameters(_bytes(kdf["salt"]), *(_number(kdf[name], 32) for name in ("memory_kib", "time", "lanes")))
    parameters.check()
    epochs = tuple(
        Epoch(
            _number(one["number"], 32),
            _bytes(one["public"], hpke.MLKEM_PUBLIC + hpke.X25519_KEY),
            _bytes(one["nonce"], NONCE_BYTES),
            _bytes(one["wrapped"], hpke.MLKEM_SEED + hpke.X25519_KEY + TAG_BYTES),
            _number(one["created_us"], 62),
        )
        for one in value["epochs"]
    )
    if not epochs or [epoch.number for epoch in epochs] != sorted({epoch.number for epoch in epochs}):
        raise ValueError("no epochs, or not in order")
    return parameters, epochs


def _wrapped(number: int, private: bytes, public: bytes, kek: bytes, created_us: int) -> Epoch:
    epoch = Epoch(number, public, os.urandom(NONCE_BYTES), b"", created_us)
    return replace(epoch, wrapped=AESGCM(kek).encrypt(epoch.nonce, private, epoch.aad()))


def _unwrapped(epoch: Epoch, kek: bytes) -> bytes:
    try:
        private = AESGCM(kek).decrypt(epoch.nonce, epoch.wrapped, epoch.aad())
    except InvalidTag:
        raise WrongPassphrase("the passphrase is wrong", field="passphrase", cure="Mind upper case and spaces.") from None
    if hpke.public_of(private) != epoch.public:
        raise Damaged("the vault's public and private keys do not belong together")
    return private
