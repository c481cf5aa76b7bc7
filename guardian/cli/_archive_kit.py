"""The archive's kit: one small file for an empty machine. It holds the wrapped keys, so it goes to no place of the archive."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardian.model.errors import Conflict, Damaged
from guardian.platform.files import make_private_dir, replace_file
from guardian.vault.keyring import FILE, Keyring
from guardian.vault.vault_file import parse_vault, read_vault

if TYPE_CHECKING:
    from guardian.interfaces import Archive

FORMAT = 1
MOST_BYTES = 4 * 1024 * 1024
SECRETS = ("secret_key", "session_key", "private_key", "token", "secret", "password")
Opened = Callable[[Path], tuple[str, "Archive"]]


@dataclass(frozen=True, slots=True)
class Kit:
    """What a kit holds: `vault.json`, the plugin with its settings (secrets only where they are named, not where they stand),
    and what its places remember.
    """

    vault: bytes
    plugin: str
    settings: dict[str, Any]
    notes: dict[str, str]


def merged(kit: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return a kit's settings with those that stand in the data folder over them, such as secrets."""
    both = dict(kit)
    for key, value in own.items():
        below = both.get(key)
        both[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return both


async def write_kit(data: Path, file: Path, opened: Opened) -> None:
    """Write a kit. GuardianError."""
    from guardian.settings.load import load

    read_vault(data / "vault")  # its error says what to do where there is none
    plugin, archive = opened(data)
    try:
        notes = dict(await archive.kit())
    finally:
        await archive.close()
    settings = _without_secrets(load(data).plugins.settings.get(plugin, {}))
    vault = json.loads((data / "vault" / FILE).read_bytes())
    value = {"format": FORMAT, "vault": vault, "plugin": plugin, "settings": settings, "notes": notes}
    try:
        replace_file(file, json.dumps(value, indent=1).encode() + b"\n")
    except OSError as error:
        raise Conflict(f"{file} could not be written: {error.strerror}", cure="Choose another place.") from error


def _without_secrets(settings: dict[str, Any]) -> dict[str, Any]:
    """Leave out what may be a secret, but for where one is kept."""
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            kept[key] = _without_secrets(value)
        elif not key.endswith(SECRETS) or str(value).startswith(("env:", "file:/")):
            kept[key] = value
    return kept


def read_kit(file: Path) -> Kit:
    """Read a kit. Damaged where it is none."""
    try:
        value = json.loads(file.read_bytes()[:MOST_BYTES])
        if value["format"] != FORMAT:
            raise Damaged(f"{file} was written by a newer Guardian", cure="Use that one.")
        vault = json.dumps(value["vault"], indent=2).encode() + b"\n"
        notes = {str(key): str(text) for key, text in value["notes"].items()}
        kit = Kit(vault, str(value["plugin"]), dict(value["settings"]), notes)
        parse_vault(vault)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{file} is no kit", cure="Give a file that `guardian archive kit` wrote.") from error
    return kit


def take_vault(data: Path, kit: Kit | None) -> Keyring:
    """Return the data folder's vault, locked; where there is none, that of the kit, which it has from now on."""
    if Keyring.exists(data / "vault"):
        keyring = Keyring.load(data / "vault")
        if kit is not None and keyring.epochs[0].public != parse_vault(kit.vault).epochs[0].public:
            raise Conflict(
                f"{data} has another vault than the kit is of", field="--data", cure="Choose an empty folder with --data."
            )
        return keyring
    if kit is None:
        return Keyring.load(data / "vault")  # its error says what to do
    make_private_dir(data)
    make_private_dir(data / "vault")
    replace_file(data / "vault" / FILE, kit.vault)
    return Keyring.load(data / "vault")
