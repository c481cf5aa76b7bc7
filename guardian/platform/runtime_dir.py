"""A folder for sockets while a process lives. Folders that killed processes left behind are removed."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from guardian.platform.clock import SystemClock

PREFIX = "guardian-run-"
LONGEST = 107 - len("/guardian-run-12345678/listener-12345678")  # sun_path of unix(7) holds 108 bytes with its end
YOUNG_S = 60.0  # a folder may be a moment old and not yet held


class RuntimeDir:
    """A private folder below the system's temporary one, held by a lock that goes with this process."""

    def __init__(self) -> None:
        remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base()))
        self._fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder; may be called twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def base() -> Path:
    """Return where runtime folders are made: the system's temporary folder, or /tmp where its name is too long for sockets."""
    chosen = Path(tempfile.gettempdir())
    return chosen if len(os.fsencode(chosen)) <= LONGEST else Path("/tmp")  # noqa: S108 - the folder below it is private


def remove_abandoned() -> None:
    """Remove this user's runtime folders that nobody holds."""
    for path in base().glob(f"{PREFIX}*"):
        try:
            _remove_where_abandoned(path)
        except OSError:
            continue  # somebody else's, or gone meanwhile


def _remove_where_abandoned(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if status.st_uid != os.getuid() or SystemClock().now().utc_us / 1_000_000 - status.st_mtime < YOUNG_S:
            return
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(fd)
