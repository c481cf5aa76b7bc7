"""`guardian user list|create|password`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from guardian.cli._output import data_option, emit, json_option
from guardian.cli._secret import given
from guardian.cli.token import accounts_of

EXAMPLES = """Examples:

  guardian user list

  guardian user password owner

  pass show guardian-web | guardian user create anna --password-file -
"""
Source = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
password_option = click.option("--password-file", type=Source, help="File that holds the password; - for standard input.")


@click.group(epilog=EXAMPLES)
def user() -> None:
    """Users of the web page. Guardian may run or not. A password opens the page, only the passphrase opens footage."""


@user.command("list", epilog="Example:\n\n  guardian user list")
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:
    """List users."""
    names = asyncio.run(_names(data))
    if as_json:
        emit({"items": [{"name": name} for name in names], "next": None})
    else:
        click.echo("\n".join(names) or "There is no user yet: the first start of `guardian run` makes one.")


@user.command("create", epilog="Example:\n\n  guardian user create anna")
@click.argument("name")
@password_option
@data_option
@json_option
def create(name: str, password_file: Path | None, data: Path, as_json: bool) -> None:
    """Make a user called NAME."""
    asyncio.run(_create(data, name, _new_password(password_file)))
    _say(name, as_json, "made")


@user.command("password", epilog="Example:\n\n  guardian user password owner")
@click.argument("name")
@password_option
@data_option
@json_option
def password(name: str, password_file: Path | None, data: Path, as_json: bool) -> None:
    """Set a new password for the user NAME, who is logged out everywhere."""
    asyncio.run(_set_password(data, name, _new_password(password_file)))
    _say(name, as_json, "changed")


def _new_password(file: Path | None) -> str:
    if file is not None:
        return given(file, "password")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True))


def _say(name: str, as_json: bool, done: str) -> None:
    if as_json:
        emit({"name": name, done: True})
    else:
        click.echo(f"User {name}: {done}.")


async def _names(data: Path) -> tuple[str, ...]:
    async with accounts_of(data) as accounts:
        return await accounts.users()


async def _create(data: Path, name: str, secret: str) -> None:
    async with accounts_of(data) as accounts:
        await accounts.create_user(name, secret)


async def _set_password(data: Path, name: str, secret: str) -> None:
    async with accounts_of(data) as accounts:
        await accounts.set_password(name, secret)
