"""A real file system of one's own, on a file: it loses its power, turns read-only, and comes back.

The cut is ext4's own (EXT4_IOC_SHUTDOWN with NOLOGFLUSH, as xfstests use it): from that moment nothing reaches the disk, neither
data nor journal, and every call fails. Mounted again, the journal is replayed: what was not made durable is gone. Its limit:
what the kernel had handed to the disk before the cut has arrived, whole and in order. A disk that lies about its cache, or
tears a sector, is not seen.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
from pathlib import Path

import pytest

EXT4_IOC_SHUTDOWN, NOLOGFLUSH = 0x8004587D, 2
SIZE_MIB = 256


class SmallDisk:
    """`folder` is where it is mounted. Needs root."""

    def __init__(self, place: Path, size_mib: int = SIZE_MIB) -> None:
        self._image, self.folder = place / "disk.img", place / "disk"
        self.folder.mkdir()
        with self._image.open("wb") as file:
            file.truncate(size_mib * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self._mounted = False

    def mount(self) -> None:
        """Put it in; what a cut left is replayed by the file system."""
        _run("mount", "-o", "loop", str(self._image), str(self.folder))
        self._mounted = True

    def cut(self) -> None:
        """Cut its power."""
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(fd)

    def read_only(self, on: bool) -> None:
        """Remount it; not while a file is open for writing."""
        _run("mount", "-o", "remount,ro" if on else "remount,rw", str(self.folder))

    def unmount(self) -> None:
        """Take it out."""
        if self._mounted:
            _run("umount", str(self.folder))
            self._mounted = False

    def close(self) -> None:
        """Take it out, whoever still holds it."""
        if self._mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=False)
            self._mounted = False


def small_disk(place: Path) -> SmallDisk:
    """Return one, mounted; skips where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    try:
        disk = SmallDisk(place)
        disk.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", "") or str(error)
        pytest.skip(f"no ext4 can be mounted here: {told.strip()}")
    return disk


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)
