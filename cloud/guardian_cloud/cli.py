"""The `guardian-cloud` command."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import click

from guardian import __version__
from guardian_cloud.model.errors import CloudError
from guardian_cloud.settings.load import CONFIG_VARIABLE, load
from guardian_cloud.settings.schema import Settings


class _Group(click.Group):
    """Turns errors into a sentence, a cure and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CloudError as error:
            click.echo(f"Error: {error.message}", err=True)
            if error.cure:
                click.echo(f"  {error.cure}", err=True)
            sys.exit(1)


@click.group(cls=_Group)
@click.version_option(__version__)
@click.option("--config", type=click.Path(path_type=Path), envvar=CONFIG_VARIABLE, help="The settings, a TOML file.")
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """The control plane of the Private AI Guardian: fleets and people, never video or keys."""
    ctx.obj = config


def _settings(ctx: click.Context) -> Settings:
    return load(ctx.obj, os.environ)


@cli.command()
@click.pass_context
def migrate(ctx: click.Context) -> None:
    """Make the tables, or bring them to this version's form."""
    from guardian_cloud.index.migrate import migrate as bring

    click.echo(f"The store is at revision {asyncio.run(bring(_settings(ctx)))}.")


def main() -> None:
    """Run the command."""
    cli(prog_name="guardian-cloud")
