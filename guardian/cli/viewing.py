"""`guardian viewing on|status|off`. Guardian must run: it answers the viewers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import click

from guardian.cli._output import data_option, emit, json_option

EXAMPLES = """Examples:

  guardian viewing on

  guardian viewing status

  guardian viewing off
"""
SHOWN = "The viewing key. Keep it in your password manager, away from the passphrase's paper; it is not shown again:"


@click.group(epilog=EXAMPLES)
def viewing() -> None:
    """Look at events and live video from afar, through your relay, in a browser."""


@viewing.command("on", epilog="Example:\n\n  guardian viewing on")
@click.option("--no-qr", is_flag=True, help="Print no QR code beside the text.")
@data_option
@json_option
def turn_on(no_qr: bool, data: Path, as_json: bool) -> None:
    """Make a viewing key and show it, this once. The vault must be unlocked. The key before is good no longer."""
    value = _ask(data, "POST")
    if as_json:
        emit(value)
        return
    click.echo(SHOWN, err=True)
    click.echo(value["key"])
    if not no_qr:
        click.echo(_qr(value["key"]), err=True)


@viewing.command("status", epilog="Example:\n\n  guardian viewing status --json")
@data_option
@json_option
def status(data: Path, as_json: bool) -> None:
    """Say whether viewing from afar is on, and who looks."""
    value = _ask(data, "GET")
    if as_json:
        emit(value)
        return
    click.echo("Viewing from afar is on." if value["on"] else "Viewing from afar is off.")
    for name, label in (("created", "Key of"), ("viewers", "Viewers now"), ("last", "Last let in"), ("problem", "Problem")):
        if value[name]:
            click.echo(f"{label + ':':16}{value[name]}")


@viewing.command("off", epilog="Example:\n\n  guardian viewing off")
@data_option
@json_option
def turn_off(data: Path, as_json: bool) -> None:
    """Forget the viewing key. Viewers that are there have to go."""
    _ask(data, "DELETE")
    if as_json:
        emit({"on": False})
    else:
        click.echo("Viewing from afar is off.")


def _qr(text: str) -> str:
    import segno

    out = io.StringIO()
    segno.make(text, error="l").terminal(out, compact=True)
    return out.getvalue()


def _ask(data: Path, method: str) -> dict[str, Any]:
    from guardian.cli._client import call, running_url
    from guardian.model.errors import ServiceUnavailable

    url = running_url(data)
    if url is None:
        raise ServiceUnavailable("Guardian does not run", cure="Start it: `guardian run`.")
    return call(data, url, method, "/api/v1/viewing")
