"""CARv1: a header with roots, then blocks, each behind its length and CID. Written whole; read with suspicion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from guardian.sdk import Damaged
from guardian_filecoin import varint
from guardian_filecoin.cid import Cid, read

MOST_HEADER, MOST_SECTION = 64 * 1024, 4 * 1024 * 1024  # blocks of IPFS are 2 MiB at most
_VERSION_1 = b"gversion\x01"  # dag-cbor: text of 7, unsigned 1


def header(roots: Sequence[Cid]) -> bytes:
    """Return the header (dag-cbor of {roots, version: 1}) behind its length."""
    links = b"".join(b"\xd8\x2a" + _head(2, len(bytes(cid)) + 1) + b"\x00" + bytes(cid) for cid in roots)
    body = b"\xa2" + b"eroots" + _head(4, len(roots)) + links + _VERSION_1
    return varint.encode(len(body)) + body


def section_head(cid: Cid, block_bytes: int) -> bytes:
    """Return what stands before a block."""
    name = bytes(cid)
    return varint.encode(len(name) + block_bytes) + name


def _head(major: int, number: int) -> bytes:
    """A CBOR head, in its shortest form as dag-cbor wants it."""
    if number < 24:
        return bytes((major << 5 | number,))
    for extra, size in ((24, 1), (25, 2), (26, 4)):
        if number < 1 << 8 * size:
            return bytes((major << 5 | extra,)) + number.to_bytes(size, "big")
    raise ValueError("too long for a header")


def read_header(file: BinaryIO) -> tuple[Cid, ...]:
    """Read the header and return the roots. Damaged where it is none of version 1."""
    size = _length(file)
    if size is None or size > MOST_HEADER:
        raise Damaged("this is no CAR: it has no header")
    body = _exactly(file, size)
    if not body.startswith(b"\xa2eroots") or not body.endswith(_VERSION_1):
        raise Damaged("this is no CAR of version 1")
    count, at = _array(body, 7)
    roots = []
    for _ in range(count):
        if body[at : at + 2] != b"\xd8\x2a":
            raise Damaged("a root of the CAR is no link")
        length, at = _string(body, at + 2)
        cid, end = read(body[at + 1 : at + length])
        if body[at] != 0 or end != length - 1:
            raise Damaged("a root of the CAR is no CID")
        roots.append(cid)
        at += length
    if at != len(body) - len(_VERSION_1):
        raise Damaged("the CAR's header has more than roots")
    return tuple(roots)


def _array(body: bytes, at: int) -> tuple[int, int]:
    if at >= len(body) or body[at] >> 5 != 4 or body[at] & 31 > 23:
        raise Damaged("the CAR's roots are no list")
    return body[at] & 31, at + 1


def _string(body: bytes, at: int) -> tuple[int, int]:
    head = body[at : at + 2]
    if len(head) == 2 and head[0] == 0x58 and head[1] > 23:
        return head[1], at + 2
    raise Damaged("a root of the CAR is no CID")


def blocks(file: BinaryIO) -> Iterator[tuple[Cid, bytes]]:
    """Yield every block after the header. Damaged where the file ends within one, or a block is not what its CID names."""
    while (size := _length(file)) is not None:
        if size > MOST_SECTION:
            raise Damaged("a block of the CAR is too large")
        data = _exactly(file, size)
        cid, at = read(data)
        if not cid.matches(data[at:]):
            raise Damaged(f"block {cid} of the CAR is not what its name says")
        yield cid, data[at:]


def _length(file: BinaryIO) -> int | None:
    """Read a varint; None at the end of the file."""
    data = bytearray()
    while byte := file.read(1):
        data += byte
        if not byte[0] & 0x80:
            return varint.decode(bytes(data))[0]
        if len(data) >= varint.MOST_BYTES:
            break
    if data:
        raise Damaged("the CAR is cut off")
    return None


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise Damaged("the CAR is cut off")
    return data
