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
def run(ctx: click.Context) -> None:
    """Run the control plane until it is ended."""
    from guardian_cloud.processes.cloud import run as run_cloud
    from guardian_cloud.processes.logging import set_up

    settings = _settings(ctx)
    set_up(settings.log)
    asyncio.run(run_cloud(settings))


@cli.command()
@click.pass_context
def migrate(ctx: click.Context) -> None:
    """Make tables and keys where there are none, and bring the tables to this version's form."""
    from guardian.platform.clock import SystemClock
    from guardian_cloud.ca.authority import ensure
    from guardian_cloud.index.migrate import migrate as bring
    from guardian_cloud.push.web_push import ensure_key

    settings = _settings(ctx)
    click.echo(f"The store is at revision {asyncio.run(bring(settings))}.")
    authority = ensure(settings.authority_dir, SystemClock())
    ensure_key(settings.authority_dir)
    if authority.root_key_is_here:
        click.echo(
            f"Move {settings.authority_dir / 'root.key'} to a place off this machine: it is needed again in five years."
        )


@cli.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Look at everything the settings name, and say what is wrong and what to do. Exit code 1 where it cannot run."""
    from guardian.platform.clock import SystemClock
    from guardian_cloud.processes.doctor import BAD, examine
    from guardian_cloud.processes.logging import set_up

    settings = _settings(ctx)
    set_up("error")
    found = asyncio.run(examine(settings, SystemClock()))
    for one in found:
        click.echo(f"{one.state:8} {one.part:10} {one.message}")
        if one.cure:
            click.echo(f"{'':19} {one.cure}")
    sys.exit(1 if any(one.state == BAD for one in found) else 0)


@cli.command()
@click.argument("name")
@click.pass_context
def tenant(ctx: click.Context, name: str) -> None:
    """Make a home, and print the invitation for its owner."""
    from guardian.platform.clock import SystemClock
    from guardian_cloud.index.engine import open_store
    from guardian_cloud.services.people import People

    settings = _settings(ctx)

    async def make() -> str:
        store = open_store(settings)
        try:
            _, invited = await People(store, SystemClock()).make_tenant(name, None, "")
        finally:
            await store.close()
        return invited.word if invited is not None else ""

    click.echo(f"{settings.web.public_url}/join#{asyncio.run(make())}")


def main() -> None:
    """Run the command."""
    cli(prog_name="guardian-cloud")
