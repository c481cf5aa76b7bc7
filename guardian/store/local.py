"""The local disk: sealed segment files below one folder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from guardian.model.errors import Damaged, NotFound
from guardian.model.segment import SegmentRecord
from guardian.platform.files import PRIVATE_FILE, free_bytes, make_private_dir, sync_dir


def inside(root: Path, relative: str) -> Path:
    """Return the file that a relative path names below root; Damaged where it would lead out of it."""
    path = Path(relative)
    if not relative or path.is_absolute() or ".." in path.parts or "\0" in relative:
        raise Damaged(f"{relative!r} is no path below {root.name}/")
    return root / path


class LocalStore:
    """Implements `interfaces.SegmentStore`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def put(self, segment: SegmentRecord, chunks: AsyncIterator[bytes]) -> None:
        """Keep a whole sealed file; readers see all of it or nothing."""
        path = inside(self.root, segment.path)
        await asyncio.to_thread(make_private_dir, path.parent)
        temporary = path.with_name(f".{path.name}.new")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            async for chunk in chunks:
                await asyncio.to_thread(_write_all, fd, chunk)
            await asyncio.to_thread(os.fsync, fd)
            temporary.replace(path)
        finally:
            os.close(fd)
            temporary.unlink(missing_ok=True)
        await asyncio.to_thread(sync_dir, path.parent)

    async def read(self, segment: SegmentRecord, start: int, length: int) -> bytes:
        """Return at most `length` bytes from `start`."""
        return await asyncio.to_thread(_read, inside(self.root, segment.path), start, length)

    async def delete(self, segment: SegmentRecord) -> None:
        """Delete the file, and its day's folder when that is empty then."""
        await asyncio.to_thread(remove, inside(self.root, segment.path))

    async def usage(self) -> tuple[int, int]:
        """Return (bytes of our files, bytes free). Walks every file: not for a hot path."""
        return await asyncio.to_thread(lambda: (_size_below(self.root), free_bytes(self.root)))


def remove(path: Path) -> None:
    """Delete a file and its folder if that is empty then; no error where there is none."""
    path.unlink(missing_ok=True)
    try:
        path.parent.rmdir()
    except OSError:  # not empty, or gone already
        pass


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read(path: Path, start: int, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(length)
    except FileNotFoundError:
        raise NotFound(f"{path.name} is not kept here") from None


def _size_below(root: Path) -> int:
    return sum((Path(folder) / name).stat().st_size for folder, _, names in os.walk(root) for name in names)
