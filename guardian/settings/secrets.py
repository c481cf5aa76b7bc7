"""Secrets in the configuration: kept elsewhere and named there, and never shown.

A text setting of a camera, plugin or notifier may say `env:NAME` (an environment variable) or `file:/path` (the first
line of a file) instead of the secret itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guardian.model.errors import BadSetting
from guardian.platform.logs import redact

HIDDEN = "…"
_SECRET = re.compile(r"pass(word|phrase|wd)?$|secret|token|api_?key|authorization|credential", re.IGNORECASE)
MAX_SECRET = 64 * 1024


def resolve(values: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return settings with `env:` and `file:` replaced by what they name. `field`: where the settings stand, for errors."""
    return {key: _resolve(value, f"{field}.{key}") for key, value in values.items()}


def _resolve(value: Any, field: str) -> Any:
    if isinstance(value, Mapping):
        return resolve(value, field)
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        if name not in os.environ:
            raise BadSetting(
                f"{field}: there is no environment variable {name}", field=field, cure="Set it, or correct its name."
            )
        return os.environ[name]
    if value.startswith("file:/"):
        return _from_file(Path(value.removeprefix("file:")), field)
    return value


def _from_file(path: Path, field: str) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SECRET).decode("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"{field}: {path} cannot be read: {error}", field=field, cure="Correct the path, or let Guardian's user read it."
        ) from error


def redacted(value: Any) -> Any:
    """Return settings fit to be shown: secrets hidden, user and password taken out of URLs."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if _SECRET.search(str(key)) and part else redacted(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(part) for part in value]
    return redact(value) if isinstance(value, str) else value
