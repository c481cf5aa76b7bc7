"""`guardian vault init|status|unlock|lock`, and what changes keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from guardian.cli._output import data_option, emit, json_option
from guardian.cli._recovery_page import check_page, show_code
from guardian.cli._secret import SecretFile as Source
from guardian.cli._secret import new_passphrase_from, passphrase_from
from guardian.cli._vault_changes import change_passphrase, recover, recovery_code, rotate, verify
from guardian.model.errors import GuardianError

EXAMPLES = """Examples:

  guardian vault init

  guardian vault status

  guardian vault unlock --passphrase-file /run/credentials/guardian
"""
LOST = "Without passphrase and recovery code the footage is lost: nobody else can open it, not even we."


@click.group(epilog=EXAMPLES)
def vault() -> None:
    """Make, show, unlock and lock the vault, which footage is sealed to."""


for command in (change_passphrase, rotate, recovery_code, recover, verify):
    vault.add_command(command)


@vault.command("init", epilog="Examples:\n\n  guardian vault init\n\n  guardian vault init --generate")
@click.option("--passphrase-file", type=Source, help="File that holds the passphrase; - for standard input.")
@click.option("--generate", is_flag=True, help="Make a passphrase of random words and print it, this once.")
@click.option("--no-recovery", is_flag=True, help="Make no recovery code: the passphrase alone opens the footage.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Write the recovery code as a page to print.")
@data_option
@json_option
def init(
    passphrase_file: Path | None, generate: bool, no_recovery: bool, page: Path | None, data: Path, as_json: bool
) -> None:
    """Make the vault: a key pair whose private half only the passphrase opens, and the recovery code, which is shown this once."""
    from guardian.model.errors import BadRequest
    from guardian.platform.clock import SystemClock
    from guardian.vault.passphrase import generate_passphrase

    _refuse_second(data)
    if generate and passphrase_file is not None:
        raise BadRequest("--generate and --passphrase-file exclude each other", field="--generate", cure="Give one of them.")
    if no_recovery and page is not None:
        raise BadRequest("--no-recovery and --page exclude each other", field="--page", cure="Give one of them.")
    check_page(page, data)
    passphrase = generate_passphrase() if generate else new_passphrase_from(passphrase_file)
    epoch, code = _create(data, passphrase, SystemClock().now().utc_us, recovery=not no_recovery)
    value = {"data": str(data), "epoch": epoch} | ({"passphrase": passphrase} if generate else {})
    if not as_json:
        click.echo(f"The vault is in {data / 'vault'}.", err=True)
        if generate:
            click.echo("Write down the passphrase; it is not shown again:", err=True)
            click.echo(passphrase)
    if code:
        show_code(code, page, value if as_json else None)
    elif as_json:
        emit(value)
    if not as_json:
        click.echo(LOST, err=True)


@vault.command("status", epilog="Example:\n\n  guardian vault status --json")
@data_option
@json_option
def status(data: Path, as_json: bool) -> None:
    """Say whether there is a vault, and whether the Guardian that runs has it open."""
    from guardian.cli._client import call, running_url
    from guardian.vault.hpke import KEM_NAME
    from guardian.vault.keyring import Keyring

    exists = Keyring.exists(data / "vault")
    url = running_url(data) if exists else None
    answer = call(data, url, "GET", "/api/v1/vault") if url else {"unlocked": False}
    value: dict[str, Any] = {"exists": exists, "running": url is not None, "unlocked": bool(answer["unlocked"])}
    if exists:
        keyring = Keyring.load(data / "vault")
        value |= {"epoch": keyring.epoch, "kem": KEM_NAME, "created": _time(keyring.created_us)}
        made_us = keyring.recovery_created_us
        value["recovery_created"] = _time(made_us) if made_us is not None else None
        value["evidence_key"] = _evidence_key(data)
    if as_json:
        emit(value)
    elif not exists:
        click.echo(f"There is no vault in {data}. Make one: guardian vault init")
    else:
        state = "unlocked" if value["unlocked"] else "locked"
        click.secho(f"The vault is {state}.", bold=True)
        click.echo(f"Made {value['created']}, key {value['epoch']} ({value['kem']}).")
        click.echo(
            f"Recovery code of {value['recovery_created']}."
            if value["recovery_created"]
            else "It has no recovery code: `guardian vault recovery-code` makes one."
        )
        if value["evidence_key"]:
            click.echo(f"Evidence is signed with the key {value['evidence_key']}.")
        if url is None:
            click.echo("Guardian does not run on this data folder, so nothing has it open.")


def _evidence_key(data: Path) -> str:
    from guardian.services.verify import key_of
    from guardian.vault.notary import FILE

    try:
        return key_of(str(data / "vault" / FILE))
    except GuardianError:  # there is none yet
        return ""


@vault.command(
    "unlock",
    epilog="Examples:\n\n  guardian vault unlock\n\n  pass show guardian | guardian vault unlock --passphrase-file -",
)
@click.option("--passphrase-file", type=Source, help="File that holds the passphrase; - for standard input.")
@data_option
@json_option
def unlock(passphrase_file: Path | None, data: Path, as_json: bool) -> None:
    """Have the running Guardian open the vault, so that footage can be watched. Where none runs, check the passphrase."""
    from guardian.cli._client import call, running_url
    from guardian.vault.keyring import Keyring

    keyring = Keyring.load(data / "vault")
    url = running_url(data)
    passphrase = passphrase_from(passphrase_file)
    if url is None:
        keyring.unlock(passphrase)
        keyring.lock()
        _say(as_json, {"running": False, "unlocked": False, "passphrase_right": True}, "The passphrase is right.")
        if not as_json:
            click.echo("Guardian does not run on this data folder, so there is nothing to unlock.", err=True)
        return
    answer = call(data, url, "POST", "/api/v1/vault/unlock", {"passphrase": passphrase})
    _say(as_json, {"running": True, "unlocked": bool(answer["unlocked"])}, "The vault is unlocked.")


@vault.command("lock", epilog="Example:\n\n  guardian vault lock")
@data_option
@json_option
def lock(data: Path, as_json: bool) -> None:
    """Have the running Guardian forget the key. Recording goes on."""
    from guardian.cli._client import call, running_url
    from guardian.vault.keyring import Keyring

    Keyring.load(data / "vault")
    url = running_url(data)
    if url is not None:
        call(data, url, "POST", "/api/v1/vault/lock", {})
    _say(as_json, {"running": url is not None, "unlocked": False}, "The vault is locked.")


def _say(as_json: bool, value: dict[str, Any], words: str) -> None:
    if as_json:
        emit(value)
    else:
        click.echo(words)


def _time(at_us: int) -> str:
    from guardian.model.time import to_rfc3339

    return to_rfc3339(at_us)


def _refuse_second(data: Path) -> None:
    """Ask for nothing where a vault is: making another would lose the footage."""
    from guardian.model.errors import Conflict
    from guardian.vault.keyring import Keyring

    if Keyring.exists(data / "vault"):
        raise Conflict(
            f"there is a vault in {data / 'vault'} already",
            field="--data",
            cure="Its passphrase opens the footage; keep it.",
        )


def _create(data: Path, passphrase: str, now_us: int, *, recovery: bool) -> tuple[int, str]:
    """Make the vault and return its epoch and recovery code. Under the folder's lock: of two made at once, one would lose its footage."""
    from guardian.model.errors import BadRequest
    from guardian.platform.files import make_private_dir
    from guardian.platform.lock import exclusive
    from guardian.vault.keyring import Keyring

    try:
        make_private_dir(data)
        with exclusive(data):
            keyring = Keyring.create(data / "vault", passphrase, now_us=now_us)
            code = keyring.make_recovery_code(passphrase, now_us=now_us) if recovery else ""
    except OSError as error:
        raise BadRequest(
            f"no vault can be made in {data}: {error.strerror}",
            field="--data",
            cure="Choose a folder that you may write to.",
        ) from error
    keyring.lock()
    return keyring.epoch, code
