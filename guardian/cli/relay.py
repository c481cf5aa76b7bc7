"""`guardian relay join|status|rotate|leave`. Guardian must run: it holds the link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from guardian.cli._output import data_option, emit, json_option
from guardian.cli._secret import SecretFile, given

EXAMPLES = """Examples:

  guardian relay join

  guardian relay join --code-file invitation.txt

  guardian relay status
"""
WORDS = {
    "absent": "No plugin brings a link to a relay: pip install 'private-ai-guardian[wireguard]'.",
    "none": "No relay is joined.",
    "pairing": "A relay is being joined.",
    "connecting": "The relay is joined and does not answer at the moment.",
    "connected": "The relay is connected.",
    "blocked": "The relay is joined, but this machine does not let the tunnel open.",
}


@click.group(epilog=EXAMPLES)
def relay() -> None:
    """Join a relay, by which you reach home from afar, and see how the link is."""


@relay.command("join", epilog="Examples:\n\n  guardian relay join\n\n  guardian relay join --code-file - --yes < invitation")
@click.option(
    "--code-file", type=SecretFile, help="File that holds the invitation; - for standard input [default: asked for]."
)
@click.option("--yes", is_flag=True, help="Do not ask whether the codes are the same: only where nobody can be in between.")
@data_option
@json_option
def join(code_file: Path | None, yes: bool, data: Path, as_json: bool) -> None:
    """Join the relay of an invitation (`guardian-relay invite` there). The vault must be unlocked.

    The invitation is good once, so it is asked for or read from a file: other users of this machine can see arguments.
    """
    invitation = given(code_file, "invitation") if code_file else str(click.prompt("Invitation", hide_input=True, err=True))
    began = _ask(data, "POST", "/relay/join", {"invitation": invitation})
    if not yes:
        click.echo(f"This end shows  {began['short_code']}", err=True)
        if not click.confirm("Does the relay show the same six digits?", default=False, err=True):
            _ask(data, "POST", "/relay/leave")
            raise click.ClickException("Somebody may be in between: nothing was joined. Ask for another invitation.")
    _say(_ask(data, "POST", "/relay/confirm"), as_json)


@relay.command("status", epilog="Example:\n\n  guardian relay status --json")
@data_option
@json_option
def status(data: Path, as_json: bool) -> None:
    """Say how the link to the relay is."""
    _say(_ask(data, "GET", "/relay"), as_json)


@relay.command("rotate", epilog="Example:\n\n  guardian relay rotate")
@data_option
@json_option
def rotate(data: Path, as_json: bool) -> None:
    """Make new keys of the tunnel on both ends now; otherwise it happens every 30 days by itself."""
    _say(_ask(data, "POST", "/relay/rotate"), as_json)


@relay.command("leave", epilog="Example:\n\n  guardian relay leave")
@data_option
@json_option
def leave(data: Path, as_json: bool) -> None:
    """Take the tunnel down and forget the relay and its keys."""
    _say(_ask(data, "POST", "/relay/leave"), as_json)


def _ask(data: Path, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    from guardian.cli._client import call, running_url
    from guardian.model.errors import ServiceUnavailable

    url = running_url(data)
    if url is None:
        raise ServiceUnavailable("Guardian does not run", cure="Start it: `guardian run`.")
    return call(data, url, method, f"/api/v1{path}", body)


def _say(value: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(value)
        return
    click.echo(WORDS[value["state"]])
    for name, label in (
        ("endpoint", "Endpoint"),
        ("tunnel", "Tunnel"),
        ("handshake", "Last handshake"),
        ("rotated", "Keys of"),
    ):
        if value[name]:
            click.echo(f"{label + ':':16}{value[name]}")
    if value["state"] not in ("absent", "none"):
        click.echo(f"{'Events waiting:':16}{value['waiting_events']}")
    if value["problem"]:
        click.echo(f"{value['problem']} {value['cure']}".strip())
