"""A copy of the index at one moment, while others write to it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from guardian.index.engine import BUSY_TIMEOUT_MS, REBUILD
from guardian.model.errors import Damaged, ServiceUnavailable
from guardian.platform.files import PRIVATE_FILE


def snapshot(index: Path, target: Path) -> None:
    """Copy the index to a new file, in one read, without who is logged in. Blocks. Damaged, ServiceUnavailable."""
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
    try:
        with closing(_open(index)) as source, closing(_open(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute("DELETE FROM sessions")
            copy.commit()
            _check(copy)
    except sqlite3.OperationalError as error:
        raise ServiceUnavailable(
            f"the index cannot be copied: {error}", cure="Try again; see `guardian index check`."
        ) from error
    except sqlite3.DatabaseError as error:
        raise Damaged(f"the index is damaged: {error}", cure=REBUILD) from error


def check_snapshot(index: Path) -> None:
    """Damaged where the file is no whole database."""
    try:
        with closing(_open(index)) as connection:
            _check(connection)
    except sqlite3.DatabaseError as error:
        raise Damaged(f"the index is damaged: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)


def _check(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(f"the index is damaged: {found}", cure=REBUILD)
