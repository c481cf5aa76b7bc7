"""What commands share: the --data and --json options, one JSON object as the last line, errors as sentences."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from guardian.model.errors import GuardianError

F = TypeVar("F", bound=Callable[..., Any])


def default_data_dir() -> Path:
    """Return $GUARDIAN_DATA, or the data folder below the user's home (XDG base directory specification)."""
    if chosen := os.environ.get("GUARDIAN_DATA"):
        return Path(chosen)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "guardian"


def data_option(command: F) -> F:
    """Add --data DIR, given to the command as `data: Path`."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=default_data_dir,
        show_default="~/.local/share/guardian",
        help="Data folder (or set GUARDIAN_DATA).",
    )(command)


def json_option(command: F) -> F:
    """Add --json, given to the command as `as_json: bool`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")(command)


def emit(value: dict[str, Any]) -> None:
    """Print one JSON object on a line of its own."""
    click.echo(json.dumps(value, ensure_ascii=False))


def fail(error: GuardianError, *, as_json: bool) -> NoReturn:
    """Say what is wrong and what to do, and exit with 1 (2 for input that the user can mend)."""
    if as_json:
        emit({"error": {"code": error.code, "message": error.message, "field": error.field, "cure": error.cure}})
    else:
        click.secho(f"Error: {error.message}", fg="red", err=True)
        if error.cure:
            click.echo(f"  {error.cure}", err=True)
    sys.exit(2 if error.status < 500 else 1)
