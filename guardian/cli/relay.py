"""`guardian relay join|status|rotate|leave|add-device|devices|remove-device`. Guardian must run: it holds the link."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from guardian.cli._ask import ask
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
    began = ask(data, "POST", "/relay/join", {"invitation": invitation})
    if not yes:
        click.echo(f"This end shows  {began['short_code']}", err=True)
        if not click.confirm("Does the relay show the same six digits?", default=False, err=True):
            ask(data, "POST", "/relay/leave")
            raise click.ClickException("Somebody may be in between: nothing was joined. Ask for another invitation.")
    _say(ask(data, "POST", "/relay/confirm"), as_json)


@relay.command("status", epilog="Example:\n\n  guardian relay status --json")
@data_option
@json_option
def status(data: Path, as_json: bool) -> None:
    """Say how the link to the relay is."""
    _say(ask(data, "GET", "/relay"), as_json)


@relay.command("rotate", epilog="Example:\n\n  guardian relay rotate")
@data_option
@json_option
def rotate(data: Path, as_json: bool) -> None:
    """Make new keys of the tunnel on both ends now; otherwise it happens every 30 days by itself."""
    _say(ask(data, "POST", "/relay/rotate"), as_json)


@relay.command("leave", epilog="Example:\n\n  guardian relay leave")
@data_option
@json_option
def leave(data: Path, as_json: bool) -> None:
    """Take the tunnel down and forget the relay and its keys."""
    _say(ask(data, "POST", "/relay/leave"), as_json)


@relay.command("add-device", epilog="Example:\n\n  guardian relay add-device --name 'My phone' --device-file phone.txt")
@click.option("--name", required=True, help="What you call it. It stays at home.")
@click.option(
    "--device-file",
    type=SecretFile,
    help="File that holds what the device shows; - for standard input [default: asked for].",
)
@data_option
@json_option
def add_device(name: str, device_file: Path | None, data: Path, as_json: bool) -> None:
    """Tell a device when something begins, wherever it is. The vault must be unlocked: the home signs the device's keys."""
    shown = given(device_file, "device") if device_file else str(click.prompt("What the device shows", err=True))
    made = ask(data, "POST", "/relay/devices", {"device": shown, "name": name})
    emit(made) if as_json else click.echo(f"{made['name']} is told from now on: {made['id']}")


@relay.command("devices", epilog="Example:\n\n  guardian relay devices")
@data_option
@json_option
def devices(data: Path, as_json: bool) -> None:
    """List the devices that are told when something begins."""
    found = ask(data, "GET", "/relay/devices")
    if as_json:
        emit(found)
        return
    for one in found["items"]:
        click.echo(f"{one['id']}  {one['since']}  {one['name']}")


@relay.command("remove-device", epilog="Example:\n\n  guardian relay remove-device 0123456789abcdef0123456789abcdef")
@click.argument("device")
@data_option
@json_option
def remove_device(device: str, data: Path, as_json: bool) -> None:
    """Tell a device nothing more, for good: it comes back with new keys only. The vault must be unlocked."""
    left = ask(data, "DELETE", f"/relay/devices/{quote(device, safe='')}")
    emit(left) if as_json else click.echo("It is told nothing more.")


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
