"""The frame of a backup: a magic, the wrapped keys in the clear, and a sealed file whose records are one stream of bytes.

So the passphrase or the recovery code is all that it takes to open one on an empty machine, and nothing is needed to write one.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from guardian.model.errors import Damaged
from guardian.model.segment import ContentKind, Sealer, SegmentHeader
from guardian.vault.reader import SegmentReader
from guardian.vault.vault_file import MAX_FILE

MAGIC = b"\x89PAGB\r\n\x1a"
LENGTH_BYTES = 4
RECORD_BYTES = 4 * 1024 * 1024
_NOT_OURS = "Give a file that `guardian backup` wrote."


class SealingStream(io.RawIOBase):
    """Writes a stream of bytes as records. `finish` makes it whole: without its end a backup is refused."""

    def __init__(self, out: BinaryIO, vault: bytes, sealer: Sealer, header: SegmentHeader) -> None:
        self._out, self._now_us = out, header.start_utc_us
        self._sealing = sealer.begin(header)
        self._waiting = bytearray()
        out.write(MAGIC + len(vault).to_bytes(LENGTH_BYTES, "big") + vault + self._sealing.header_bytes)

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._waiting += data
        while len(self._waiting) >= RECORD_BYTES:
            self._seal(bytes(self._waiting[:RECORD_BYTES]))
            del self._waiting[:RECORD_BYTES]
        return len(data)

    def finish(self) -> None:
        """Seal what waits, and the end."""
        if self._waiting:
            self._seal(bytes(self._waiting))
            self._waiting.clear()
        self._out.write(self._sealing.finish())

    def _seal(self, data: bytes) -> None:
        at = self._now_us
        _, record = self._sealing.seal(data, start_90k=0, duration_90k=0, start_utc_us=at, is_key=True, video_frames=0)
        self._out.write(record)


class OpenedStream(io.RawIOBase):
    """Reads the records of a sealed file as one stream of bytes."""

    def __init__(self, reader: SegmentReader) -> None:
        self._records: Iterator[bytes] = (reader.read(row.index) for row in reader.table)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
        while not self._left:
            record = next(self._records, None)
            if record is None:
                return 0
            self._left = record
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def split(file: Path, sealed: Path) -> bytes:
    """Return the `vault.json` of a backup, and write its sealed part to a file of its own. Damaged where it is no backup."""
    with file.open("rb") as source:
        if source.read(len(MAGIC)) != MAGIC:
            raise Damaged(f"{file} is no backup", cure=_NOT_OURS)
        size = int.from_bytes(source.read(LENGTH_BYTES), "big")
        vault = source.read(min(size, MAX_FILE))
        if len(vault) != size:
            raise Damaged(f"{file} is cut off or damaged", cure=_NOT_OURS)
        fd = os.open(sealed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as target:
            shutil.copyfileobj(source, target, RECORD_BYTES)
    return vault


def check_kind(reader: SegmentReader) -> None:
    """Damaged where the sealed file is no backup's."""
    if reader.header.kind is not ContentKind.BACKUP:
        raise Damaged("the sealed part is not that of a backup", cure=_NOT_OURS)
