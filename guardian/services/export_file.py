"""Where an export is written: into a sealed file that only grows, or into a plain one. Parts may be kept free and filled later."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from guardian.model.errors import Damaged, DiskFull
from guardian.model.segment import Sealer, SealingSegment, SegmentHeader
from guardian.platform.files import Appender
from guardian.vault.reader import SegmentReader

RECORD_BYTES = 1024 * 1024  # what one sealed record holds; the format allows 4 MiB


class Sink(Protocol):
    """Takes a file's bytes in their order, but for those that are known only later."""

    @property
    def size(self) -> int:
        """How many bytes the file has, with those that are kept free."""
        ...

    async def write(self, data: bytes) -> None:
        """Take the next bytes."""
        ...

    async def reserve(self, size: int) -> int:
        """Keep so many bytes free; return where they begin."""
        ...

    async def fill(self, begin: int, data: bytes) -> None:
        """Fill what was kept free there, all of it."""
        ...


class PlainFile:
    """A file that can be written anywhere in."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.size = file, 0

    async def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._file.write(data)
        self.size += len(data)

    async def reserve(self, size: int) -> int:
        """Keep bytes free."""
        begin = self.size
        await self.write(bytes(size))
        return begin

    async def fill(self, begin: int, data: bytes) -> None:
        """Fill them."""
        self._file.seek(begin)
        self._file.write(data)
        self._file.seek(0, 2)


class SealedFile:
    """A sealed file, in whose records the bytes lie in the order of their coming; the last record says what belongs where."""

    def __init__(self, path: Path, sealer: Sealer, header: SegmentHeader, name: str) -> None:
        """Blocking. `name`: what the owner calls it, which is sealed."""
        self._sealing: SealingSegment = sealer.begin(header)
        self._start_us = header.start_utc_us
        self._waiting = bytearray()
        self._came = 0
        self._pieces: list[list[int]] = []  # [where in what came, how much], in the file's order
        self._free: dict[int, list[int]] = {}
        self.size = 0
        self._lock = threading.Lock()  # a cancelled job closes the file while a thread may still write to it
        self._file = Appender(path)
        self._append(self._sealing.header_bytes)
        self._append(self._seal(json.dumps({"name": name, "layout": 1}).encode()))

    async def write(self, data: bytes) -> None:
        """Take the next bytes."""
        if not data:
            return
        last = self._pieces[-1] if self._pieces else None
        if last is not None and last[0] + last[1] == self._came and last[0] >= 0:
            last[1] += len(data)
        else:
            self._pieces.append([self._came, len(data)])
        self.size += len(data)
        await asyncio.to_thread(self._take, data)

    async def reserve(self, size: int) -> int:
        """Keep bytes free."""
        begin, piece = self.size, [-1, size]
        self._free[begin] = piece
        self._pieces.append(piece)
        self.size += size
        return begin

    async def fill(self, begin: int, data: bytes) -> None:
        """Fill them."""
        piece = self._free.pop(begin)
        assert len(data) == piece[1]
        piece[0] = self._came
        await asyncio.to_thread(self._take, data)

    def _take(self, data: bytes) -> None:
        self._waiting += data
        self._came += len(data)
        for record in self._full_records():
            self._append(self._seal(record))

    def _full_records(self) -> Iterator[bytes]:
        while len(self._waiting) >= RECORD_BYTES:
            yield bytes(self._waiting[:RECORD_BYTES])
            del self._waiting[:RECORD_BYTES]

    def _seal(self, data: bytes) -> bytes | bytearray:
        _, record = self._sealing.seal(
            data, start_90k=0, duration_90k=0, start_utc_us=self._start_us, is_key=False, video_frames=0
        )
        return record

    def _append(self, data: bytes | bytearray) -> None:
        try:
            with self._lock:
                self._file.append(data)
        except OSError as error:
            if error.errno in (28, 122):  # ENOSPC, EDQUOT
                raise DiskFull("the disk is full", cure="Free some space, then export again.") from error
            raise

    def finish(self) -> None:
        """Write what is left, the layout and the end record, and make it durable. Blocking."""
        assert not self._free
        if self._waiting:
            self._append(self._seal(bytes(self._waiting)))
            self._waiting.clear()
        layout = {"record_bytes": RECORD_BYTES, "pieces": self._pieces}
        self._append(self._seal(json.dumps(layout, separators=(",", ":")).encode()))
        self._append(self._sealing.finish())
        self._file.sync()

    def close(self) -> None:
        """Close; may be called twice."""
        with self._lock:
            self._file.close()


async def content(reader: SegmentReader, before_each: Callable[[], None]) -> AsyncIterator[bytes]:
    """Yield a sealed file's bytes in their order. `before_each` may raise. Damaged."""
    first = json.loads(await asyncio.to_thread(reader.read, 0))
    if not first.get("layout"):  # of before there were layouts
        for index in range(1, len(reader.table)):
            before_each()
            yield await asyncio.to_thread(reader.read, index)
        return
    record_bytes, pieces = _layout(await asyncio.to_thread(reader.read, len(reader.table) - 1), len(reader.table) - 2)
    held, record = 0, b""
    for begin, size in pieces:
        end = begin + size
        while begin < end:
            before_each()
            index = 1 + begin // record_bytes
            if index != held:
                held, record = index, await asyncio.to_thread(reader.read, index)
            at = begin % record_bytes
            piece = record[at : at + end - begin]
            if not piece:
                raise Damaged("the export is shorter than its layout says")
            yield piece
            begin += len(piece)


def _layout(data: bytes, records: int) -> tuple[int, Sequence[tuple[int, int]]]:
    try:
        value: Any = json.loads(data)
        size, pieces = int(value["record_bytes"]), [(int(begin), int(length)) for begin, length in value["pieces"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("the export's layout cannot be read") from error
    if size < 1 or any(begin < 0 or length < 1 or begin + length > size * records for begin, length in pieces):
        raise Damaged("the export's layout does not fit the file")
    return size, pieces
