"""`guardian restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guardian.cli._output import data_option, emit, json_option
from guardian.cli._secret import SecretFile, given, passphrase_from

if TYPE_CHECKING:
    from guardian.services.restore import Restored
    from guardian.vault.keyring import Keyring

EXAMPLES = (
    "Examples:\n\n  guardian restore /media/stick/guardian.pgb --data /srv/guardian\n\n"
    "  guardian restore guardian.pgb --code-file code --force"
)


@click.command(epilog=EXAMPLES)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--passphrase-file", type=SecretFile, help="File that holds the passphrase; - for standard input.")
@click.option("--code-file", type=SecretFile, help="File that holds the recovery code; - for standard input.")
@click.option("--force", is_flag=True, help="Put a data folder that is not empty aside, under another name.")
@data_option
@json_option
def restore(
    file: Path, passphrase_file: Path | None, code_file: Path | None, force: bool, data: Path, as_json: bool
) -> None:
    """Make the data folder from FILE, which `guardian backup` wrote. All of it is checked before anything changes.

    It asks for the passphrase of the time of the backup.
    """
    from guardian.model.errors import BadRequest
    from guardian.services.restore import restore as restore_data

    if passphrase_file is not None and code_file is not None:
        raise BadRequest("give the passphrase or the recovery code", field="--code-file", cure="One of them, not both.")

    def unlock(keyring: Keyring) -> None:
        if code_file is not None:
            keyring.unlock_with_code(given(code_file, "code"))
        else:
            keyring.unlock(passphrase_from(passphrase_file))

    done = restore_data(file, data.absolute(), unlock, force=force)
    if as_json:
        before = str(done.before) if done.before is not None else None
        emit(
            {"data": str(data), "created": done.created, "version": done.version, "members": done.members, "before": before}
        )
    else:
        _say_what_next(done, data, by_code=code_file is not None)


def _say_what_next(done: Restored, data: Path, *, by_code: bool) -> None:
    click.echo(f"{data} is as it was at {done.created} (Guardian {done.version}): {done.members} files.")
    old = "the old data folder"
    if done.before is not None:
        old = str(done.before)
        click.echo(f"What was there is kept in {done.before}.")
    click.echo("What to do next:")
    steps = [
        f"Copy segments/, pictures/ and models/ of {old} to {data}, where you have them.",
        "`guardian index rebuild`, so that the index fits what is there.",
        "`guardian config check`: files that the settings name (passphrase file, `file:` secrets) are not in a backup.",
        "`guardian run`. Users log in as before.",
    ]
    if by_code:
        steps.insert(0, "`guardian vault recover` sets a new passphrase.")
    for number, step in enumerate(steps, start=1):
        click.echo(f"  {number}. {step}")
