"""Turns a found plugin into an instance, under a guard: a plugin that raises, asserts or exits at import harms itself only."""

from __future__ import annotations

import inspect
from typing import Any

import pluggy
from pydantic import ValidationError
from stevedore import NamedExtensionManager

from guardian.hookspecs import POLICIES, PROJECT, Hooks
from guardian.model.errors import BadSetting
from guardian.pluginhost.discovery import GROUP
from guardian.sdk.plugin import Plugin, PluginContext


def load_class(name: str) -> type[Plugin]:
    """Import the class of the plugin of that name. Whatever its import raises comes out as BadSetting."""
    problems: list[BaseException] = []
    try:
        manager: Any = NamedExtensionManager(
            GROUP,
            names=[name],
            invoke_on_load=False,
            on_load_failure_callback=lambda _manager, _point, error: problems.append(error),
            on_missing_entrypoints_callback=lambda _names: None,
        )
        found: list[Any] = [extension.plugin for extension in manager]
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - foreign code at import: SystemExit and AssertionError pass stevedore
        problems.append(error)
        found = []
    if problems:
        raise BadSetting(
            f"plugin {name} did not load: {type(problems[0]).__name__}: {problems[0]}", cure="Reinstall or disable it."
        )
    if not found:
        raise BadSetting(f"plugin {name} is not installed", cure="See `guardian plugins list`.")
    cls = found[-1]
    if not (inspect.isclass(cls) and issubclass(cls, Plugin)):
        raise BadSetting(f"plugin {name}: its entry point is no subclass of guardian.sdk.Plugin", cure="Mend the plugin.")
    return cls


def instantiate(name: str, cls: type[Plugin], settings: dict[str, Any], context: PluginContext) -> Plugin:
    """Validate the plugin's settings and make its one instance."""
    try:
        config = cls.Config.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadSetting(
            f"plugins.settings.{name}.{field}: {first['msg']}",
            field=f"plugins.settings.{name}.{field}",
            cure="Correct the setting.",
        ) from error
    try:
        return cls(config, context)
    except Exception as error:
        raise BadSetting(f"plugin {name} did not start: {type(error).__name__}: {error}") from error


def new_hook_manager() -> pluggy.PluginManager:
    """Return a manager that knows the contract. Used for names, signatures and validation, never to call."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    return manager


def register(manager: pluggy.PluginManager, name: str, plugin: Plugin) -> tuple[str, ...]:
    """Register an instance and return the hooks it fills; BadSetting on unknown hooks and arguments that never arrive."""
    try:
        manager.register(plugin, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        manager.unregister(name=name)
        raise BadSetting(f"plugin {name}: {error}", cure="See docs/reference/hooks.md for the names.") from error
    hooks = tuple(sorted(caller.name for caller in manager.get_hookcallers(plugin) or () if caller.name in POLICIES))
    for hook in hooks:
        parameters = inspect.signature(getattr(plugin, hook)).parameters.values()
        silent = [p.name for p in parameters if p.default is not p.empty or p.kind is p.KEYWORD_ONLY]
        if silent:
            manager.unregister(name=name)
            raise BadSetting(
                f"plugin {name}: {hook}({', '.join(silent)}) has a default or is keyword-only, so it would never be passed"
            )
    return hooks
