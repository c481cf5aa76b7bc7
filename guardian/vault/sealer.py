"""Seals files to the vault's public key. Works while the vault is locked: nothing here can open what it sealed."""

from __future__ import annotations

import ctypes
import hashlib
import os

from guardian.model.errors import Bug
from guardian.model.segment import FragmentMeta, Sealer, SegmentHeader
from guardian.vault.checksum import crc32
from guardian.vault.format import (
    END_FLAG,
    KEY_FLAG,
    MAX_RECORD,
    MAX_RECORDS,
    NONCE_PREFIX_BYTES,
    RECORD_HEAD,
    TAG_BYTES,
    commitment_context,
    pack_bound,
    pack_footer,
    pack_header,
    pack_preamble,
    pack_table,
)
from guardian.vault.hpke import Wrapper
from guardian.vault.stream import KEY_BYTES, RecordCipher, derive

# bytearray(n) writes zeros first, which costs a twelfth of the cipher's time; each byte of a record is written anyway
_unfilled = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_char_p, ctypes.c_ssize_t)(
    ("PyByteArray_FromStringAndSize", ctypes.pythonapi)
)


class SealedSegment:
    """One file that is being sealed (implements `model.segment.SealingSegment`)."""

    def __init__(self, header: SegmentHeader, epoch: int, wrapper: Wrapper) -> None:
        segment_key, prefix = os.urandom(KEY_BYTES), os.urandom(NONCE_PREFIX_BYTES)
        preamble = pack_preamble(header, epoch, prefix)
        wrapped = wrapper.wrap(segment_key, preamble)
        record_key, commitment = derive(segment_key, commitment_context(preamble, wrapped))
        self.header_bytes = pack_header(preamble, wrapped, commitment)
        self.epoch = epoch
        self._cipher = RecordCipher(record_key, prefix, hashlib.sha256(self.header_bytes).digest())
        self._rows: list[FragmentMeta] = []
        self._offset = len(self.header_bytes)
        self._finished = False

    def seal(
        self, plaintext: bytes, *, start_90k: int, duration_90k: int, start_utc_us: int, is_key: bool, video_frames: int
    ) -> tuple[FragmentMeta, bytearray]:
        """Seal the next record."""
        if self._finished:
            raise Bug("a finished segment takes no more records")
        if len(plaintext) > MAX_RECORD - TAG_BYTES or len(self._rows) >= MAX_RECORDS - 1:
            raise Bug("a record this large, or one more of them, could not be read again")
        record = self._record(plaintext, KEY_FLAG if is_key else 0, start_90k, duration_90k, start_utc_us, video_frames)
        index, size = len(self._rows), len(record)
        row = FragmentMeta(index, self._offset, size, start_90k, duration_90k, start_utc_us, is_key, video_frames)
        self._rows.append(row)
        self._offset += size
        return row, record

    def _record(self, plaintext: bytes, flags: int, start: int, duration: int, utc: int, frames: int) -> bytearray:
        index, size = len(self._rows), len(plaintext) + TAG_BYTES
        bound = pack_bound(size, index, flags, start, duration, utc, frames)
        record: bytearray = _unfilled(None, RECORD_HEAD.size + size)  # sealed in place: a megabyte is not copied about
        with memoryview(record) as view, view[RECORD_HEAD.size :] as sealed:
            self._cipher.seal(plaintext, index, flags == END_FLAG, bound, sealed)
            view[: RECORD_HEAD.size] = bound + crc32(sealed).to_bytes(4, "big")
        return record

    def finish(self) -> bytes:
        """Return the end record, which seals the table's digest, and the footer."""
        if self._finished:
            raise Bug("a segment is finished once")
        self._finished = True
        table = pack_table(self._rows)
        record = self._record(hashlib.sha256(table).digest(), END_FLAG, 0, 0, 0, 0)
        return bytes(record) + pack_footer(table)


class VaultSealer:
    """Implements `model.segment.Sealer` with a public key."""

    def __init__(self, public_key: bytes, epoch: int) -> None:
        self._wrapper, self.epoch = Wrapper(public_key), epoch

    def begin(self, header: SegmentHeader) -> SealedSegment:
        """Draw a fresh key and begin a file."""
        return SealedSegment(header, self.epoch, self._wrapper)


def seal_whole(sealer: Sealer, header: SegmentHeader, data: bytes) -> bytes:
    """Return a whole sealed file of one record (a picture)."""
    sealing = sealer.begin(header)
    _, record = sealing.seal(
        data, start_90k=0, duration_90k=0, start_utc_us=header.start_utc_us, is_key=True, video_frames=0
    )
    return sealing.header_bytes + record + sealing.finish()


RECORD_OVERHEAD = RECORD_HEAD.size + TAG_BYTES
_END_BYTES = (
    RECORD_OVERHEAD + hashlib.sha256().digest_size + len(pack_footer(pack_table([FragmentMeta(0, 0, 0, 0, 0, 0, True, 0)])))
)


def seal_padded(sealer: Sealer, header: SegmentHeader, text: bytes, sizes: tuple[int, ...]) -> bytes:
    """Return a whole sealed file of exactly one of some sizes, the smallest that holds it: its length says no more than that.

    `text` is padded with spaces, which JSON takes. ValueError when it fits none.
    """
    sealing = sealer.begin(header)
    bare = len(sealing.header_bytes) + RECORD_OVERHEAD + _END_BYTES + len(text)
    room = next((size for size in sorted(sizes) if size >= bare), None)
    if room is None:
        raise ValueError(f"{bare} bytes fit none of {sizes}")
    _, record = sealing.seal(
        text + b" " * (room - bare),
        start_90k=0,
        duration_90k=0,
        start_utc_us=header.start_utc_us,
        is_key=True,
        video_frames=0,
    )
    return sealing.header_bytes + record + sealing.finish()
