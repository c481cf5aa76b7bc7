"""The folder where packs wait for their uploads. A pack's file is whole and on the disk before the ledger hears of it."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from guardian.sdk import SegmentRecord
from guardian_filecoin.layout import Layout
from guardian_filecoin.ledger import Pack
from guardian_filecoin.pack import Entry, PackWriter

SUFFIX = ".pack"
MARK = "CACHEDIR.TAG"  # bford.info/cachedir: a backup leaves packs out
MARK_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n"
Footage = Callable[[SegmentRecord], AsyncIterator[bytes]]


class Gone(Exception):
    """A segment could not be read as it was: it is left out, and the pack made anew."""

    def __init__(self, segment_id: str) -> None:
        super().__init__(segment_id)
        self.segment_id = segment_id


class Spool:
    """Packs as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / MARK).write_text(MARK_TEXT)

    def path(self, pack: Pack) -> Path:
        """Where a pack's file is."""
        return self._folder / pack.file

    def tidy(self, known: Sequence[Pack]) -> int:
        """Delete what no ledger knows of, left by a crash between file and ledger; return how many."""
        names = {pack.file for pack in known if pack.here}
        strange = [path for path in self._folder.iterdir() if path.name not in names and path.name != MARK]
        for path in strange:
            path.unlink()
        return len(strange)

    async def write(
        self,
        segments: Sequence[SegmentRecord],
        mib: int,
        made_us: int,
        seal_key: Callable[[bytes], bytes],
        footage: Footage,
    ) -> str:
        """Write a pack and return its file's name, which is drawn by chance. Gone, OSError."""
        name = f"{secrets.token_hex(16)}{SUFFIX}"
        part = self._folder / f"{name}.part"
        try:
            await self._fill(part, segments, mib, made_us, seal_key, footage)
            await asyncio.to_thread(part.replace, self._folder / name)
            await asyncio.to_thread(_sync, self._folder)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        return name

    async def _fill(
        self,
        part: Path,
        segments: Sequence[SegmentRecord],
        mib: int,
        made_us: int,
        seal_key: Callable[[bytes], bytes],
        footage: Footage,
    ) -> None:
        entries = [Entry(one.path, one.size_bytes) for one in segments]
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as out:
            writer = await asyncio.to_thread(PackWriter, out, mib, entries, made_us, seal_key)
            for segment in segments:
                left = segment.size_bytes
                try:
                    async for data in footage(segment):
                        left -= len(data)
                        if left < 0:
                            break
                        await asyncio.to_thread(writer.add, data)
                except FileNotFoundError:
                    left = -1
                if left != 0:
                    raise Gone(segment.header.segment_id)
            await asyncio.to_thread(writer.finish)
            await asyncio.to_thread(_settle, out)

    async def parts(self, pack: Pack, layout: Layout) -> AsyncIterator[bytes]:
        """Yield the CAR of a pack that is here."""
        with await asyncio.to_thread(self.path(pack).open, "rb") as file:
            parts = layout.parts(file)
            while data := await asyncio.to_thread(next, parts, b""):
                yield data

    async def drop(self, pack: Pack) -> None:
        """Delete a pack's file."""
        await asyncio.to_thread(self.path(pack).unlink, missing_ok=True)


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
