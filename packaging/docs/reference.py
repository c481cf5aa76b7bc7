"""Writes docs/reference/settings.md, cli.md and cloud.md from the code: `python packaging/docs/reference.py`.

A test fails when the pages differ from what it makes.
"""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins"), str(ROOT / "cloud")]

from guardian_cloud.api.app import OPERATIONS  # noqa: E402
from guardian_cloud.api.openapi import PREFIX  # noqa: E402
from guardian_cloud.api.routing import Operation  # noqa: E402
from guardian_cloud.cli import cli as cloud_cli  # noqa: E402
from guardian_cloud.model.roles import May, Role, allows  # noqa: E402
from guardian_cloud.settings.load import PREFIX as VARIABLES  # noqa: E402
from guardian_cloud.settings.load import table as cloud_settings  # noqa: E402

from guardian.cli._main import cli  # noqa: E402 - the code of this tree, not of another that is installed
from guardian.interfaces import CameraKind, NotifierKind  # noqa: E402
from guardian.pluginhost.loading import instantiate  # noqa: E402
from guardian.pluginhost.manifest import read_manifest  # noqa: E402
from guardian.pluginhost.registry import ContextMaker  # noqa: E402
from guardian.sdk import Plugin  # noqa: E402
from guardian.settings.explain import Explained, explain, explain_part  # noqa: E402
from guardian.settings.schema import Settings  # noqa: E402

MADE = "<!-- Made by packaging/docs/reference.py from the code; change it there. -->\n"


def main() -> None:
    """Write both pages."""
    for name, text in pages().items():
        (ROOT / "docs/reference" / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")


def pages() -> dict[str, str]:
    """Return the pages by file name."""
    return {"settings.md": settings_page(), "cli.md": cli_page(), "cloud.md": cloud_page()}


# settings

SETTINGS_INTRO = """# Settings

They stand in `config.toml` of the data folder; what is not there has its default. `guardian config check` says what is wrong with the file, with the
cure, and `guardian config explain` prints this page without the settings that plugins bring. `<name>` stands for a name that you choose. TOML has no
null: where a setting may be none, write `"none"`.

A text setting in the `source` of a camera or the `settings` of a notifier may say where the value is instead of what it is, so that no password
stands in the file: `env:NAME` is an environment variable, `file:/path` the first line of a file.
"""


def settings_page() -> str:
    """Return the page of all settings, those of first-party plugins at the end."""
    parts = [MADE + SETTINGS_INTRO]
    for name, info in Settings.model_fields.items():
        inner = info.annotation
        text = (getattr(inner, "__doc__", "") if isinstance(inner, type) else info.description) or ""
        parts.append(f"## `{name}`\n\n{text}\n\n{_table(one for one in explain(f'{name}.'))}")
    parts += _plugin_parts()
    return "\n".join(parts)


def _plugin_parts() -> list[str]:
    kinds: list[tuple[str, CameraKind | NotifierKind]] = []
    own: list[str] = []
    for name, cls in _plugins():
        plugin = instantiate(name, cls, {}, ContextMaker(Path("unused")).make(name))
        for hook, path in (
            ("register_cameras", "cameras.<name>.source"),
            ("register_notifiers", "notify.<name>.settings"),
            ("register_storage", "storage.tiers.<name>.settings"),
        ):
            kinds += [(path, kind) for kind in getattr(plugin, hook, tuple)()]
        if found := explain_part(cls.Config, f"plugins.settings.{name}."):
            summary = read_manifest(cls.__module__).summary
            own.append(f"## `plugins.settings.{name}`\n\n{summary}\n\n{_table(found)}")
    parts = []
    for path, kind in sorted(kinds, key=lambda one: (one[0], one[1].name)):
        heading = f"## `{path}` of kind `{kind.name}`\n\n{kind.title}."
        parts.append(f"{heading}\n\n{_table(explain_part(kind.config_model, f'{path}.'))}")
    return parts + own


def _plugins() -> Iterator[tuple[str, type[Plugin]]]:
    """Yield the plugins of this tree; they need not be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, value in sorted(project["entry-points"]["guardian.plugins"].items()):
        module, _, cls = value.partition(":")
        yield name, getattr(importlib.import_module(module), cls)


def _table(settings: Iterator[Explained] | tuple[Explained, ...]) -> str:
    rows = ["| setting | may be | default | meaning |", "|---|---|---|---|"]
    for one in settings:
        default = f"`{one.default}`" if one.default else "needed"
        rows.append(f"| `{one.path}` | {one.type} | {default} | {_text(one.description)} |")
    return "\n".join(rows) + "\n"


# commands

CLI_INTRO = """# Commands

Every command has `--help`. Those with `--json` print one JSON object as the last line, for programs; an error is then
`{"error": {"code", "message", "field", "cure"}}`. Exit codes: 0 all is well, 1 something went wrong or must be mended, 2 what you gave is not right.
"""


def cli_page() -> str:
    """Return the page of all commands."""
    return "\n".join([MADE + CLI_INTRO, *_command(cli, ("guardian",))])


# the cloud

CLOUD_INTRO = f"""# The cloud: commands, settings, operations

How to run one: [Run a cloud](../howto/cloud.md). Settings stand in the TOML file of `--config`, or in the environment: `web.listen` is
`{VARIABLES}WEB__LISTEN`. A text may say where the value is: `file:/path` (its first line) or `env:NAME`.
"""


def cloud_page() -> str:
    """Return the page of the cloud."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    rows += [f"| `{name}` | `{_text(default)}` | {_text(meaning)} |" for name, default, meaning in cloud_settings()]
    calls = [f"`{PREFIX}/openapi.json` describes them in full.\n", "| operation | who may | what it does |", "|---|---|---|"]
    calls += [f"| `{one.method} {one.path}` | {_who(one)} | {_text(one.words[0])} |" for one in OPERATIONS]
    commands = "\n".join(_command(cloud_cli, ("guardian-cloud",)))
    parts = [
        MADE + CLOUD_INTRO,
        commands,
        "## Settings\n",
        "\n".join(rows) + "\n",
        "## Operations\n",
        "\n".join(calls) + "\n",
    ]
    return "\n".join(parts)


def _who(one: Operation) -> str:
    if isinstance(one.needs, May):
        return ", ".join(role for role in Role if allows(role, one.needs))
    return {"nothing": "anybody", "login": "who has logged in"}[one.needs]


def _command(command: click.Command, path: tuple[str, ...]) -> Iterator[str]:
    context = click.Context(command, info_name=path[-1])
    if len(path) > 1:
        heading = f"{'#' * len(path)} {' '.join(path)}\n\n{_text(command.help or '')}\n"
        yield "\n".join(part for part in (heading, _usage(command, path), _options(command), _examples(command)) if part)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _command(inner, (*path, name))


def _usage(command: click.Command, path: tuple[str, ...]) -> str:
    if isinstance(command, click.Group):
        return ""
    words = [*path]
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            choices = getattr(parameter.type, "choices", None)
            word = "|".join(choices) if choices else (parameter.metavar or parameter.name or "").upper()
            word += "..." if parameter.nargs == -1 else ""
            words.append(word if parameter.required else f"[{word}]")
        elif parameter.required:
            words.append(f"{parameter.opts[0]} {_value(parameter)}")
    words += ["[OPTIONS]"] if any(isinstance(one, click.Option) and not one.required for one in command.params) else []
    return f"```text\n{' '.join(words)}\n```\n"


def _options(command: click.Command) -> str:
    options = [one for one in command.params if isinstance(one, click.Option)]
    if not options:
        return ""
    rows = ["| option | meaning |", "|---|---|"]
    for one in options:
        names = ", ".join(f"`{name} {_value(one)}`".replace(" `", "`") for name in one.opts)
        rows.append(f"| {names} | {_text(one.help or '')}{_bounds(one)}{_default(one)} |")
    return "\n".join(rows) + "\n"


def _value(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return ""
    if isinstance(parameter.type, click.Choice):
        return "|".join(str(choice) for choice in parameter.type.choices)
    words = {click.Path: "PATH", click.IntRange: "NUMBER", click.FloatRange: "NUMBER"}
    return parameter.metavar or words.get(type(parameter.type), "TEXT")


def _bounds(option: click.Option) -> str:
    low, high = getattr(option.type, "min", None), getattr(option.type, "max", None)
    if low is not None and high is not None:
        return f" {low:g} to {high:g}."
    return f" At least {low:g}." if low is not None else ""


def _default(option: click.Option) -> str:
    if isinstance(option.show_default, str):
        return f" Default: `{option.show_default}`."
    return f" Default: `{option.default}`." if option.show_default else ""


def _examples(command: click.Command) -> str:
    lines = [line.strip() for line in (command.epilog or "").splitlines()]
    examples = [line for line in lines if line.startswith(("guardian ", "pass "))]
    return "```sh\n" + "\n".join(examples) + "\n```\n" if examples else ""


def _text(text: str) -> str:
    return " ".join(text.split()).replace("<", "\\<").replace("|", "\\|")


if __name__ == "__main__":
    main()
