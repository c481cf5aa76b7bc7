"""A sealer that seals nothing, and the scan that belongs to it: tests see what would be inside."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

from guardian.model.errors import Damaged
from guardian.model.segment import FragmentMeta, SegmentHeader, SegmentRecord

MAGIC = b"PLAIN"
END = 0xFFFF_FFFF
_HEAD = struct.Struct(">IQQQ?I")  # size, start_90k, duration_90k, start_utc_us, is_key, frames


class PlainSegment:
    """State of one file."""

    epoch = 7

    def __init__(self, header: SegmentHeader) -> None:
        text = json.dumps(asdict(header)).encode()
        self.header_bytes = MAGIC + struct.pack(">I", len(text)) + text
        self._offset, self._index = len(self.header_bytes), 0

    def seal(
        self, plaintext: bytes, *, start_90k: int, duration_90k: int, start_utc_us: int, is_key: bool, video_frames: int
    ) -> tuple[FragmentMeta, bytes]:
        head = _HEAD.pack(len(plaintext), start_90k, duration_90k, start_utc_us, is_key, video_frames)
        record = head + plaintext
        meta = FragmentMeta(
            self._index, self._offset, len(record), start_90k, duration_90k, start_utc_us, is_key, video_frames
        )
        self._index += 1
        self._offset += len(record)
        return meta, record

    def finish(self) -> bytes:
        return _HEAD.pack(END, 0, 0, 0, False, 0)


class PlainSealer:
    """Satisfies `model.segment.Sealer`."""

    def begin(self, header: SegmentHeader) -> PlainSegment:
        return PlainSegment(header)


@dataclass(frozen=True)
class PlainScan:
    """What is in a plain file."""

    header: SegmentHeader
    table: tuple[FragmentMeta, ...]
    complete: bool
    whole_bytes: int
    contents: tuple[bytes, ...]

    def record(self, rel_path: str) -> SegmentRecord:
        last = self.table[-1]
        return SegmentRecord(
            self.header,
            PlainSegment.epoch,
            rel_path,
            last.start_utc_us + last.duration_90k * 100 // 9,
            last.start_90k + last.duration_90k - self.header.start_90k,
            self.whole_bytes,
            len(self.table) - 1,
            sum(row.video_frames for row in self.table),
            self.complete,
        )


def scan(path: Path) -> PlainScan:
    """Read a plain file as far as it is whole."""
    data = path.read_bytes()
    if data[:5] != MAGIC or len(data) < 9:
        raise Damaged("no header")
    at = 9 + int.from_bytes(data[5:9], "big")
    if at > len(data):
        raise Damaged("torn header")
    fields = json.loads(data[9:at])
    table: list[FragmentMeta] = []
    contents: list[bytes] = []
    while at + _HEAD.size <= len(data):
        size, start, duration, utc, is_key, frames = _HEAD.unpack_from(data, at)
        if size == END:
            return PlainScan(SegmentHeader(**fields), tuple(table), True, at + _HEAD.size, tuple(contents))
        end = at + _HEAD.size + size
        if end > len(data):
            break
        table.append(FragmentMeta(len(table), at, end - at, start, duration, utc, is_key, frames))
        contents.append(data[at + _HEAD.size : end])
        at = end
    return PlainScan(SegmentHeader(**fields), tuple(table), False, at, tuple(contents))
