"""A folder as a segment store: one file a segment, written beside and renamed, so that half a copy is never taken for one."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from guardian.sdk import BadSetting, NotFound, SegmentRecord, SegmentStore, ServiceUnavailable
from guardian_folder.config import FolderConfig


class FolderStore:
    """Implements SegmentStore. The folder itself is never made: a missing mount must not fill the disk below it."""

    def __init__(self, root: Path) -> None:
        self.root = self._root = root

    def _path(self, segment: SegmentRecord) -> Path:
        return self._root / segment.path

    async def put(self, segment: SegmentRecord, chunks: AsyncIterator[bytes]) -> None:
        """Keep a whole sealed file; a second time with the same segment changes nothing."""
        if not await asyncio.to_thread(self._root.is_dir):
            raise BadSetting(f"{self._root} is not there", field="path", cure="Mount it, or correct the path.")
        path = self._path(segment)
        if await asyncio.to_thread(lambda: path.exists() and path.stat().st_size == segment.size_bytes):
            return
        part = path.with_name(path.name + ".part")
        try:
            new = await asyncio.to_thread(self._make_folders, path.parent)
            with await asyncio.to_thread(part.open, "wb") as file:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(lambda: (file.flush(), os.fsync(file.fileno())))
            await asyncio.to_thread(part.replace, path)
            for folder in (path.parent, *new):  # the name too must outlast a power cut: our own copy may go now
                await asyncio.to_thread(_sync, folder)
        except OSError as error:
            raise ServiceUnavailable(f"could not copy to {self._root}: {error.strerror}") from error

    def _make_folders(self, folder: Path) -> list[Path]:
        """Make the folders of a path below the root, and return those that a new one was put into."""
        missing = [one for one in (folder, *folder.parents) if one.is_relative_to(self._root) and not one.exists()]
        for one in reversed(missing):
            one.mkdir(exist_ok=True)
        return [one.parent for one in missing]

    async def read(self, segment: SegmentRecord, start: int, length: int) -> bytes:
        """Return bytes of a kept file."""

        def read() -> bytes:
            with self._path(segment).open("rb") as file:
                file.seek(start)
                return file.read(length)

        try:
            return await asyncio.to_thread(read)
        except FileNotFoundError:
            raise NotFound(f"segment {segment.header.segment_id} is not kept in {self._root}") from None

    async def delete(self, segment: SegmentRecord) -> None:
        """Forget a file; no error where there is none."""
        await asyncio.to_thread(self._path(segment).unlink, missing_ok=True)

    async def usage(self) -> tuple[int, int]:
        """Return (bytes of sealed files here, bytes free)."""

        def measure() -> tuple[int, int]:
            used = sum(path.stat().st_size for path in self._root.rglob("*.pgs"))
            return used, shutil.disk_usage(self._root).free

        return await asyncio.to_thread(measure)


def _sync(folder: Path) -> None:
    """Make a folder's names durable; a network's file system that cannot is left to its server."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(fd)
    finally:
        os.close(fd)


def make(config: BaseModel) -> SegmentStore:
    """Make a store of validated settings."""
    assert isinstance(config, FolderConfig)
    return FolderStore(config.path)
