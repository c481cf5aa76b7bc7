"""One recorder a data folder: a lock that goes with the process that holds it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guardian.model.errors import Conflict
from guardian.platform.files import PRIVATE_FILE

LOCK_NAME = "guardian.lock"
TRIES, TRY_AGAIN_S = 4, 0.05


@contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Hold a data folder; Conflict while another process does."""
    fd = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        if not _locked(fd):
            raise Conflict(
                f"a Guardian that runs uses {data_dir}", cure="End it first, or choose another folder with --data."
            )
        yield
    finally:
        os.close(fd)


def _locked(fd: int) -> bool:
    """Take the lock. A command that only looks whether somebody has it lets go at once: try for an instant."""
    for _ in range(TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            time.sleep(TRY_AGAIN_S)
    return False
