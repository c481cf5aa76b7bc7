"""Opens the vault at start: by a file or a systemd credential that the owner chose, else it stays locked.

What cannot be opened is no reason not to record: sealing needs the public key alone.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import structlog

from guardian.model.errors import BadSetting, GuardianError
from guardian.platform.clock import Clock
from guardian.services.demo import Login
from guardian.vault.keyring import Keyring
from guardian.vault.notary import VaultNotary
from guardian.vault.sealer import VaultSealer

_log = structlog.get_logger(__name__)
CREDENTIAL = "guardian-passphrase"  # LoadCredential= of systemd.exec(5)


async def open_vault(data_dir: Path, unlock_file: str, login: Login | None, clock: Clock) -> tuple[Keyring, str]:
    """Return the vault and why it stayed locked though it should not. `login`: of a demo, whose vault is made at need."""
    folder = data_dir / "vault"
    if not Keyring.exists(folder) and login is not None:
        return await asyncio.to_thread(Keyring.create, folder, login.passphrase, now_us=clock.now().utc_us), ""
    keyring, restored = Keyring.load_or_restore(folder)
    if restored:
        _log.error(
            "vault_restored", cure="vault.json was damaged or missing; its copy has taken its place. Look at the disk."
        )
    try:
        passphrase = login.passphrase if login is not None else _passphrase(unlock_file)
        if passphrase:
            await asyncio.to_thread(keyring.unlock, passphrase)
    except GuardianError as error:
        _log.warning("vault_not_unlocked", problem=error.message, cure=error.cure)
        return keyring, f"{error.message}. {error.cure}".strip()
    return keyring, ""


def open_notary(data_dir: Path, keyring: Keyring, clock: Clock) -> VaultNotary | None:
    """Return what signs evidence, made where there is none yet; None where its file is damaged or cannot be made. Blocking."""
    sealer = VaultSealer(keyring.public_key, keyring.epoch)
    try:
        return VaultNotary.load(data_dir / "vault", keyring, sealer, clock.now().utc_us)
    except GuardianError as error:
        _log.error("no_evidence_key", problem=error.message, cure=error.cure)
    except OSError as error:
        _log.warning("no_evidence_key", problem=error.strerror)
    return None


def _passphrase(unlock_file: str) -> str:
    path, source = Path(unlock_file), "vault.unlock_file"
    if not unlock_file:
        folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
        path, source = Path(folder) / CREDENTIAL, "systemd credential"
        if not folder or not path.exists():
            return ""
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no UTF-8 text"
        raise BadSetting(
            f"{source} {path}: {why}", field="vault.unlock_file", cure="Correct it, or unlock by hand."
        ) from error
