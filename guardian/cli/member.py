"""`guardian member list|remove`: devices that are told and keys that sign are one list here, so that one command takes a person out.

The home signs a statement for each; both kinds stay where they are made (`guardian relay add-device`, `guardian cloud signer add`).
"""

from __future__ import annotations

from pathlib import Path

import click

from guardian.cli._ask import ask
from guardian.cli._output import data_option, emit, json_option

EXAMPLES = """Examples:

  guardian member list

  guardian member remove Olga
"""
DEVICE, SIGNER = "device", "signer"
KINDS = {DEVICE: "is told when something begins", SIGNER: "signs commands"}
LEAST_DIGITS = 8
LEFT = """Whoever knew the viewing key or the passphrase knows them still:
  guardian viewing on                  another viewing key; theirs is good no longer
  guardian vault change-passphrase     and
  guardian vault rotate                new keys for what is recorded from now on"""


@click.group(epilog=EXAMPLES)
def member() -> None:
    """Who is told of events and who may sign commands, and how a person is taken out."""


@member.command("list", epilog="Example:\n\n  guardian member list")
@data_option
@json_option
def list_members(data: Path, as_json: bool) -> None:
    """List devices that are told and keys that sign."""
    found = _standing(data)
    if as_json:
        emit({"members": found})
        return
    for one in found:
        click.echo(f"{one['id'][:LEAST_DIGITS]}  {one['since']}  {one['name']}  ({KINDS[one['kind']]})")


@member.command("remove", epilog="Example:\n\n  guardian member remove Olga")
@click.argument("who", nargs=-1, required=True)
@data_option
@json_option
def remove_members(who: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Take everything of that name out, for good: its devices are told nothing more, and its keys sign nothing more.

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
    for one in out:
        ask(data, "DELETE", f"/relay/devices/{one['id']}" if one["kind"] == DEVICE else f"/cloud/signers/{one['id']}")
        if not as_json:
            click.echo(
                f"{one['id'][:LEAST_DIGITS]}  {one['name']}: {'is told' if one['kind'] == DEVICE else 'signs'} nothing more."
            )
    if as_json:
        emit({"removed": out})
    else:
        click.echo(LEFT, err=True)


def _standing(data: Path) -> list[dict[str, str]]:
    """All that are in, the oldest first."""
    told = ask(data, "GET", "/relay/devices")["items"]
    signers = [one for one in ask(data, "GET", "/cloud")["signers"] if not one["out"]]
    found = [_row(DEVICE, one["id"], one["name"], one["since"]) for one in told]
    found += [_row(SIGNER, one["member"], one["name"], one["added"]) for one in signers]
    return sorted(found, key=lambda one: one["since"])


def _row(kind: str, id_: str, name: str, since: str) -> dict[str, str]:
    return {"kind": kind, "id": id_, "name": name, "since": since}
