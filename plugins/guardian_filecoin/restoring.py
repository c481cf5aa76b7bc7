"""Gives footage back from nothing but the places and the vault's key. No ledger is needed; what a place says is not believed."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from guardian.sdk import ArchiveRestored, Damaged, GuardianError
from guardian_filecoin.fetching import Holder, leaf_from_any
from guardian_filecoin.layout import Layout
from guardian_filecoin.pack import PackReader
from guardian_filecoin.place import Place

# What a segment is called below `segments/`: whoever knows the vault's public key could write another list.
_PATH = re.compile(
    r"^[a-z0-9][a-z0-9_-]{0,63}/[a-z0-9][a-z0-9_-]{0,31}/\d{4}-\d\d-\d\d/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.pgs$"
)


class Restorer:
    """One restoration into one folder."""

    def __init__(
        self,
        places: Mapping[str, Place],
        segments: Path,
        open_key: Callable[[bytes], bytes],
        tell: Callable[[str], None],
    ) -> None:
        self._places, self._segments, self._open_key, self._tell = places, segments, open_key, tell
        self._problems: list[str] = []
        self._packs = self._files = self._bytes = self._foreign = 0

    async def run(self) -> ArchiveRestored:
        """Restore all that any place has; where one lies, or is away, the next is asked."""
        holders = await self._find()
        for number, (layout, who) in enumerate(holders.values(), 1):
            self._tell(f"pack {number} of {len(holders)}")
            await self._restore(layout, who)
        return ArchiveRestored(self._packs, self._files, self._bytes, self._foreign, tuple(self._problems))

    async def _find(self) -> dict[str, tuple[Layout, list[Holder]]]:
        found: dict[str, tuple[Layout, list[Holder]]] = {}
        for name, place in self._places.items():
            try:
                async for held in place.found():
                    try:
                        layout = await place.look(held)
                    except GuardianError as error:  # something else, or it lies about it: another place may have it right
                        self._tell(f"{name}: {held.root or held.piece}: {error.message}")
                        continue
                    found.setdefault(str(layout.root), (layout, []))[1].append((place, held))
            except GuardianError as error:
                self._problems.append(f"{name}: {error.message}")
        return found

    async def _restore(self, layout: Layout, holders: list[Holder]) -> None:
        loop = asyncio.get_running_loop()

        def leaf(index: int) -> bytes:
            return asyncio.run_coroutine_threadsafe(leaf_from_any(holders, layout, index), loop).result()

        try:
            reader = await asyncio.to_thread(self._reader, layout, leaf)
        except GuardianError as error:
            self._problems.append(f"{layout.root}: {error.message}")
            return
        if reader is None:
            self._foreign += 1
            return
        self._packs += 1
        for number, entry in enumerate(reader.entries):
            try:
                await asyncio.to_thread(self._write, reader, number)
            except (GuardianError, OSError) as error:
                self._problems.append(f"{layout.root}: {entry.path}: {error}")

    def _reader(self, layout: Layout, leaf: Callable[[int], bytes]) -> PackReader | None:
        """Open a pack; None where its key is not this vault's."""
        leaf(0)  # that it cannot be fetched is no foreign key

        def open_key(sealed: bytes) -> bytes:
            try:
                return self._open_key(sealed)
            except Damaged as error:
                raise _Foreign(str(error)) from error

        try:
            return PackReader(len(layout.digests), leaf, open_key)
        except _Foreign:
            return None

    def _write(self, reader: PackReader, number: int) -> None:
        entry = reader.entries[number]
        if not _PATH.match(entry.path):
            raise Damaged("the pack names a file that is no segment", cure="It was not made by Guardian.")
        path = self._segments / entry.path
        if path.exists() and path.stat().st_size == entry.size_bytes:
            return
        self._segments.mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in _folders(entry.path):
            (self._segments / one).mkdir(mode=0o700, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(fd, "wb") as out:
                for data in reader.file(number):
                    out.write(data)
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        self._files += 1
        self._bytes += entry.size_bytes


class _Foreign(Exception):
    """The key does not open."""


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
