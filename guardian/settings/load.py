"""Reads and writes `DATA/config.toml`. A fault names the file, the field and the cure; no file means the defaults."""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, ValidationError

from guardian.model.errors import BadSetting
from guardian.platform.files import make_private_dir, replace_file
from guardian.settings.explain import part_of
from guardian.settings.faults import Fault, faults_of
from guardian.settings.schema import Settings

CONFIG_NAME = "config.toml"
NONE = "none"  # TOML has no null: how a setting that may be none is told so
MAX_BYTES = 1024 * 1024


def config_path(data_dir: Path) -> Path:
    """Return where a data folder's configuration is."""
    return data_dir / CONFIG_NAME


def load(data_dir: Path) -> Settings:
    """Return the settings of a data folder; BadSetting with every fault."""
    settings, faults = check(data_dir)
    if settings is None:
        raise refusal(config_path(data_dir), faults)
    return settings


def check(data_dir: Path) -> tuple[Settings | None, tuple[Fault, ...]]:
    """Return the settings, or None and what is wrong with them."""
    path = config_path(data_dir)
    try:
        raw = _read(path)
    except FileNotFoundError:
        return Settings(), ()
    except BadSetting as error:
        return None, (Fault("", error.message, error.cure),)
    return validate(raw)


def read_table(path: Path) -> dict[str, Any]:
    """Return what stands in a configuration file, unchecked; BadSetting names the file."""
    try:
        return _read(path)
    except FileNotFoundError:
        raise BadSetting(f"{path}: there is no such file", field="--config", cure="Name a config.toml.") from None
    except BadSetting as error:
        raise BadSetting(f"{path} {error.message}", field="--config", cure=error.cure) from error


def validate(raw: Mapping[str, Any]) -> tuple[Settings | None, tuple[Fault, ...]]:
    """Return the settings that a TOML table holds, or None and what is wrong with it."""
    try:
        return Settings.model_validate(_with_nones(raw, Settings)), ()
    except ValidationError as error:
        return None, faults_of(error, Settings)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadSetting(f"cannot be read: {error.strerror}", cure="Make it a file that you may read.") from error
    if len(data) > MAX_BYTES:
        raise BadSetting("is larger than 1 MiB", cure="It is probably another file.")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadSetting(f"is no UTF-8 text (byte {error.start})", cure="Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"is no valid TOML: {error}", cure="Correct that line; see https://toml.io.") from error


def refusal(path: Path, faults: Sequence[Fault]) -> BadSetting:
    """Return the error that says all that is wrong with a file."""
    lines = [f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in faults]
    where = f"{path}: " if len(lines) == 1 else f"{path}:\n  "
    return BadSetting(where + "\n  ".join(lines), field=faults[0].field, cure=faults[0].cure)


# none


def _may_be_none(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType) and type(None) in typing.get_args(annotation)


def _with_nones(raw: Any, model: type[BaseModel] | None) -> Any:
    """Return the table with `"none"` turned into None wherever a setting may be that."""
    if model is None or not isinstance(raw, Mapping):
        return raw
    result: dict[str, Any] = {}
    for key, value in raw.items():
        info = model.model_fields.get(key)
        if info is None:
            result[key] = value
        elif value == NONE and _may_be_none(info.annotation):
            result[key] = None
        else:
            inner, keyed = part_of(info.annotation)
            if keyed and isinstance(value, Mapping):
                result[key] = {name: _with_nones(part, inner) for name, part in value.items()}
            else:
                result[key] = _with_nones(value, inner)
    return result


# saving


def save(data_dir: Path, settings: Settings) -> None:
    """Write the settings, atomically and for the owner only. Comments, order and untouched lines of the file stay.

    BadSetting where the file that is there cannot be read: it is not overwritten.
    """
    path = config_path(data_dir)
    make_private_dir(data_dir)
    try:
        _read(path)
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = tomlkit.document()
    whole, changed = settings.model_dump(mode="json"), settings.model_dump(mode="json", exclude_defaults=True)
    _merge(document, _written(whole), _written(changed))
    replace_file(path, tomlkit.dumps(document).encode())


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _written(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_written(part) for part in value]
    return NONE if value is None else value


def _merge(table: MutableMapping[str, Any], whole: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
    """Make a table hold `whole`: what stands in it is corrected, what does not is added where it is no default."""
    for key in [key for key in table if key not in whole]:
        del table[key]
    for key, value in whole.items():
        if key not in table:
            if key in changed:
                table[key] = changed[key]
        elif isinstance(value, dict) and isinstance(table[key], MutableMapping):
            inner = changed.get(key, {})
            _merge(table[key], value, inner if isinstance(inner, dict) else {})
        elif _plain(table[key]) != value:
            table[key] = value


def _plain(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value
