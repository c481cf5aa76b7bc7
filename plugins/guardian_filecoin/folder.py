"""A folder as a place: one CAR a file, named by its root; written beside and renamed, so half a copy is never taken for one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from guardian.sdk import Damaged, ServiceUnavailable
from guardian_filecoin.layout import Layout, read_start
from guardian_filecoin.place import Held, Parcel, Quote
from guardian_filecoin.states import Copy, State
from guardian_filecoin.unixfs import LEAF_BYTES

SUFFIX = ".car"
START_BYTES = 128 * 1024  # header and root block of the largest pack: 1008 links of 50 bytes


class FolderPlace:
    """Implements Place. The folder is never made: a missing mount must not fill the disk below it."""

    kind, public = "folder", False

    def __init__(self, name: str, root: Path) -> None:
        self._name, self._root = name, root

    async def advance(self, copy: Copy, parcel: Parcel) -> Copy:
        """Write it; once is enough."""
        if copy.state is State.WAITING:
            return copy.moved(State.UPLOADING)
        path = self._root / f"{parcel.root}{SUFFIX}"
        try:
            if not await asyncio.to_thread(self._root.is_dir):
                raise ServiceUnavailable(f"{self._name}: {self._root} is not there", cure="Mount it, or correct the path.")
            await self._write(path, parcel)
        except OSError as error:
            raise ServiceUnavailable(f"{self._name}: {error.strerror}", cure="Has the disk room?") from error
        return copy.moved(State.COMMITTED)

    async def _write(self, path: Path, parcel: Parcel) -> None:
        """Always anew: one that is there and came back for another try was not what it should be."""
        part = path.with_name(f".{path.name}.part")
        with await asyncio.to_thread(part.open, "wb") as file:
            async for data in parcel.parts():
                await asyncio.to_thread(file.write, data)
            await asyncio.to_thread(_settle, file)
        await asyncio.to_thread(part.replace, path)
        await asyncio.to_thread(_sync, path.parent)

    async def look(self, held: Held) -> Layout:
        """Read the file's start. Its name is what it must be."""
        return layout_of(await self._read(held, 0, START_BYTES), held.root)

    async def leaf(self, held: Held, layout: Layout, index: int) -> bytes:
        """Read it."""
        return await self._read(held, layout.leaf_at(index), LEAF_BYTES)

    async def _read(self, held: Held, start: int, length: int) -> bytes:
        path = self._root / f"{held.root}{SUFFIX}"

        def read() -> bytes:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(length)

        try:
            return await asyncio.to_thread(read)
        except FileNotFoundError:
            if not await asyncio.to_thread(self._root.is_dir):
                raise ServiceUnavailable(f"{self._name}: {self._root} is not there", cure="Mount it.") from None
            raise Damaged(f"{self._name} no longer has a pack") from None
        except OSError as error:
            raise ServiceUnavailable(f"{self._name}: {error.strerror}") from error

    async def found(self) -> AsyncIterator[Held]:
        """Every CAR in it."""
        for path in await asyncio.to_thread(lambda: sorted(self._root.glob(f"b*{SUFFIX}"))):
            yield Held(path.name.removesuffix(SUFFIX), "")

    async def quote(self, sizes: Sequence[int]) -> Quote | None:
        """A folder has no price list."""
        return None

    async def close(self) -> None:
        """Nothing is open."""


def layout_of(start: bytes, root: str) -> Layout:
    """Return the layout of a CAR by its first bytes; Damaged where that is not the CAR of this root (any, where it is empty)."""
    found, leaves = read_start(start)
    if root and str(found) != root:
        raise Damaged("the CAR is not the one that was asked for")
    return Layout(tuple(leaf.digest for leaf in leaves))


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError:
        pass  # a network's file system that cannot is left to its server
    finally:
        os.close(fd)
