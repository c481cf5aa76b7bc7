"""A passphrase, password or code from the keyboard, a file or standard input: never from the command line, which others can read."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from guardian.model.errors import BadRequest

SecretFile = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
passphrase_option = click.option(
    "--passphrase-file", type=SecretFile, help="File that holds the passphrase; - for standard input."
)


def given(file: Path, what: str) -> str:
    """Return the text of a file (`-`: standard input) without its line end. `what`: passphrase, password; for errors."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadRequest(f"the {what} is no UTF-8 text", field=f"--{what}-file", cure="Save it as UTF-8.") from None


def passphrase_from(file: Path | None) -> str:
    """Return the passphrase of a file, or ask for it."""
    return given(file, "passphrase") if file is not None else str(click.prompt("Passphrase", hide_input=True, err=True))


def new_passphrase_from(file: Path | None, what: str = "passphrase") -> str:
    """Return a new passphrase that is long enough, from a file or typed twice."""
    from guardian.vault.passphrase import check_passphrase

    passphrase = given(file, what) if file is not None else _asked_twice(what.replace("-", " "))
    check_passphrase(passphrase)
    return passphrase


def only_one_from_stdin(**files: Path | None) -> None:
    """BadRequest where two secrets are to come from standard input."""
    dashed = [f"--{name.replace('_', '-')}" for name, file in files.items() if str(file) == "-"]
    if len(dashed) > 1:
        raise BadRequest(f"{' and '.join(dashed)} cannot both be -", field=dashed[1], cure="Give one of them as a file.")


def _asked_twice(what: str) -> str:
    click.echo("Choose a passphrase: five or six random words are good.", err=True)
    return str(click.prompt(what.capitalize(), hide_input=True, confirmation_prompt="The same again", err=True))
