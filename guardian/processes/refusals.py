"""Errors of a start, in words for the owner."""

from __future__ import annotations

from pydantic import ValidationError

from guardian.model.errors import BadSetting
from guardian.settings.schema import WebSettings


def cannot_serve(settings: WebSettings, why: str) -> BadSetting:
    """Return the error of an address that cannot be had."""
    return BadSetting(
        f"cannot serve at {settings.host}:{settings.port}: {why}",
        field="web.port",
        cure="End what uses the port, or choose another with --port.",
    )


def first_fault(error: ValueError) -> str:
    """Return the first line of a validation error that says something."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"
    return str(error)
