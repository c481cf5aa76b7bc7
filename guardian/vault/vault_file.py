"""`vault.json`: read with suspicion, written so that a power cut leaves the old one or the new one, and a copy beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardian.model.errors import BadSetting, Damaged, ResourceGone
from guardian.platform.files import replace_file
from guardian.vault import hpke
from guardian.vault.epochs import CHECK_BYTES, NONCE_BYTES, RESTORE, Epoch, Recovery
from guardian.vault.fields import b64, kdf_of, kdf_value, number, unb64
from guardian.vault.format import TAG_BYTES
from guardian.vault.passphrase import SALT_BYTES, Argon2Parameters

FILE, BACKUP = "vault.json", "vault.json.bak"
MAX_FILE = 1024 * 1024
_RECOVERY_BYTES = hpke.ENCAPSULATION + hpke.PRIVATE_BYTES + TAG_BYTES


@dataclass(frozen=True, slots=True)
class VaultFile:
    """What the file holds. `check` (see `epochs.check_of`) is there with a recovery key or more than one epoch."""

    parameters: Argon2Parameters
    epochs: tuple[Epoch, ...]
    recovery: Recovery | None = None
    check: bytes = b""


def read_vault(folder: Path) -> VaultFile:
    """Read a folder's vault. BadSetting where there is none, Damaged where the file is not what it should be."""
    try:
        with (folder / FILE).open("rb") as file:
            text = file.read(MAX_FILE)  # a longer one is cut, and so found damaged
    except FileNotFoundError:
        cure = RESTORE if (folder / BACKUP).exists() else "Make one: `guardian vault init`."
        raise BadSetting(f"there is no vault in {folder}", cure=cure) from None
    except OSError as error:
        raise BadSetting(f"{folder / FILE}: {error.strerror}", cure="Call it as the user that Guardian runs as.") from error
    try:
        return _parse(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged(f"{folder / FILE} is damaged", cure=RESTORE) from error


def parse_vault(text: bytes) -> VaultFile:
    """Return what the bytes of a `vault.json` say; Damaged where they are none."""
    try:
        return _parse(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged("it holds no vault") from error


def write_vault(folder: Path, vault: VaultFile) -> None:
    """Write it; ResourceGone where the disk refuses, and then the old one holds.

    Until the new one is read back from the disk the copy is of the one before; then it is of the new one: an older copy
    would go on to open with a passphrase or recovery code that was ended.
    """
    text = _text(vault)
    try:
        if (folder / FILE).exists():
            replace_file(folder / BACKUP, (folder / FILE).read_bytes())
        replace_file(folder / FILE, text)
    except OSError as error:
        raise ResourceGone(
            f"{folder / FILE} could not be written: {error.strerror}",
            cure="See that the disk has room and can be written to.",
        ) from error
    if read_vault(folder) != vault:
        raise Damaged(f"{folder / FILE} does not read as it was written", cure=RESTORE)
    try:
        replace_file(folder / BACKUP, text)
    except OSError:
        (folder / BACKUP).unlink(missing_ok=True)


def restore_vault(folder: Path) -> bool:
    """Put the copy in the place of a file that is missing or damaged, which is kept as `vault.json.damaged`. False where the
    copy is no better.
    """
    try:
        text = (folder / BACKUP).read_bytes()
        _parse(json.loads(text))
        if (folder / FILE).exists():
            (folder / FILE).replace(folder / f"{FILE}.damaged")
        replace_file(folder / FILE, text)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, Damaged):
        return False
    return True


def _text(vault: VaultFile) -> bytes:
    recovery = vault.recovery
    value: dict[str, Any] = {
        "format": 1,
        "kdf": kdf_value(vault.parameters),
        "kem": hpke.KEM_NAME,
        "epochs": [_epoch_value(epoch) for epoch in vault.epochs],
    }
    if recovery is not None:
        value["recovery"] = {
            "created_us": recovery.created_us,
            "salt": b64(recovery.salt),
            "public": b64(recovery.public),
            "anchor": b64(recovery.anchor),
        }
    if vault.check:
        value["check"] = b64(vault.check)
    return json.dumps(value, indent=2).encode() + b"\n"


def _epoch_value(epoch: Epoch) -> dict[str, Any]:
    value: dict[str, Any] = {
        "number": epoch.number,
        "created_us": epoch.created_us,
        "public": b64(epoch.public),
        "nonce": b64(epoch.nonce),
        "wrapped": b64(epoch.wrapped),
    }
    return value | ({"recovery": b64(epoch.recovery)} if epoch.recovery else {})


def _parse(value: Any) -> VaultFile:
    if value["format"] != 1 or value["kem"] != hpke.KEM_NAME:
        raise ValueError("unknown format")
    parameters = kdf_of(value["kdf"])
    recovery = _parse_recovery(value["recovery"]) if "recovery" in value else None
    epochs = tuple(_parse_epoch(one, recovery is not None) for one in value["epochs"])
    if not epochs or [epoch.number for epoch in epochs] != sorted({epoch.number for epoch in epochs}):
        raise ValueError("no epochs, or not in order")
    checked = recovery is not None or len(epochs) > 1 or "check" in value
    return VaultFile(parameters, epochs, recovery, unb64(value["check"], CHECK_BYTES) if checked else b"")


def _parse_epoch(one: Any, with_recovery: bool) -> Epoch:
    return Epoch(
        number(one["number"], 32),
        unb64(one["public"], hpke.PUBLIC_BYTES),
        unb64(one["nonce"], NONCE_BYTES),
        unb64(one["wrapped"], hpke.PRIVATE_BYTES + TAG_BYTES),
        number(one["created_us"], 62),
        unb64(one["recovery"], _RECOVERY_BYTES) if with_recovery else b"",
    )


def _parse_recovery(one: Any) -> Recovery:
    return Recovery(
        number(one["created_us"], 62),
        unb64(one["salt"], SALT_BYTES),
        unb64(one["public"], hpke.PUBLIC_BYTES),
        unb64(one["anchor"], CHECK_BYTES),
    )
