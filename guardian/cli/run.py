"""`guardian run`: the real thing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from guardian.cli._output import data_option, emit, json_option


@click.command(epilog="Example:\n\n  guardian vault init && guardian run")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port of the page instead of web.port.")
@click.option("--host", default=None, help="Address to listen on instead of web.host.")
@click.option("--exit-after", type=click.FloatRange(min=0), default=None, metavar="SECONDS", help="End by itself.")
@data_option
@json_option
def run(port: int | None, host: str | None, exit_after: float | None, data: Path, as_json: bool) -> None:
    """Run the recorder and the web page with DATA/config.toml."""
    from guardian.platform.lean import load_structlog

    load_structlog()
    from guardian.model.errors import BadSetting
    from guardian.processes.spawning import begin
    from guardian.settings.load import load
    from guardian.vault.keyring import Keyring

    settings = load(data)
    web = settings.web.model_copy(
        update={key: value for key, value in (("port", port), ("host", host)) if value is not None}
    )
    settings = settings.model_copy(update={"web": web})
    if not Keyring.exists(data / "vault"):
        raise BadSetting(f"there is no vault in {data}", cure="Make one first: `guardian vault init`.")

    with closing(begin()) as runtime:  # before the imports below: the forkserver imports beside them
        from guardian.processes.conductor import Running, RunOptions
        from guardian.processes.conductor import run as run_conductor

        def started(running: Running) -> None:
            if as_json:
                value = {"url": running.url, "data": str(data)}
                if running.new_password:
                    value |= {"user": "owner", "password": running.new_password}
                emit(value)
                return
            click.secho(f"Guardian runs at {running.url}", bold=True)
            if running.new_password:
                click.echo(f"First login: user owner, password {running.new_password} (shown this once).")
            if not settings.cameras:
                click.echo(f"No camera yet: add one to {data / 'config.toml'} (`guardian config explain cameras`).")

        run_conductor(RunOptions(data, settings, exit_after_s=exit_after, runtime=runtime), started)
