"""`guardian token create|list|revoke`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardian.cli._output import data_option, emit, json_option

if TYPE_CHECKING:
    from guardian.model.views import TokenInfo
    from guardian.services.accounts import AccountService

DEFAULT_USER = "owner"


@click.group(epilog="Examples:\n\n  guardian token create phone\n\n  guardian token list\n\n  guardian token revoke ID")
def token() -> None:
    """Make and revoke API tokens. Guardian may run or not."""


@token.command("create", epilog="Example:\n\n  guardian token create 'home assistant'")
@click.argument("name")
@click.option("--user", default=None, help="User it acts for [default: the first user].")
@data_option
@json_option
def create(name: str, user: str | None, data: Path, as_json: bool) -> None:
    """Make a token called NAME; it is shown this once."""
    made, secret = asyncio.run(_create(data, name, user))
    if as_json:
        emit({**_shown(made), "token": secret})
    else:
        click.echo("Use it as `Authorization: Bearer ...`. It is not shown again:", err=True)
        click.echo(secret)


@token.command("list")
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:
    """List tokens, without their secrets."""
    items = [_shown(one) for one in asyncio.run(_list(data))]
    if as_json:
        emit({"items": items, "next": None})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for column in ("Id", "Name", "User", "Made", "Last used"):
        table.add_column(column, min_width=36 if column == "Id" else None)  # whole: revoke wants it
    for item in items:
        table.add_row(item["id"], item["name"], item["user"], item["created"], item["last_used"] or "never")
    Console().print(table)


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@data_option
@json_option
def revoke(token_id: str, data: Path, as_json: bool) -> None:
    """End the token with this ID (see `guardian token list`)."""
    asyncio.run(_revoke(data, token_id))
    if as_json:
        emit({"id": token_id, "revoked": True})
    else:
        click.echo("It does not work any more.")


def _shown(info: TokenInfo) -> dict[str, Any]:
    from guardian.model.time import to_rfc3339

    return {
        "id": info.id,
        "name": info.name,
        "user": info.user,
        "created": to_rfc3339(info.created_us),
        "last_used": to_rfc3339(info.last_used_us) if info.last_used_us else None,
    }


@asynccontextmanager
async def accounts_of(data: Path) -> AsyncIterator[AccountService]:
    """Open the accounts in the index of a data folder."""
    from guardian.index.engine import INDEX_NAME, open_index
    from guardian.platform.clock import SystemClock
    from guardian.services.accounts import AccountService

    index = await open_index(data / INDEX_NAME)
    try:
        yield AccountService(index, SystemClock())
    finally:
        await index.close()


async def _create(data: Path, name: str, user: str | None) -> tuple[TokenInfo, str]:
    from guardian.model.errors import NotFound

    async with accounts_of(data) as accounts:
        users = await accounts.users()
        if user is not None and user not in users:
            known = ", ".join(users) or "none yet"
            raise NotFound(f"there is no user {user!r}", field="user", cure=f"Users: {known}.")
        return await accounts.create_token(user or next(iter(users), DEFAULT_USER), name)


async def _list(data: Path) -> tuple[TokenInfo, ...]:
    async with accounts_of(data) as accounts:
        return await accounts.list_tokens()


async def _revoke(data: Path, token_id: str) -> None:
    async with accounts_of(data) as accounts:
        await accounts.revoke_token(token_id)
