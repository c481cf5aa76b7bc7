"""Bytes of a sealed file, format v1: header, record heads, fragment table, footer. No key is needed or touched here."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass

from guardian.model.errors import Damaged
from guardian.model.segment import ContentKind, FragmentMeta, SegmentHeader

MAGIC = b"\x89PAGS\r\n\x1a"  # like PNG's: shows at once when a transfer took it for text
RECORD_MAGIC = b"PAGr"
FOOTER_MAGIC = b"PAGSEND1"
VERSION = 1
SUITE_MLKEM768_X25519 = 1  # HPKE ML-KEM-768+X25519, HKDF-SHA-256, AES-256-GCM; records AES-256-GCM
NONCE_PREFIX_BYTES = 7
COMMITMENT_BYTES = 32
TAG_BYTES = 16
MAX_METADATA = 64 * 1024
MAX_ENCAPSULATION = 8 * 1024
MAX_RECORD = 64 * 1024 * 1024  # a fragment is at most 4 MiB; exports and pictures stay far below
MAX_RECORDS = 1 << 18  # an export of 256 GiB; the table of a hostile file stays below 100 MB in memory
MAX_NUMBER = 1 << 62  # of clear times: sums of them still fit the index

KEY_FLAG, END_FLAG = 1, 2

_FIXED = struct.Struct(">8sHHII")  # magic, version, suite, epoch, metadata length
_ENCAPSULATION = struct.Struct(">H")
_BOUND = struct.Struct(">4sIIBqIqI")  # a record's head but for its checksum: what its seal binds
RECORD_HEAD = struct.Struct(">4sIIBqIqII")  # magic, ciphertext length, index, flags, start, duration, utc, frames, crc32
_ROW = struct.Struct(">QIqIqBI")  # offset, size, start, duration, utc, flags, frames
_FOOTER_END = struct.Struct(">I8s")


@dataclass(frozen=True, slots=True)
class ParsedHeader:
    """A header as read. `preamble` is what the key wrap binds, `digest` what every record binds."""

    header: SegmentHeader
    epoch: int
    suite: int
    nonce_prefix: bytes
    encapsulation: bytes
    commitment: bytes
    preamble: bytes
    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class RecordHead:
    """The clear head of a record. `size` is of the ciphertext with its tag."""

    size: int
    index: int
    flags: int
    start_90k: int
    duration_90k: int
    start_utc_us: int
    video_frames: int
    crc32: int

    def bound(self) -> bytes:
        """Return what the record's seal binds (`pack_bound`)."""
        flags, start, duration = self.flags, self.start_90k, self.duration_90k
        return pack_bound(self.size, self.index, flags, start, duration, self.start_utc_us, self.video_frames)

    def row(self, offset: int) -> FragmentMeta:
        """Return its row of the fragment table."""
        return FragmentMeta(
            self.index,
            offset,
            RECORD_HEAD.size + self.size,
            self.start_90k,
            self.duration_90k,
            self.start_utc_us,
            bool(self.flags & KEY_FLAG),
            self.video_frames,
        )


def pack_bound(
    size: int, index: int, flags: int, start_90k: int, duration_90k: int, start_utc_us: int, frames: int
) -> bytes:
    """Return a record's head but for its checksum."""
    return _BOUND.pack(RECORD_MAGIC, size, index, flags, start_90k, duration_90k, start_utc_us, frames)


def pack_preamble(header: SegmentHeader, epoch: int, nonce_prefix: bytes) -> bytes:
    """Return the header up to the wrapped key."""
    text = json.dumps(asdict(header), separators=(",", ":"), sort_keys=True).encode()
    return _FIXED.pack(MAGIC, VERSION, SUITE_MLKEM768_X25519, epoch, len(text)) + text + nonce_prefix


def pack_header(preamble: bytes, encapsulation: bytes, commitment: bytes) -> bytes:
    """Return the whole header."""
    return preamble + _ENCAPSULATION.pack(len(encapsulation)) + encapsulation + commitment


def commitment_context(preamble: bytes, encapsulation: bytes) -> bytes:
    """Return what the record key and the commitment are derived under: a digest of all that precedes the commitment."""
    return hashlib.sha256(preamble + _ENCAPSULATION.pack(len(encapsulation)) + encapsulation).digest()


def parse_header(data: bytes) -> ParsedHeader:
    """Read a header from the first bytes of a file; Damaged says what is wrong."""
    if len(data) < _FIXED.size:
        raise Damaged("the file is shorter than a header")
    magic, version, suite, epoch, length = _FIXED.unpack_from(data)
    if magic != MAGIC:
        raise Damaged("this is no sealed file")
    if version != VERSION or suite != SUITE_MLKEM768_X25519:
        raise Damaged(f"sealed file of version {version}, suite {suite}: not known here", cure="Use a newer Guardian.")
    if length > MAX_METADATA:
        raise Damaged("the header's metadata is too long")
    at = _FIXED.size + length + NONCE_PREFIX_BYTES
    preamble = data[:at]
    if len(data) < at + _ENCAPSULATION.size:
        raise Damaged("the header is cut off")
    (size,) = _ENCAPSULATION.unpack_from(data, at)
    end = at + _ENCAPSULATION.size + size + COMMITMENT_BYTES
    if size > MAX_ENCAPSULATION or len(data) < end:
        raise Damaged("the header is cut off")
    encapsulation = data[at + _ENCAPSULATION.size : end - COMMITMENT_BYTES]
    return ParsedHeader(
        _metadata(data[_FIXED.size : _FIXED.size + length]),
        epoch,
        suite,
        preamble[-NONCE_PREFIX_BYTES:],
        encapsulation,
        data[end - COMMITMENT_BYTES : end],
        preamble,
        end,
        hashlib.sha256(data[:end]).digest(),
    )


_TEXTS = ("segment_id", "run_id", "camera", "stream", "codecs")
_NUMBERS = ("kind", "start_utc_us", "start_mono_us", "start_90k", "width", "height")


def _metadata(text: bytes) -> SegmentHeader:
    try:
        fields = json.loads(text.decode())  # of bytes it would take UTF-16 and a byte order mark, too
    except (ValueError, RecursionError) as error:
        raise Damaged("the header's metadata is no JSON") from error
    if not isinstance(fields, dict) or set(fields) != {*_TEXTS, *_NUMBERS}:
        raise Damaged("the header's metadata lacks fields")
    if not all(_is_text(fields[name]) for name in _TEXTS) or not all(_is_number(fields[name]) for name in _NUMBERS):
        raise Damaged("the header's metadata has fields of a wrong kind")
    try:
        return SegmentHeader(**{**fields, "kind": ContentKind(fields["kind"])})
    except ValueError as error:
        raise Damaged(f"the header names an unknown kind {fields['kind']}") from error


def _is_text(value: object) -> bool:
    """Say whether it is Unicode: JSON can also spell half a character, which no database takes."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_number(value: object) -> bool:
    return type(value) is int and abs(value) < MAX_NUMBER


def parse_record_head(data: bytes) -> RecordHead:
    """Read a record's head; Damaged where there is none."""
    if len(data) < RECORD_HEAD.size:
        raise Damaged("a record's head is cut off")
    magic, *fields = RECORD_HEAD.unpack_from(data)
    head = RecordHead(*fields)
    if magic != RECORD_MAGIC or not TAG_BYTES <= head.size <= MAX_RECORD or head.flags & ~(KEY_FLAG | END_FLAG):
        raise Damaged("this is no record")
    if not _is_number(head.start_90k) or not _is_number(head.start_utc_us):
        raise Damaged("a record's times are absurd")
    return head


def pack_table(rows: list[FragmentMeta]) -> bytes:
    """Return the fragment table as it stands in the footer."""
    return b"".join(
        _ROW.pack(
            row.offset, row.size, row.start_90k, row.duration_90k, row.start_utc_us, KEY_FLAG * row.is_key, row.video_frames
        )
        for row in rows
    )


def pack_footer(table: bytes) -> bytes:
    """Return the footer: table, its length, and the magic that ends the file."""
    return table + _FOOTER_END.pack(len(table), FOOTER_MAGIC)


def parse_table(data: bytes) -> tuple[FragmentMeta, ...]:
    """Read a fragment table; Damaged where its size is odd or a row is not one of a record."""
    if len(data) % _ROW.size or len(data) > MAX_TABLE:
        raise Damaged("the fragment table has an odd size")
    rows = []
    for index, (offset, size, start, duration, utc, flags, frames) in enumerate(_ROW.iter_unpack(data)):
        sane = _is_number(start) and _is_number(utc) and not flags & ~KEY_FLAG
        if not sane or not TAG_BYTES <= size - RECORD_HEAD.size <= MAX_RECORD:
            raise Damaged(f"row {index} of the fragment table is none of a record")
        rows.append(FragmentMeta(index, offset, size, start, duration, utc, bool(flags & KEY_FLAG), frames))
    return tuple(rows)


def footer_length(tail: bytes) -> int | None:
    """Return the table's length when the file's last bytes are a footer's end, else None."""
    if len(tail) < _FOOTER_END.size:
        return None
    length, magic = _FOOTER_END.unpack(tail[-_FOOTER_END.size :])
    return int(length) if magic == FOOTER_MAGIC else None


FOOTER_END_BYTES = _FOOTER_END.size
MAX_TABLE = MAX_RECORDS * _ROW.size
