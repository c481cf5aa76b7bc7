"""The vault's keys: public at hand, private wrapped under the passphrase, in memory only while unlocked."""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from guardian.model.errors import BadRequest, BadSetting, Conflict, Damaged, VaultLocked
from guardian.platform.files import make_private_dir
from guardian.vault import epochs as keys
from guardian.vault import hpke, plugin_keys, viewers
from guardian.vault.epochs import RESTORE, Epoch
from guardian.vault.passphrase import SALT_BYTES, Argon2Parameters, check_passphrase, derive_kek, wipe
from guardian.vault.recovery_code import generate_code, parse_code
from guardian.vault.vault_file import BACKUP, FILE, MAX_FILE, VaultFile, read_vault, restore_vault, write_vault
from guardian.vault.viewers import Viewer
from guardian.vault.viewing import ViewingKey

__all__ = ["BACKUP", "FILE", "MAX_FILE", "Keyring"]
HOW_TO_UNLOCK = "Unlock it on the page, or with `guardian vault unlock`."


class Keyring:
    """Made by `create` (unlocked) or `load` (locked). May be used from several threads."""

    def __init__(self, folder: Path, vault: VaultFile) -> None:
        self._folder, self._vault = folder, vault
        self._private: dict[int, bytearray] = {}
        self._lock = threading.Lock()
        self._changing = threading.Lock()  # held over all of a change of the vault's file or of viewers'

    @staticmethod
    def exists(folder: Path) -> bool:
        """Say whether there is a vault, if only its copy."""
        return (folder / FILE).exists() or (folder / BACKUP).exists()

    @classmethod
    def create(cls, folder: Path, passphrase: str, *, now_us: int) -> Keyring:
        """Make a vault with a fresh key pair. Conflict where there is one: its footage would be lost."""
        check_passphrase(passphrase)
        if cls.exists(folder):
            raise Conflict(f"there is a vault in {folder} already", cure="Its passphrase opens the footage; keep it.")
        parameters = Argon2Parameters(os.urandom(SALT_BYTES))
        kek = derive_kek(passphrase, parameters)
        private, public = hpke.generate()
        epoch = keys.wrap(1, private, public, kek, now_us)
        wipe(kek)
        make_private_dir(folder)
        keyring = cls(folder, VaultFile(parameters, (epoch,)))
        keyring._keep(keyring._vault, [private])
        keyring._private[1] = private
        return keyring

    @classmethod
    def load(cls, folder: Path) -> Keyring:
        """Read the vault, locked. BadSetting where there is none, Damaged where the file is not what it should be."""
        return cls(folder, read_vault(folder))

    @classmethod
    def load_or_restore(cls, folder: Path) -> tuple[Keyring, bool]:
        """As `load`, for who holds the data folder: a file that is damaged or missing is put back from its copy (True)."""
        try:
            return cls.load(folder), False
        except (Damaged, BadSetting):
            if not restore_vault(folder):
                raise
        return cls.load(folder), True

    def locked_copy(self) -> Keyring:
        """Return another keyring of the same vault, locked."""
        return Keyring(self._folder, self._vault)

    @property
    def epoch(self) -> int:
        """Number of the newest key pair, which new footage is sealed to."""
        return self._vault.epochs[-1].number

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """Every key pair, oldest first."""
        return self._vault.epochs

    @property
    def public_key(self) -> bytes:
        """Public key of the newest epoch."""
        return self._vault.epochs[-1].public

    @property
    def created_us(self) -> int:
        """When the vault was made, UTC microseconds."""
        return self._vault.epochs[0].created_us

    @property
    def recovery_created_us(self) -> int | None:
        """When the recovery code was made, or None where there is none."""
        return self._vault.recovery.created_us if self._vault.recovery is not None else None

    @property
    def unlocked(self) -> bool:
        """Whether footage can be opened now."""
        return bool(self._private)

    def unlock(self, passphrase: str) -> None:
        """Open with the passphrase; WrongPassphrase. Blocks for some 100 ms."""
        self._hold(self._opened(passphrase))

    def unlock_with_code(self, code: str) -> None:
        """Open with the recovery code; MistypedCode, WrongRecoveryCode. The passphrase stays what it is."""
        self._hold(self._opened_with_code(code))

    def lock(self) -> None:
        """Forget the private keys; their bytes are overwritten as far as Python allows."""
        self._hold([])

    def unwrap_segment_key(self, wrapped: bytes, preamble: bytes, epoch: int) -> bytes:
        """Return the key of a file. VaultLocked, Damaged."""
        with self._lock:
            if not self._private:
                raise VaultLocked("the vault is locked", cure=HOW_TO_UNLOCK)
            private = self._private.get(epoch)
            if private is None:
                raise Damaged(f"the file is sealed to epoch {epoch}, which this vault does not have")
            key = bytearray(private)
        try:
            return hpke.unwrap(wrapped, key, preamble)
        finally:
            wipe(key)

    def open_plugin_key(self, sealed: bytes, plugin: str) -> bytes:
        """Return a key that `plugin_keys.seal` sealed. It says of no epoch, so each is tried. VaultLocked, Damaged."""
        privates = self._copies()
        try:
            return plugin_keys.opened(sealed, plugin, privates[::-1])
        finally:
            wipe(*privates)

    def let_in(self, name: str, passphrase: str, key: ViewingKey) -> Viewer:
        """Let somebody open everything with a passphrase of theirs, and keep that. VaultLocked, BadRequest, ResourceGone."""
        with self._changing:
            privates = self._copies()
            try:
                viewer = viewers.make(name, passphrase, key, self._vault.epochs, privates)
            finally:
                wipe(*privates)
            viewers.write(self._folder, viewer)
            return viewer

    def take_out(self, viewer: str) -> bool:
        """Forget who was let in; False where there is nobody of that id. The next rotation is nothing to them."""
        with self._changing:
            return viewers.remove(self._folder, viewer)

    def _copies(self) -> list[bytearray]:
        """Return the private keys, the oldest first, for the caller to wipe. VaultLocked."""
        with self._lock:
            if not self._private:
                raise VaultLocked("the vault is locked", cure=HOW_TO_UNLOCK)
            return [bytearray(private) for _, private in sorted(self._private.items())]

    # what changes the file; it is written before anything is taken over, so that a full disk leaves all as it was

    def change_passphrase(self, old: str, new: str) -> None:
        """Wrap every epoch under a new passphrase, with a new salt. WrongPassphrase changes nothing."""
        check_passphrase(new)
        with self._changing:
            privates = self._opened(old)
            self._rewrap(privates, new)
            wipe(*privates)

    def recover(self, code: str, new: str) -> None:
        """Set a new passphrase with the recovery code, and unlock; MistypedCode, WrongRecoveryCode. The code stays good."""
        check_passphrase(new)
        with self._changing:
            privates = self._opened_with_code(code)
            self._rewrap(privates, new)
            self._hold(privates)

    def rotate(self, passphrase: str, *, now_us: int) -> int:
        """Make a new key pair that all that comes is sealed to, and return its number. Older footage still opens; viewers who are in
        open the new, too.
        """
        with self._changing:
            kek = derive_kek(passphrase, self._vault.parameters)
            privates = self._opened_with_kek(kek)
            private, public = hpke.generate()
            epoch = keys.wrap(self.epoch + 1, private, public, kek, now_us)
            wipe(kek)
            if self._vault.recovery is not None:
                epoch = keys.seal_to_recovery(epoch, private, self._vault.recovery)
            epochs = (*self._vault.epochs, epoch)
            # Viewers first: cut off in between, they have a key that nobody needs.
            viewers.rotate_all(self._folder, epochs, [*privates, private])
            self._keep(replace(self._vault, epochs=epochs), privates)
            if self.unlocked:
                self._hold([*privates, private])
            else:
                wipe(*privates, private)
            return epoch.number

    def make_recovery_code(self, passphrase: str, *, now_us: int) -> str:
        """Make a recovery code and return it, in groups; the one before opens nothing any more."""
        with self._changing:
            privates = self._opened(passphrase)
            code = generate_code()
            secret = parse_code(code)
            recovery = keys.make_recovery(secret, self._vault.epochs[0], now_us)
            wipe(secret)
            sealed = tuple(
                keys.seal_to_recovery(epoch, private, recovery)
                for epoch, private in zip(self._vault.epochs, privates, strict=True)
            )
            self._keep(replace(self._vault, epochs=sealed, recovery=recovery), privates)
            wipe(*privates)
            return code

    def _rewrap(self, privates: Sequence[bytearray], passphrase: str) -> None:
        parameters = Argon2Parameters(os.urandom(SALT_BYTES))
        kek = derive_kek(passphrase, parameters)
        wrapped = tuple(
            replace(keys.wrap(one.number, private, one.public, kek, one.created_us), recovery=one.recovery)
            for one, private in zip(self._vault.epochs, privates, strict=True)
        )
        wipe(kek)
        self._keep(replace(self._vault, parameters=parameters, epochs=wrapped), privates)

    def _keep(self, vault: VaultFile, privates: Sequence[bytearray]) -> None:
        vault = replace(vault, check=keys.check_of(vault.epochs, vault.recovery, privates[0]))
        write_vault(self._folder, vault)
        self._vault = vault

    def _opened(self, passphrase: str) -> list[bytearray]:
        kek = derive_kek(passphrase, self._vault.parameters)
        try:
            return self._opened_with_kek(kek)
        finally:
            wipe(kek)

    def _opened_with_kek(self, kek: bytearray) -> list[bytearray]:
        return self._checked([keys.unwrap(epoch, kek) for epoch in self._vault.epochs])

    def _opened_with_code(self, code: str) -> list[bytearray]:
        if self._vault.recovery is None:
            raise BadRequest(
                "this vault has no recovery code", field="code", cure="Make one: `guardian vault recovery-code`."
            )
        secret = parse_code(code)
        try:
            return self._checked(keys.open_with_code(secret, self._vault.recovery, self._vault.epochs))
        finally:
            wipe(secret)

    def _checked(self, privates: list[bytearray]) -> list[bytearray]:
        vault = self._vault
        if vault.check:
            right = keys.check_of(vault.epochs, vault.recovery, privates[0])
            if not hmac.compare_digest(right, vault.check):
                raise Damaged("vault.json was changed by somebody who does not have its keys", cure=RESTORE)
        return privates

    def _hold(self, privates: Sequence[bytearray]) -> None:
        held = dict(zip([epoch.number for epoch in self._vault.epochs], privates, strict=False))
        with self._lock:
            before, self._private = self._private, held
        wipe(*before.values())
