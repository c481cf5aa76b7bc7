"""Reads settings: a TOML file, then the environment (`GUARDIAN_CLOUD_WEB__LISTEN` is `web.listen`). A fault names field and cure.

A text may say where the value is: `env:NAME`, or `file:/path`, the first line of a file. So no password stands in the file.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from guardian_cloud.model.errors import BadSetting
from guardian_cloud.settings.schema import Settings

PREFIX = "GUARDIAN_CLOUD_"
CONFIG_VARIABLE = "GUARDIAN_CLOUD_CONFIG"


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Return the settings; BadSetting."""
    raw = _read(path) if path is not None else {}
    for name, value in environment.items():
        if name.startswith(PREFIX) and name != CONFIG_VARIABLE:
            _put(raw, name.removeprefix(PREFIX).lower().split("__"), value, name)
    try:
        return Settings.model_validate(_found(raw, environment, ""))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise BadSetting(
                f"{field} is no setting",
                field=field,
                cure="docs/reference/cloud.md lists them; take it out or correct its name.",
            ) from None
        message = first["msg"].removeprefix("Value error, ")
        raise BadSetting(f"{field}: {message}", field=field, cure=_meaning(field) or "Correct it.") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(
            f"{path} cannot be read: {error.strerror}", field="--config", cure="Name a file that is there."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} is no valid TOML: {error}", field="--config", cure="Correct that line.") from error


def _put(raw: dict[str, Any], parts: list[str], value: str, name: str) -> None:
    here = raw
    for part in parts[:-1]:
        inner = here.setdefault(part, {})
        if not isinstance(inner, dict):
            raise BadSetting(
                f"{name}: {part} is no part of the settings", field=name, cure="Take it out of the environment."
            )
        here = inner
    # lists and numbers as JSON, everything else is text
    here[parts[-1]] = json.loads(value) if value.startswith("[") and value.endswith("]") and '"' in value else value


def _found(value: Any, environment: Mapping[str, str], field: str) -> Any:
    if isinstance(value, dict):
        return {key: _found(inner, environment, f"{field}.{key}".lstrip(".")) for key, inner in value.items()}
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        if (found := environment.get(value[4:])) is None:
            raise BadSetting(f"{field}: there is no variable {value[4:]}", field=field, cure="Set it for this program.")
        return found
    if value.startswith("file:"):
        try:
            return Path(value[5:]).read_text(encoding="utf-8").partition("\n")[0]
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(
                f"{field}: {value[5:]} cannot be read", field=field, cure="Make it a text file that this program may read."
            ) from error
    return value


def _meaning(field: str) -> str:
    model: Any = Settings
    text = ""
    for part in field.split("."):
        info = model.model_fields.get(part) if isinstance(model, type) and issubclass(model, BaseModel) else None
        if info is None:
            break
        text, model = info.description or "", info.annotation
    return text


def table() -> list[tuple[str, str, str]]:
    """Return (setting, default, meaning) for the reference page."""
    rows: list[tuple[str, str, str]] = []

    def walk(model: type[BaseModel], before: str) -> None:
        for name, info in model.model_fields.items():
            inner = info.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                walk(inner, f"{before}{name}.")
                continue
            default = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
            shown = "none" if default is None else str(default) if isinstance(default, Path) else json.dumps(default)
            rows.append((before + name, shown, info.description or ""))

    walk(Settings, "")
    return rows
