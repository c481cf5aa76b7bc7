"""`guardian config check|explain`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from guardian.cli._output import data_option, emit, json_option


@click.group(epilog="Examples:\n\n  guardian config check\n\n  guardian config explain cameras")
def config() -> None:
    """Check and explain the configuration."""


@config.command()
@data_option
@json_option
def check(data: Path, as_json: bool) -> None:
    """Check DATA/config.toml. Exits with 2 where something is wrong. No file means the defaults."""
    from guardian.pluginhost.registry import ContextMaker, PluginRegistry
    from guardian.services.configuration import check_kinds
    from guardian.settings.load import check, config_path

    path = config_path(data)
    settings, faults = check(data)
    if settings is not None:
        faults = check_kinds(settings, PluginRegistry(settings.plugins, ContextMaker(data)))
    if as_json:
        shown = {"ok": not faults, "path": str(path), "exists": path.is_file()}
        emit(
            {
                **shown,
                "cameras": list(settings.cameras) if settings else [],
                "items": [asdict(one) for one in faults],
                "next": None,
            }
        )
    elif faults:
        for fault in faults:
            click.echo(f"{path}: {fault.field + ': ' if fault.field else ''}{fault.message}\n  {fault.cure}", err=True)
    else:
        assert settings is not None
        found = f"{path} is right" if path.is_file() else f"There is no {path}: the defaults hold"
        click.echo(f"{found}. Cameras: {', '.join(settings.cameras) or 'none'}.")
    raise SystemExit(2 if faults else 0)


@config.command()
@click.argument("prefix", default="")
@data_option
@json_option
def explain(prefix: str, data: Path, as_json: bool) -> None:
    """Print every setting (or those whose name begins with PREFIX): type, default, meaning."""
    from guardian.model.errors import NotFound
    from guardian.settings.explain import explain

    found = explain(prefix)
    if not found:
        raise NotFound(f"no setting begins with {prefix!r}", cure="Try `guardian config explain` without a name.")
    if as_json:
        emit({"items": [asdict(one) for one in found], "next": None})
        return
    for one in found:
        default = f", default {one.default}" if one.default else ", needed"
        click.echo(click.style(one.path, bold=True) + f"  ({one.type}{default})\n    {one.description}")
