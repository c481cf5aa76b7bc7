"""`guardian cloud sign|status`. Guardian must run: it holds the home's key and the link."""

from __future__ import annotations

import base64
import json
import re
import uuid
from pathlib import Path
from typing import Any

import click

from guardian.cli._ask import ask
from guardian.cli._output import data_option, emit, json_option
from guardian.cli._secret import SecretFile, given
from guardian.model.command import Wish
from guardian.model.time import to_rfc3339
from guardian.platform.files import replace_file

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
@click.option(
    "--key", "key_file", type=SecretFile, help="Sign away from home, with the key file of a signer; - for standard input."
)
@data_option
@json_option
def sign(setting: str, value: str, camera: str | None, valid: str, key_file: Path | None, data: Path, as_json: bool) -> None:
    """Sign a change of a setting and print it as one line of text. The vault must be unlocked; nothing changes yet.

    With the key file of a signer (`guardian cloud signer add`) it is signed on any machine, without Guardian running there.

    Paste the text into the console of your cloud, or send it by its API: the home does it once, until it expires. Whoever has the text
    can have that done, and nothing else. `guardian cloud status` lists what can be set.
    """
    body = {"setting": setting, "value": _value(value), "camera": camera, "valid_s": _seconds(valid)}
    if key_file is not None:
        made = signed_away(given(key_file, "key"), Wish(setting, _value(value), camera or ""), _seconds(valid))
    else:
        made = ask(data, "POST", "/cloud/commands", body)
    if as_json:
        emit(made | {"setting": setting, "value": body["value"], "camera": camera})
        return
    click.echo(f"Good until {made['expires']}:", err=True)
    click.echo(made["message"])


@cloud.group("signer", epilog="Example:\n\n  guardian cloud signer add laptop --out laptop.key")
def signer() -> None:
    """Keys that sign commands away from home."""


@signer.command("add", epilog="Example:\n\n  guardian cloud signer add laptop --out laptop.key")
@click.argument("name")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write the key to.")
@data_option
@json_option
def add_signer(name: str, out: Path, data: Path, as_json: bool) -> None:
    """Make a key that signs commands away from home, and write it to a file, this once. The vault must be unlocked.

    Take the file to the machine that you sign on, and delete it here. Whoever has it can have done what `guardian cloud sign` does.
    """
    if out.exists():
        raise click.BadParameter(f"{out} is there already", param_hint="--out")
    made = ask(data, "POST", "/cloud/signers", {"name": name})
    replace_file(out, json.dumps(made, indent=1).encode() + b"\n")
    if as_json:
        emit({"member": made["member"], "name": made["name"], "file": str(out)})
    else:
        click.echo(f"{out} signs for this home until you take it out: guardian cloud signer remove {made['member'][:8]}")


@signer.command("list", epilog="Example:\n\n  guardian cloud signer list")
@data_option
@json_option
def list_signers(data: Path, as_json: bool) -> None:
    """List the keys that may sign, and those that may no longer."""
    found = ask(data, "GET", "/cloud")["signers"]
    if as_json:
        emit({"signers": found})
        return
    for one in found:
        click.echo(f"{one['member'][:8]}  {one['added']}  {one['name']}{'  (out)' if one['out'] else ''}")


@signer.command("remove", epilog="Example:\n\n  guardian cloud signer remove 3f9a21c0")
@click.argument("member")
@data_option
@json_option
def remove_signer(member: str, data: Path, as_json: bool) -> None:
    """Take a key out, for good: by the first digits of its id, or by its name. The vault must be unlocked."""
    from guardian.model.errors import BadRequest

    standing = [one for one in ask(data, "GET", "/cloud")["signers"] if not one["out"]]
    found = [one for one in standing if one["name"] == member or (len(member) >= 4 and one["member"].startswith(member))]
    if len(found) != 1:
        known = ", ".join(f"{one['member'][:8]} ({one['name']})" for one in standing) or "none"
        raise BadRequest(f"{member!r} is no signer, or several", field="MEMBER", cure=f"There are: {known}.")
    ask(data, "DELETE", f"/cloud/signers/{found[0]['member']}")
    if as_json:
        emit(found[0] | {"out": True})
    else:
        click.echo(f"{found[0]['name']} signs for this home no longer.")


@cloud.command("status", epilog="Example:\n\n  guardian cloud status --json")
@data_option
@json_option
def status(data: Path, as_json: bool) -> None:
    """Say what was asked of this home from afar since the start, what became of it, and what may be set."""
    found = ask(data, "GET", "/cloud")
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


def signed_away(text: str, wish: Wish, valid_s: float) -> dict[str, Any]:
    """Return a command that a signer's key file has signed."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from guardian.model.errors import BadRequest
    from guardian.platform.clock import SystemClock, new_id
    from guardian.protocol.commands import COMMAND_CONTEXT, SET, make_body, make_command

    try:
        key = json.loads(text)
        home, member = bytes.fromhex(key["home"]), bytes.fromhex(key["member"])
        signing, cameras = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key["signing_key"])), dict(key["cameras"])
    except (ValueError, KeyError, TypeError):
        raise BadRequest(
            "this is no key file of a signer", field="--key", cure="Make one at home: guardian cloud signer add."
        ) from None
    if wish.camera and wish.camera not in cameras and wish.camera not in cameras.values():
        raise BadRequest(
            f"the key file knows no camera {wish.camera!r}",
            field="--camera",
            cure=f"It knows: {', '.join(cameras) or 'none'}.",
        )
    clock = SystemClock()
    now_ms = clock.now().utc_us // 1000
    name, expires_ms = new_id(clock), now_ms + round(valid_s * 1000)
    opaque = bytes.fromhex(cameras.get(wish.camera, wish.camera))
    raw = make_command(
        uuid.UUID(name).bytes,
        SET,
        home,
        now_ms,
        expires_ms,
        make_body(wish, opaque),
        lambda signed: signing.sign(COMMAND_CONTEXT + signed),
        member,
    )
    return {"command": name, "message": base64.b64encode(raw).decode(), "expires": to_rfc3339(expires_ms * 1000)}
