"""Reads a sealed file as far as it goes without any key: header, fragment table, whether its end is there."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from guardian.model.errors import Damaged
from guardian.model.segment import FragmentMeta, SegmentHeader, SegmentRecord
from guardian.vault.checksum import crc32
from guardian.vault.format import (
    END_FLAG,
    FOOTER_END_BYTES,
    MAX_RECORDS,
    MAX_TABLE,
    RECORD_HEAD,
    ParsedHeader,
    RecordHead,
    footer_length,
    pack_footer,
    pack_table,
    parse_header,
    parse_record_head,
    parse_table,
)

_HEADER_READ = 8 * 1024
_HEADER_MOST = 96 * 1024
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ScannedSegment:
    """What a file says of itself. `whole_bytes`: how much of it is whole; `table[0]` of a video is its init segment."""

    parsed: ParsedHeader
    table: tuple[FragmentMeta, ...]
    complete: bool
    whole_bytes: int

    @property
    def header(self) -> SegmentHeader:
        """The header's clear part."""
        return self.parsed.header

    @property
    def epoch(self) -> int:
        """Key epoch."""
        return self.parsed.epoch

    def record(self, rel_path: str) -> SegmentRecord:
        """Describe the file for the index."""
        rows = self.table[1:]
        end = max((row.start_utc_us + row.duration_90k * 100 // 9 for row in rows), default=self.header.start_utc_us)
        return SegmentRecord(
            header=self.header,
            epoch=self.epoch,
            path=rel_path,
            end_utc_us=end,
            duration_90k=sum(row.duration_90k for row in rows),
            size_bytes=self.whole_bytes,
            fragments=len(rows),
            video_frames=sum(row.video_frames for row in rows),
            complete=self.complete,
        )


def read_header(file: BinaryIO) -> ParsedHeader:
    """Read a file's header."""
    file.seek(0)
    data = file.read(_HEADER_READ)
    try:
        return parse_header(data)
    except Damaged:
        if len(data) < _HEADER_READ:
            raise
    return parse_header(data + file.read(_HEADER_MOST - _HEADER_READ))


def scan(path: Path, *, check_all: bool = False, use_footer: bool = True) -> ScannedSegment:
    """Scan a file. From the footer where it has one; else record by record. Damaged where it has no header.

    Without `use_footer` it walks the records even where there is a footer; `check_all` compares every checksum as well.
    """
    with path.open("rb") as file:
        parsed = read_header(file)
        size = os.fstat(file.fileno()).st_size
        if use_footer and not check_all and (table := _from_footer(file, parsed, size)) is not None:
            return ScannedSegment(parsed, table, True, size)
        return _walk(file, parsed, size, check_all)


def scan_bytes(data: bytes) -> ScannedSegment:
    """Scan a sealed file that is held in memory, record by record, with every checksum."""
    file = io.BytesIO(data)
    return _walk(file, read_header(file), len(data), check_all=True)


def _from_footer(file: BinaryIO, parsed: ParsedHeader, size: int) -> tuple[FragmentMeta, ...] | None:
    """Return the footer's table where it agrees with the file's length and the records lie without a gap."""
    file.seek(max(0, size - FOOTER_END_BYTES))
    length = footer_length(file.read(FOOTER_END_BYTES))
    start = size - FOOTER_END_BYTES - length if length is not None else -1
    if length is None or length > MAX_TABLE or start < parsed.size:
        return None
    file.seek(start)
    try:
        table = parse_table(file.read(length))
    except Damaged:
        return None
    offset = parsed.size
    for row in table:
        if row.offset != offset:
            return None
        offset += row.size
    file.seek(offset)
    try:
        end = parse_record_head(file.read(RECORD_HEAD.size))
    except Damaged:
        return None
    whole = end.flags & END_FLAG and end.index == len(table) and offset + RECORD_HEAD.size + end.size == start
    return table if whole else None


def _walk(file: BinaryIO, parsed: ParsedHeader, size: int, check_all: bool) -> ScannedSegment:
    rows: list[FragmentMeta] = []
    offset = parsed.size
    while len(rows) < MAX_RECORDS:
        head = _head_at(file, offset, size, len(rows))
        if head is None:
            break
        end = offset + RECORD_HEAD.size + head.size
        torn_perhaps = end == size  # only the last record can be torn by a crash
        if (check_all or torn_perhaps or head.flags & END_FLAG) and not _checks(file, head):
            break
        if head.flags & END_FLAG:
            footer = pack_footer(pack_table(rows))
            file.seek(end)
            rest = file.read(len(footer) + 1)
            return ScannedSegment(parsed, tuple(rows), rest == footer, end + (len(footer) if rest == footer else 0))
        rows.append(head.row(offset))
        offset = end
    return ScannedSegment(parsed, tuple(rows), False, offset)


def _head_at(file: BinaryIO, offset: int, size: int, index: int) -> RecordHead | None:
    file.seek(offset)
    try:
        head = parse_record_head(file.read(RECORD_HEAD.size))
    except Damaged:
        return None
    return head if head.index == index and offset + RECORD_HEAD.size + head.size <= size else None


def _checks(file: BinaryIO, head: RecordHead) -> bool:
    """Compare a record's checksum; the file stands behind its head."""
    crc, left = 0, head.size
    while left and (chunk := file.read(min(left, _CHUNK))):
        crc, left = crc32(chunk, crc), left - len(chunk)
    return left == 0 and crc == head.crc32
