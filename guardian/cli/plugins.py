"""`guardian plugins list`."""

from pathlib import Path

import click

from guardian.cli._output import data_option, emit, json_option


@click.group(epilog="Example:\n\n  guardian plugins list")
def plugins() -> None:
    """List plugins and what they bring."""


@plugins.command("list")
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:
    """List installed plugins: version, state, the hooks each fills."""
    from guardian.pluginhost.registry import ContextMaker, PluginRegistry
    from guardian.settings.load import load

    registry = PluginRegistry(load(data).plugins, ContextMaker(data))
    items = [
        {
            "name": entry.found.name,
            "title": entry.manifest.title if entry.manifest else "",
            "version": entry.found.version,
            "distribution": entry.found.distribution,
            "state": entry.state,
            "problem": entry.problem,
            "hooks": list(entry.hooks),
            "provides": list(entry.manifest.provides) if entry.manifest else [],
        }
        for entry in registry.entries
    ]
    if as_json:
        emit({"items": items, "next": None})
        return
    for item in items:
        click.secho(f"{item['name']} {item['version']}", bold=True, nl=False)
        click.echo(f"  {item['state']}{': ' + str(item['problem']) if item['problem'] else ''}")
        for what in ("provides", "hooks"):
            if item[what]:
                click.echo(f"    {what:9} {', '.join(map(str, item[what]))}")
    for problem in registry.problems:
        click.secho(problem, fg="yellow", err=True)
