"""The local time zone by name, or the machine's: what `TZ` says, else what /etc/localtime is."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCALTIME = Path("/etc/localtime")


def local_zone(name: str = "") -> tzinfo:
    """Return the zone of an IANA name, such as Europe/Berlin; of an empty one, the machine's. ValueError where there is none."""
    if name:
        return _named(name)
    try:
        wanted = os.environ.get("TZ", "").removeprefix(":")
        return _named(wanted) if wanted else _of_file(LOCALTIME)
    except (ValueError, OSError):
        return UTC


def _named(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:  # a folder of zones, such as Europe, is an OSError
        raise ValueError(f"there is no time zone {name!r}") from error


def _of_file(path: Path) -> tzinfo:
    """By its name where the file is a link into the zones, so that it is shared; else by what stands in it."""
    _, found, name = str(path.resolve()).partition("/zoneinfo/")
    if found:
        return _named(name)
    with path.open("rb") as file:
        return ZoneInfo.from_file(file)
