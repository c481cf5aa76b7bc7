"""Opens sealed files with an unlocked keyring; any record alone, in O(1)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Self

from guardian.model.errors import Damaged
from guardian.model.segment import FragmentMeta, SegmentHeader
from guardian.vault.format import END_FLAG, RECORD_HEAD, commitment_context, pack_table, parse_record_head
from guardian.vault.keyring import Keyring
from guardian.vault.scan import scan
from guardian.vault.stream import RecordCipher, check_commitment, derive


class SegmentReader:
    """`with SegmentReader(path, keyring) as reader: reader.read(0)`. VaultLocked, Damaged, FileNotFoundError on entry."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self._path, self._keyring = path, keyring
        self._fd = -1

    def __enter__(self) -> Self:
        scanned = scan(self._path)
        self.header: SegmentHeader = scanned.header
        self.table: tuple[FragmentMeta, ...] = scanned.table
        self.complete: bool = scanned.complete
        parsed = scanned.parsed
        segment_key = self._keyring.unwrap_segment_key(parsed.encapsulation, parsed.preamble, parsed.epoch)
        record_key, commitment = derive(segment_key, commitment_context(parsed.preamble, parsed.encapsulation))
        check_commitment(parsed.commitment, commitment)
        self._cipher = RecordCipher(record_key, parsed.nonce_prefix, parsed.digest)
        self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
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
        return self._open(row.offset, row.size, row, last=False)

    def _open(self, offset: int, size: int, row: FragmentMeta | None, *, last: bool) -> bytes:
        data = os.pread(self._fd, size, offset)
        head = parse_record_head(data)
        if len(data) != RECORD_HEAD.size + head.size or bool(head.flags & END_FLAG) != last:
            raise Damaged("a record is cut off")
        if row is not None and head.row(offset) != row:
            raise Damaged(f"record {row.index} and the fragment table differ")
        return self._cipher.open(data[RECORD_HEAD.size :], head.index, last, head.bound())

    def verify(self) -> None:
        """Open every record and the end, compare every checksum; Damaged at the first fault, also where the end is missing."""
        if scan(self._path, check_all=True).table != self.table:
            raise Damaged("a record's checksum, or the fragment table, is wrong")
        for row in self.table:
            self.read(row.index)
        if not self.complete:
            raise Damaged("the file has no end: it was cut off")
        last = self.table[-1] if self.table else None
        offset = last.offset + last.size if last is not None else 0
        if last is None:
            raise Damaged("the file holds nothing")
        head = parse_record_head(os.pread(self._fd, RECORD_HEAD.size, offset))
        digest = self._open(offset, RECORD_HEAD.size + head.size, None, last=True)
        if head.index != len(self.table) or digest != hashlib.sha256(pack_table(list(self.table))).digest():
            raise Damaged("the fragment table is not the one that was sealed")


def open_whole(path: Path, keyring: Keyring) -> bytes:
    """Return the content of a file of one record, such as a picture."""
    with SegmentReader(path, keyring) as reader:
        return reader.read(0)
