"""One recorder a data folder: a lock that goes with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guardian.model.errors import Conflict
from guardian.platform.files import PRIVATE_FILE

LOCK_NAME = "guardian.lock"


@contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Hold a data folder; Conflict while another process does."""
    fd = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(
                f"a Guardian that runs uses {data_dir}", cure="End it first, or choose another folder with --data."
            ) from None
        yield
    finally:
        os.close(fd)
