"""`guardian demo`: see it work in a minute, with no camera."""

from __future__ import annotations

import secrets
import tempfile
import webbrowser
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import click

from guardian.cli._output import emit, json_option

DEFAULT_PORT = 8420


@click.command(
    epilog="Examples:\n\n  guardian demo\n\n  guardian demo --source rtsp://user:password@192.0.2.7/stream --source clip.mp4"
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="URL_OR_FILE",
    help="Camera URL or video file instead of the bundled clip; may be repeated.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None, help=f"Port of the page [default: {DEFAULT_PORT}, or a free one]."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Keep the data here [default: a temporary folder].",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("--exit-after", type=click.FloatRange(min=0), default=None, metavar="SECONDS", help="End by itself.")
@json_option
def demo(
    sources: tuple[str, ...], port: int | None, data: Path | None, no_browser: bool, exit_after: float | None, as_json: bool
) -> None:
    """See it work: live video, an event, its clip. Needs no camera and no network."""
    from guardian.platform.lean import load_structlog

    load_structlog()
    from guardian.platform.ports import free_port, port_is_free
    from guardian.processes.spawning import begin
    from guardian.services.demo import credentials, demo_settings

    if port is None:
        port = DEFAULT_PORT if port_is_free("127.0.0.1", DEFAULT_PORT) else free_port("127.0.0.1")
    settings = demo_settings(sources, port)
    with ExitStack() as stack:
        runtime = stack.enter_context(closing(begin()))
        from guardian.processes.conductor import Running, RunOptions, run

        folder = data or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="guardian-demo-", ignore_cleanup_errors=True))
        )
        login = credentials(folder, keep=data is not None, random=secrets.token_bytes)

        def started(running: Running) -> None:
            if as_json:
                emit(
                    {
                        "url": running.url,
                        "token": running.token,
                        "data": str(folder),
                        "user": login.user,
                        "password": login.password,
                        "passphrase": login.passphrase,
                    }
                )
                return
            from rich.console import Console
            from rich.panel import Panel

            lines = f"Open        [bold]{running.url}[/bold]\nUser        [bold]{login.user}[/bold]\nPassword    [bold]{login.password}[/bold]\n"
            lines += f"Passphrase  [bold]{login.passphrase}[/bold]  (opens the vault; it is open now)\nAPI token   {running.token}\nData        {folder}"
            Console().print(Panel(lines, title="The Private AI Guardian", expand=False, padding=(1, 3)))
            click.echo("Ctrl-C ends it." if data else "Ctrl-C ends it and deletes the data.")
            if not no_browser:
                webbrowser.open(running.url)

        options = RunOptions(folder, settings, login=login, token_name="demo", exit_after_s=exit_after)  # noqa: S106 - a name
        run(replace(options, runtime=runtime), started)
