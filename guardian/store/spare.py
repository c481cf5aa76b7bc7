"""A spare file: room for the index and a start on a disk that something else has filled, where nothing could even be deleted."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from guardian.platform.files import PRIVATE_FILE, free_bytes

_log = structlog.get_logger(__name__)
NAME = "spare"
SIZE = 4 * 1024 * 1024


def keep(data_dir: Path, free_at_least: int) -> None:
    """Take the room, unless it is held already, or the disk would be short of it."""
    path = data_dir / NAME
    if path.exists() or free_bytes(data_dir) < free_at_least + SIZE:
        return
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            os.posix_fallocate(fd, 0, SIZE)
        finally:
            os.close(fd)
    except OSError as error:
        path.unlink(missing_ok=True)
        _log.warning("no_spare_room", problem=error.strerror)


def give_up(data_dir: Path) -> None:
    """Give the room back where the disk is full, to whoever writes next."""
    if free_bytes(data_dir) < SIZE and (data_dir / NAME).exists():
        (data_dir / NAME).unlink(missing_ok=True)
        _log.warning("spare_room_used", why="the disk is full")
