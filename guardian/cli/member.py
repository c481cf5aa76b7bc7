"""`guardian member list|remove`: who looks, devices that are told and keys that sign are one list here, so that one command takes a
person out.

Each kind stays where it is made (`guardian viewing let-in`, `guardian relay add-device`, `guardian cloud signer add`).
"""

from __future__ import annotations

from pathlib import Path

import click

from guardian.cli._ask import ask
from guardian.cli._output import data_option, emit, json_option
from guardian.cli._secret import passphrase_from, passphrase_option

EXAMPLES = """Examples:

  guardian member list

  guardian member remove Olga
"""
VIEWER, DEVICE, SIGNER = "viewer", "device", "signer"
KINDS = {VIEWER: "looks from afar", DEVICE: "is told when something begins", SIGNER: "signs commands"}
OUT = {VIEWER: "is answered no more", DEVICE: "is told nothing more", SIGNER: "signs nothing more"}
PATHS = {VIEWER: "/viewing/viewers", DEVICE: "/relay/devices", SIGNER: "/cloud/signers"}
LEAST_DIGITS = 8
LEFT = """Whoever knew your own viewing key or passphrase knows them still:
  guardian viewing on                  another viewing key; the one before is good no longer
  guardian vault change-passphrase     and
  guardian vault rotate                new keys for what is recorded from now on"""
NOT_ROTATED = (
    "They are out, but hold keys that open what is recorded from now on, too, if they ever get it: `guardian vault rotate`."
)


@click.group(epilog=EXAMPLES)
def member() -> None:
    """Who looks from afar, who is told of events and who may sign commands, and how a person is taken out."""


@member.command("list", epilog="Example:\n\n  guardian member list")
@data_option
@json_option
def list_members(data: Path, as_json: bool) -> None:
    """List who looks, devices that are told and keys that sign."""
    found = _standing(data)
    if as_json:
        emit({"members": found})
        return
    for one in found:
        click.echo(f"{one['id'][:LEAST_DIGITS]}  {one['since']}  {one['name']}  ({KINDS[one['kind']]})")


@member.command("remove", epilog="Example:\n\n  guardian member remove Olga")
@click.argument("who", nargs=-1, required=True)
@passphrase_option
@click.option("--no-rotate", is_flag=True, help="Make no new key of the vault where somebody who looks is taken out.")
@data_option
@json_option
def remove_members(who: tuple[str, ...], passphrase_file: Path | None, no_rotate: bool, data: Path, as_json: bool) -> None:
    """Take everything of that name out, for good: they are answered no more, their devices told nothing, and their keys sign nothing.

    Who looked has the vault's keys: the vault gets a new one, for which your passphrase is asked, so that nothing that is recorded from
    now on opens for them.

    WHO is a name, which takes all that have it, or the first eight or more digits of an id. The vault must be unlocked.
    """
    from guardian.model.errors import BadRequest

    standing = _standing(data)
    out: list[dict[str, str]] = []
    for each in who:
        mine = [one for one in standing if one["name"] == each] or [
            one for one in standing if len(each) >= LEAST_DIGITS and one["id"].startswith(each)
        ]
        if not mine:
            known = ", ".join(sorted({one["name"] for one in standing})) or "nobody"
            raise BadRequest(f"there is no {each!r}", field="WHO", cure=f"There are: {known}.")
        out += [one for one in mine if one not in out]
    viewers = any(one["kind"] == VIEWER for one in out)
    rotate = viewers and not no_rotate
    passphrase = passphrase_from(passphrase_file) if rotate else ""
    if rotate and not passphrase:
        raise BadRequest("the passphrase is empty", field="--passphrase-file", cure="Give yours, or say --no-rotate.")
    # Who looks goes last: what may be refused (a locked vault) is refused before, and the whole command can be given again.
    for one in sorted(out, key=lambda one: one["kind"] == VIEWER):
        ask(data, "DELETE", f"{PATHS[one['kind']]}/{one['id']}")
        if not as_json:
            click.echo(f"{one['id'][:LEAST_DIGITS]}  {one['name']}: {OUT[one['kind']]}.")
    epoch = _rotated(data, passphrase) if rotate else None
    if as_json:
        emit({"removed": out, "epoch": epoch})
    elif epoch is not None:
        click.echo(f"What comes is sealed to key {epoch}, which they do not have.")
    if viewers and not rotate:
        click.echo(NOT_ROTATED, err=True)
    if not as_json:
        click.echo(LEFT, err=True)


def _rotated(data: Path, passphrase: str) -> int:
    """Make a new key of the vault, and return its number. What went wrong says that they are out all the same."""
    from guardian.model.errors import GuardianError

    try:
        return int(ask(data, "POST", "/vault/rotate", {"passphrase": passphrase})["epoch"])
    except GuardianError as error:
        error.cure = f"{NOT_ROTATED} {error.cure}".strip()
        raise


def _standing(data: Path) -> list[dict[str, str]]:
    """All that are in, the oldest first."""
    looking = ask(data, "GET", "/viewing/viewers")["items"]
    told = ask(data, "GET", "/relay/devices")["items"]
    signers = [one for one in ask(data, "GET", "/cloud")["signers"] if not one["out"]]
    found = [_row(VIEWER, one["id"], one["name"], one["since"] or "") for one in looking]
    found += [_row(DEVICE, one["id"], one["name"], one["since"]) for one in told]
    found += [_row(SIGNER, one["member"], one["name"], one["added"]) for one in signers]
    return sorted(found, key=lambda one: one["since"])


def _row(kind: str, id_: str, name: str, since: str) -> dict[str, str]:
    return {"kind": kind, "id": id_, "name": name, "since": since}
