"""`guardian cloud sign|status`. Guardian must run: it holds the home's key and the link."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from guardian.cli._output import data_option, emit, json_option

EXAMPLES = """Examples:

  guardian cloud sign enabled false --camera front

  guardian cloud sign detect.min_score 0.6 --camera front --valid 10m

  guardian cloud status
"""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@click.group(epilog=EXAMPLES)
def cloud() -> None:
    """Sign what a cloud may have done at home, and see what it asked."""


def _value(text: str) -> bool | float | None:
    if text == "none":
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, bool | int | float):
        return value
    raise click.BadParameter("write true, false, none or a number", param_hint="VALUE")


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if found is None:
        raise click.BadParameter("write it like 90s, 10m, 2h or 7d", param_hint="--valid")
    return float(found[1]) * UNITS[found[2]]


@cloud.command("sign", epilog="Example:\n\n  guardian cloud sign enabled false --camera front --valid 1h")
@click.argument("setting")
@click.argument("value")
@click.option("--camera", help="Whose setting; without it, the house's.")
@click.option("--valid", default="1h", show_default=True, help="How long the command is good, such as 10m, 2h or 7d.")
@data_option
@json_option
def sign(setting: str, value: str, camera: str | None, valid: str, data: Path, as_json: bool) -> None:
    """Sign a change of a setting and print it as one line of text. The vault must be unlocked; nothing changes yet.

    Paste the text into the console of your cloud, or send it by its API: the home does it once, until it expires. Whoever has the text
    can have that done, and nothing else. `guardian cloud status` lists what can be set.
    """
    body = {"setting": setting, "value": _value(value), "camera": camera, "valid_s": _seconds(valid)}
    made = _ask(data, "POST", "/cloud/commands", body)
    if as_json:
        emit(made | {"setting": setting, "value": body["value"], "camera": camera})
        return
    click.echo(f"Good until {made['expires']}:", err=True)
    click.echo(made["message"])


@cloud.command("status", epilog="Example:\n\n  guardian cloud status --json")
@data_option
@json_option
def status(data: Path, as_json: bool) -> None:
    """Say what was asked of this home from afar since the start, what became of it, and what may be set."""
    found = _ask(data, "GET", "/cloud")
    if as_json:
        emit(found)
        return
    click.echo(
        "The cloud is told how the home is, and may ask." if found["sync"] else "No cloud sync: nothing is told or taken."
    )
    click.echo(f"{'Relay:':16}{found['relay']}")
    click.echo(f"{'Home:':16}{found['home']}")
    for name, meaning in found["of_camera"].items():
        click.echo(f"{'Of a camera:':16}{name:24}{meaning}")
    for name, meaning in found["of_house"].items():
        click.echo(f"{'Of the house:':16}{name:24}{meaning}")
    for one in found["commands"]:
        wish = (
            f" {one['setting']} = {one['value']}" + (f" of {one['camera']}" if one["camera"] else "")
            if one["setting"]
            else ""
        )
        ended = "done" if one["ok"] else f"refused ({one['code']}): {one['message']}"
        click.echo(f"{one['at']}  {one['verb']}{wish}  {'signed' if one['signed'] else 'unsigned'}  {ended}")


def _ask(data: Path, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    from guardian.cli._client import call, running_url
    from guardian.model.errors import ServiceUnavailable

    url = running_url(data)
    if url is None:
        raise ServiceUnavailable("Guardian does not run", cure="Start it: `guardian run`.")
    return call(data, url, method, f"/api/v1{path}", body)
