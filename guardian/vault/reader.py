"""Opens sealed files with an unlocked keyring; any record alone, in O(1)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Self

from guardian.model.errors import Damaged
from guardian.model.segment import FragmentMeta, SegmentHeader
from guardian.vault.format import (
    END_FLAG,
    RECORD_HEAD,
    TAG_BYTES,
    RecordHead,
    commitment_context,
    pack_table,
    parse_record_head,
)
from guardian.vault.keyring import Keyring
from guardian.vault.scan import ScannedSegment, scan, scan_bytes
from guardian.vault.stream import RecordCipher, check_commitment, derive

_END_BYTES = RECORD_HEAD.size + hashlib.sha256().digest_size + TAG_BYTES


class SegmentReader:
    """`with SegmentReader(path, keyring) as reader: reader.read(0)`. VaultLocked, Damaged, FileNotFoundError on entry."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self._path, self._keyring = path, keyring
        self._fd = -1

    def __enter__(self) -> Self:
        scanned = scan(self._path)
        parsed = scanned.parsed
        segment_key = self._keyring.unwrap_segment_key(parsed.encapsulation, parsed.preamble, parsed.epoch)
        record_key, commitment = derive(segment_key, commitment_context(parsed.preamble, parsed.encapsulation))
        check_commitment(parsed.commitment, commitment)
        self._cipher = RecordCipher(record_key, parsed.nonce_prefix, parsed.digest)
        self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        if scanned.complete and not self._sealed(scanned):  # the footer lies: believe the records
            scanned = scan(self._path, use_footer=False)
        self.header: SegmentHeader = scanned.header
        self.table: tuple[FragmentMeta, ...] = scanned.table
        self.complete: bool = scanned.complete
        self.epoch: int = parsed.epoch
        self._scanned = scanned
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read(self, index: int) -> bytes:
        """Return one record's plaintext; Damaged when it, its head or its place was changed."""
        if not 0 <= index < len(self.table):
            raise Damaged(f"the file has no record {index}")
        row = self.table[index]
        head, content = self._open(row.offset, row.size, last=False)
        if head.row(row.offset) != row:
            raise Damaged(f"record {index} and the fragment table differ")
        return content

    def _open(self, offset: int, size: int, *, last: bool) -> tuple[RecordHead, bytes]:
        data = os.pread(self._fd, size, offset)
        head = parse_record_head(data)
        if len(data) != RECORD_HEAD.size + head.size or bool(head.flags & END_FLAG) != last:
            raise Damaged("a record is cut off")
        return head, self._cipher.open(data[RECORD_HEAD.size :], head.index, last, head.bound())

    def _sealed(self, scanned: ScannedSegment) -> bool:
        """Say whether the end record seals this table."""
        table = scanned.table
        offset = table[-1].offset + table[-1].size if table else scanned.parsed.size
        try:
            head, digest = self._open(offset, _END_BYTES, last=True)
        except Damaged:
            return False
        return head.index == len(table) and digest == hashlib.sha256(pack_table(list(table))).digest()

    def table_is_sealed(self) -> bool:
        """Say whether the end record seals the table that is used."""
        return self._sealed(self._scanned)

    def verify(self) -> None:
        """Open every record and the end, compare every checksum; Damaged at the first fault, also where the end is missing."""
        checked = scan(self._path, check_all=True)
        if checked.table != self.table:
            raise Damaged("a record's checksum, or the fragment table, is wrong")
        for row in self.table:
            self.read(row.index)
        if not checked.complete:
            raise Damaged("the file has no whole end: it was cut off, or the end was changed")
        if not self.table:
            raise Damaged("the file holds nothing")
        if not self._sealed(self._scanned):
            raise Damaged("the fragment table is not the one that was sealed")


def open_whole(path: Path, keyring: Keyring) -> bytes:
    """Return the content of a file of one record, such as a picture."""
    with SegmentReader(path, keyring) as reader:
        return reader.read(0)


def open_bytes(data: bytes, keyring: Keyring) -> tuple[SegmentHeader, bytes]:
    """Return header and content of a whole sealed file of one record that is held in memory. VaultLocked, Damaged."""
    scanned = scan_bytes(data)
    parsed = scanned.parsed
    if not scanned.complete or len(scanned.table) != 1:
        raise Damaged("it is not whole")
    segment_key = keyring.unwrap_segment_key(parsed.encapsulation, parsed.preamble, parsed.epoch)
    record_key, commitment = derive(segment_key, commitment_context(parsed.preamble, parsed.encapsulation))
    check_commitment(parsed.commitment, commitment)
    cipher = RecordCipher(record_key, parsed.nonce_prefix, parsed.digest)
    row = scanned.table[0]
    begin = row.offset + RECORD_HEAD.size
    head = parse_record_head(data[row.offset : begin])
    content = cipher.open(data[begin : begin + head.size], 0, False, head.bound())
    end = parse_record_head(data[row.offset + row.size : row.offset + row.size + RECORD_HEAD.size])
    begin = row.offset + row.size + RECORD_HEAD.size
    digest = cipher.open(data[begin : begin + end.size], 1, True, end.bound())
    if digest != hashlib.sha256(pack_table([row])).digest():
        raise Damaged("the fragment table is not the one that was sealed")
    return scanned.header, content
