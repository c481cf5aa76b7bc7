"""Shows a recovery code, once, and writes it as a page to print."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from guardian.cli._output import emit
from guardian.model.errors import BadRequest, Conflict


def check_page(page: Path | None, data: Path) -> None:
    """Refuse a place for the page before a code is made: afterwards the old one would be ended for nothing."""
    if page is None:
        return
    if page.exists():
        raise Conflict(f"{page} is there already", field="--page", cure="Choose another name.")
    if not page.absolute().parent.is_dir():
        raise BadRequest(f"there is no folder {page.absolute().parent}", field="--page", cure="Make it first.")
    if page.resolve().is_relative_to(data.resolve()):
        raise BadRequest(
            "the page is a key: it does not belong with what it opens",
            field="--page",
            cure="Write it outside of the data folder, best to a USB stick.",
        )


def show_code(code: str, page: Path | None, value: dict[str, Any] | None) -> None:
    """Print the code: as a member of the JSON object `value`, or for people. Write the page."""
    written = str(page) if page is not None and _write(page, code) else None
    if value is not None:
        emit(value | {"recovery_code": code} | ({"page": written} if page is not None else {}))
        return
    click.echo("Write down the recovery code and keep it away from the box; it is not shown again:", err=True)
    click.echo(code)
    if written:
        click.echo(f"{written} is to be printed. It is a key itself: keep the paper, delete the file.", err=True)


def _write(page: Path, code: str) -> bool:
    """Write the page, for its owner alone. Where that fails the code, which is valid by now, is still to be shown."""
    from guardian.model.time import to_rfc3339
    from guardian.platform.clock import SystemClock
    from guardian.vault.recovery_page import page as html_of

    made = to_rfc3339(SystemClock().now().utc_us)[:10]
    try:
        with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(html_of(code, made).encode())
    except OSError as error:
        click.secho(f"{page} could not be written: {error.strerror}", fg="red", err=True)
        return False
    return True
