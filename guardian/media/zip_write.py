"""The boxes of a ZIP archive of stored files whose size and checksum are known only at the end. Pure.

After APPNOTE.TXT 6.3.10 of PKWARE. Every entry has the 64-bit sizes of section 4.5.3, so that a header's length is known
before the file's; names are UTF-8.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_VERSION, _UTF8, _MANY = 45, 0x0800, 0xFFFFFFFF
_REGULAR = 0o100644 << 16  # of the Unix side of the external attributes


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A stored file. `offset`: where its local header begins. `crc`: CRC-32 of its bytes. `made`: its time, local or UTC."""

    name: str
    size: int
    crc: int
    offset: int
    made: datetime


def header_bytes(name: str) -> int:
    """Return how long a local header is."""
    return 30 + len(name.encode()) + 20


def local_header(entry: ZipEntry) -> bytes:
    """Return what comes before a file's bytes."""
    name, (date, time) = entry.name.encode(), _dos(entry.made)
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.size)
    fields = (_VERSION, _UTF8, 0, time, date, entry.crc, _MANY, _MANY, len(name), len(extra))
    return struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + name + extra


def directory(entries: Sequence[ZipEntry], offset: int) -> bytes:
    """Return what comes after the last file. `offset`: where it begins."""
    rows = b"".join(_row(entry) for entry in entries)
    count, size = len(entries), len(rows)
    end64 = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, _VERSION, _VERSION, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, offset + size, 1)
    few, small = min(count, 0xFFFF), min(size, _MANY)
    return rows + end64 + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, few, few, small, min(offset, _MANY), 0)


def _row(entry: ZipEntry) -> bytes:
    name, (date, time) = entry.name.encode(), _dos(entry.made)
    extra = struct.pack("<HHQQQ", 1, 24, entry.size, entry.size, entry.offset)
    made_by = 3 << 8 | _VERSION  # Unix
    fields = (
        made_by,
        _VERSION,
        _UTF8,
        0,
        time,
        date,
        entry.crc,
        _MANY,
        _MANY,
        len(name),
        len(extra),
        0,
        0,
        0,
        _REGULAR,
        _MANY,
    )
    return struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields) + name + extra


def _dos(made: datetime) -> tuple[int, int]:
    date = max(0, made.year - 1980) << 9 | made.month << 5 | made.day
    return date, made.hour << 11 | made.minute << 5 | made.second // 2


def crc32_combine(first: int, second: int, second_bytes: int) -> int:
    """Return the CRC-32 of two pieces one after the other, of the CRC-32 of each and the second one's length.

    The first one's is sent through so many zero bytes by squaring the matrix that one zero bit means, which is zlib's way.
    """
    matrix = [0xEDB88320, *(1 << bit for bit in range(31))]  # one zero bit
    bits = second_bytes * 8
    while bits:
        if bits & 1:
            first = _times(matrix, first)
        matrix = [_times(matrix, row) for row in matrix]
        bits >>= 1
    return first ^ second


def _times(matrix: Sequence[int], vector: int) -> int:
    found, row = 0, 0
    while vector:
        if vector & 1:
            found ^= matrix[row]
        vector >>= 1
        row += 1
    return found
