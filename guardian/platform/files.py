"""Files: append with one write each, explicit fsync, atomic replace, free space."""

import os
import shutil
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_DIR = 0o700


def make_private_dir(path: Path) -> None:
    """Make a folder (and its parents) that only its owner may enter."""
    try:
        path.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_private_dir(path.parent)  # parents=True would make them open to all
        path.mkdir(mode=PRIVATE_DIR, exist_ok=True)


def replace_file(path: Path, data: bytes) -> None:
    """Write a whole file so that a reader, or a crash, sees either the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    temporary.replace(path)
    sync_dir(path.parent)


def sync_dir(path: Path) -> None:
    """Make a folder's entries durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Appender:
    """A file that only grows. Each `append` is one write of all its bytes (short writes are continued)."""

    def __init__(self, path: Path) -> None:
        make_private_dir(path.parent)
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, PRIVATE_FILE)
        self.size = 0

    def append(self, data: bytes | bytearray) -> None:
        """Write at the end; OSError (ENOSPC, EIO, ...) passes through, and `size` then still is what was whole before."""
        view = memoryview(data)
        written = 0
        while written < len(data):
            written += os.write(self._fd, view[written:])
        self.size += written

    def truncate_to_whole(self) -> None:
        """Cut off what a failed append left behind."""
        os.ftruncate(self._fd, self.size)

    def sync(self) -> None:
        """Make what was appended durable, and let the kernel use its memory for something else: footage is seldom read soon."""
        os.fdatasync(self._fd)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._fd, 0, self.size, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Close; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def free_bytes(path: Path) -> int:
    """Bytes that an unprivileged writer may still use on the file system that holds path."""
    return shutil.disk_usage(path).free
