"""Checks what the schema alone cannot (kinds that plugins bring, and the settings that are theirs to judge), and changes
config.toml where its owner does that on a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from guardian.interfaces import CameraKind, NotifierKind, StorageKind
from guardian.model.errors import BadSetting
from guardian.pluginhost.registry import PluginRegistry
from guardian.settings.faults import Fault, faults_of
from guardian.settings.load import save, validate
from guardian.settings.schema import Settings
from guardian.settings.secrets import resolve


def check_kinds(settings: Settings, registry: PluginRegistry) -> tuple[Fault, ...]:
    """Return what is wrong with cameras, notifiers and tiers as the plugins that bring their kinds see it."""
    faults: list[Fault] = []
    for name, camera in settings.cameras.items():
        faults += _check(f"cameras.{name}", "source", camera.source, registry.camera, camera.kind)
    for name, channel in settings.notify.items():
        faults += _check(f"notify.{name}", "settings", channel.settings, registry.notifier, channel.kind)
    for name, tier in settings.storage.tiers.items():
        faults += _check(f"storage.tiers.{name}", "settings", tier.settings, registry.storage_kind, tier.kind)
    return tuple(faults)


def _check(
    field: str,
    part: str,
    values: Mapping[str, Any],
    kind_of: Callable[[str], CameraKind | NotifierKind | StorageKind],
    kind: str,
) -> tuple[Fault, ...]:
    try:
        model = kind_of(kind).config_model
    except BadSetting as error:
        return (Fault(f"{field}.kind", error.message, error.cure),)
    try:
        model.model_validate(resolve(values, f"{field}.{part}"))
    except BadSetting as error:
        return (Fault(error.field, error.message.removeprefix(f"{error.field}: "), error.cure),)
    except ValidationError as error:
        return faults_of(error, model, f"{field}.{part}")
    return ()


def change_setting(settings: Settings, path: Sequence[str], value: object, data_dir: Path | None = None) -> Settings:
    """Return settings in which one is replaced, checked as a whole. With a data folder they are written to its config.toml, too.
    BadSetting; nothing is changed then.
    """
    raw = settings.model_dump(mode="json", exclude_unset=True)
    table = raw
    for part in path[:-1]:
        table = table.setdefault(part, {})
    table[path[-1]] = value
    changed, faults = validate(raw)
    if changed is None:
        raise BadSetting(f"{path[-1]}: {faults[0].message}", field=faults[0].field, cure=faults[0].cure)
    if data_dir is not None:
        save(data_dir, changed)
    return changed


def change_detection(settings: Settings, camera: str, changes: Mapping[str, Any], data_dir: Path | None = None) -> Settings:
    """Return settings in which fields of a camera's `detect` are replaced. With a data folder they are written to its
    config.toml too, which keeps its comments. BadSetting names the field that is wrong; nothing is changed then.
    """
    raw = settings.model_dump(mode="json")
    raw["cameras"][camera]["detect"].update(changes)
    changed, faults = validate(raw)
    if changed is None:
        first, prefix = faults[0], f"cameras.{camera}.detect."
        where = first.field.removeprefix(prefix)
        raise BadSetting(f"{where}: {first.message}", field=first.field, cure=first.cure)
    if data_dir is not None:
        save(data_dir, changed)
    return changed
