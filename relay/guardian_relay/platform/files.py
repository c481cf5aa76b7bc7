"""Private files, replaced whole: a crash leaves the old one or the new one."""

import os
from pathlib import Path


def make_private_dir(path: Path) -> None:
    """Make a folder, and its parents, that only its owner may enter."""
    if not path.parent.is_dir():
        make_private_dir(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def replace_file(path: Path, data: bytes) -> None:
    """Write a whole file, 0600."""
    temporary = path.with_name(f".{path.name}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def harden() -> None:
    """No core dumps, nobody of the same user reads this process's memory, and files are its owner's alone."""
    import ctypes
    import resource
    import sys

    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
