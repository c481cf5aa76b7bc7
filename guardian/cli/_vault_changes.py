"""`guardian vault change-passphrase|rotate|recovery-code|recover|verify`: through the Guardian that runs, whose keyring must
stay true, or under the data folder's lock where none does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardian.cli._output import data_option, emit, json_option
from guardian.cli._recovery_page import show_code
from guardian.cli._secret import (
    SecretFile,
    given,
    new_passphrase_from,
    only_one_from_stdin,
    passphrase_from,
    passphrase_option,
)

if TYPE_CHECKING:
    from guardian.vault.keyring import Keyring

OLD_COPIES = (
    "Copies of vault.json that were made before open as they did; `guardian vault rotate` keeps what comes from them."
)
new_passphrase_option = click.option(
    "--new-passphrase-file", type=SecretFile, help="File that holds the new passphrase; - for standard input."
)
code_option = click.option("--code-file", type=SecretFile, help="File that holds the recovery code; - for standard input.")


@click.command(
    "change-passphrase",
    epilog="Examples:\n\n  guardian vault change-passphrase\n\n  guardian vault change-passphrase --passphrase-file old --new-passphrase-file new",
)
@passphrase_option
@new_passphrase_option
@data_option
@json_option
def change_passphrase(passphrase_file: Path | None, new_passphrase_file: Path | None, data: Path, as_json: bool) -> None:
    """Set another passphrase. The old one opens nothing any more; the recovery code stays good."""
    only_one_from_stdin(passphrase_file=passphrase_file, new_passphrase_file=new_passphrase_file)
    url = _running(data)
    old = passphrase_from(passphrase_file)
    new = new_passphrase_from(new_passphrase_file, "new-passphrase")
    body = {"passphrase": old, "new_passphrase": new}
    _change(data, url, "change-passphrase", body, lambda ring: ring.change_passphrase(old, new))
    if as_json:
        emit({"running": url is not None, "changed": True})
        return
    click.echo("The passphrase is changed.")
    click.echo(f"Where Guardian unlocks by a file or credential at start, put the new one there. {OLD_COPIES}", err=True)


@click.command("rotate", epilog="Example:\n\n  guardian vault rotate")
@passphrase_option
@data_option
@json_option
def rotate(passphrase_file: Path | None, data: Path, as_json: bool) -> None:
    """Make a new key pair, to which all that comes is sealed, from each camera's next segment on. Older footage still opens."""
    url = _running(data)
    passphrase = passphrase_from(passphrase_file)

    def here(ring: Keyring) -> dict[str, Any]:
        return {"epoch": ring.rotate(passphrase, now_us=_now_us())}

    answer = _change(data, url, "rotate", {"passphrase": passphrase}, here)
    if as_json:
        emit({"running": url is not None, "epoch": answer["epoch"]})
    else:
        click.echo(f"What comes is sealed to key {answer['epoch']}; older footage still opens.")


@click.command(
    "recovery-code",
    epilog="Examples:\n\n  guardian vault recovery-code\n\n  guardian vault recovery-code --page recovery.html",
)
@passphrase_option
@click.option(
    "--page", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to print, which is a key itself."
)
@data_option
@json_option
def recovery_code(passphrase_file: Path | None, page: Path | None, data: Path, as_json: bool) -> None:
    """Make a recovery code and show it, this once. The one before opens nothing any more."""
    from guardian.cli._recovery_page import check_page

    check_page(page, data)
    url = _running(data)
    passphrase = passphrase_from(passphrase_file)

    def here(ring: Keyring) -> dict[str, Any]:
        return {"recovery_code": ring.make_recovery_code(passphrase, now_us=_now_us())}

    code = _change(data, url, "recovery-code", {"passphrase": passphrase}, here)["recovery_code"]
    show_code(code, page, {"running": url is not None} if as_json else None)


@click.command(
    "recover",
    epilog="Examples:\n\n  guardian vault recover\n\n  guardian vault recover --code-file code --new-passphrase-file new",
)
@code_option
@new_passphrase_option
@data_option
@json_option
def recover(code_file: Path | None, new_passphrase_file: Path | None, data: Path, as_json: bool) -> None:
    """Set a new passphrase with the recovery code, when the old one is lost. A running Guardian is unlocked, too."""
    from guardian.vault.passphrase import wipe
    from guardian.vault.recovery_code import parse_code

    only_one_from_stdin(code_file=code_file, new_passphrase_file=new_passphrase_file)
    url = _running(data)
    code = _code(code_file)
    wipe(parse_code(code))  # a slip is said before more is asked
    new = new_passphrase_from(new_passphrase_file, "new-passphrase")

    def here(ring: Keyring) -> None:
        ring.recover(code, new)
        ring.lock()

    _change(data, url, "recover", {"recovery_code": code, "new_passphrase": new}, here)
    if as_json:
        emit({"running": url is not None, "recovered": True})
        return
    click.echo("The new passphrase is set.")
    click.echo(f"The recovery code stays good; `guardian vault recovery-code` makes another. {OLD_COPIES}", err=True)


@click.command("verify", epilog="Examples:\n\n  guardian vault verify\n\n  guardian vault verify --code-file code --json")
@passphrase_option
@code_option
@data_option
@json_option
def verify(passphrase_file: Path | None, code_file: Path | None, data: Path, as_json: bool) -> None:
    """Check that the passphrase, or the recovery code, opens every key and some files of each. Exits with 1 where it does not."""
    only_one_from_stdin(passphrase_file=passphrase_file, code_file=code_file)
    url = _running(data)
    code = given(code_file, "code") if code_file is not None else ""
    passphrase = "" if code_file is not None and passphrase_file is None else passphrase_from(passphrase_file)

    def here(ring: Keyring) -> dict[str, Any]:
        return _verified(ring, passphrase, code, data)

    answer = _change(data, url, "verify", {"passphrase": passphrase, "recovery_code": code}, here, locked=False)
    if as_json:
        emit({"running": url is not None} | answer)
    else:
        for one in answer["epochs"]:
            click.echo(f"key {one['epoch']}, made {one['created']}: opens, and {one['files_opened']} files that were tried")
            for fault in one["faults"]:
                click.secho(f"  {fault}", fg="red")
    if not answer["whole"]:
        raise SystemExit(1)


def _verified(ring: Keyring, passphrase: str, code: str, data: Path) -> dict[str, Any]:
    from guardian.model.errors import BadRequest
    from guardian.model.time import to_rfc3339
    from guardian.vault.sample import check_epochs

    if passphrase and code:
        raise BadRequest("give the passphrase or the recovery code", field="--code-file", cure="One of them, not both.")
    ring.unlock_with_code(code) if code else ring.unlock(passphrase)
    found = check_epochs(ring, data)
    ring.lock()
    epochs = [
        {"epoch": one.number, "created": to_rfc3339(one.created_us), "files_opened": one.opened, "faults": list(one.faults)}
        for one in found
    ]
    return {"whole": not any(one.faults for one in found), "epochs": epochs}


def _running(data: Path) -> str | None:
    """Return the address of the Guardian that runs, after a look at the vault, so that nothing is asked for in vain."""
    from guardian.cli._client import running_url
    from guardian.vault.keyring import Keyring

    Keyring.load(data / "vault")
    return running_url(data)


def _change(
    data: Path,
    url: str | None,
    what: str,
    body: dict[str, str],
    here: Callable[[Keyring], dict[str, Any] | None],
    *,
    locked: bool = True,
) -> dict[str, Any]:
    """Ask the running Guardian, or do it `here`, under the folder's lock unless nothing is changed."""
    from contextlib import nullcontext

    from guardian.cli._client import call
    from guardian.model.errors import BadRequest
    from guardian.platform.lock import exclusive
    from guardian.vault.keyring import Keyring

    if url is not None:
        return call(data, url, "POST", f"/api/v1/vault/{what}", {name: value for name, value in body.items() if value})
    try:
        with exclusive(data) if locked else nullcontext():
            return here(Keyring.load(data / "vault")) or {}
    except OSError as error:
        raise BadRequest(
            f"the vault in {data} cannot be changed: {error.strerror}",
            field="--data",
            cure="Call it as the user that Guardian runs as.",
        ) from error


def _code(file: Path | None) -> str:
    return given(file, "code") if file is not None else str(click.prompt("Recovery code", hide_input=True, err=True))


def _now_us() -> int:
    from guardian.platform.clock import SystemClock

    return SystemClock().now().utc_us
