"""The piece commitment: root of a binary tree over the Fr32-padded payload, computed as the bytes come, in memory that grows
with the logarithm of their number.

A leaf is 32 bytes; a parent is sha256(left | right) with its two highest bits cleared; zeros fill the tree to a power of two.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from guardian.sdk import Damaged
from guardian_filecoin import varint
from guardian_filecoin.cid import FIL_COMMITMENT_UNSEALED, FR32_SHA256_PADDED_TREE, RAW, SHA2_256_TRUNC254_PADDED, Cid
from guardian_filecoin.fr32 import QUAD, pad

LEAF = 32
CHUNK_HEIGHT = 15  # 2^15 leaves: 1 MiB, padded from 1016 KiB at once; larger gains nothing, smaller costs calls
CHUNK_QUADS = (LEAF << CHUNK_HEIGHT) // 128
CHUNK_BYTES = CHUNK_QUADS * QUAD
LEAST_HEIGHT = 2  # one quad
MOST_HEIGHT = 40  # 32 TiB; a sector has 64 GiB


@dataclass(frozen=True, slots=True)
class Piece:
    """A payload's commitment. The tree has 2^height leaves."""

    root: bytes
    height: int
    payload_bytes: int

    @property
    def padded_bytes(self) -> int:
        """Size of the whole tree's leaves."""
        return LEAF << self.height

    @property
    def padding(self) -> int:
        """Zeros after the payload that fill the tree, before Fr32."""
        return self.padded_bytes // 128 * QUAD - self.payload_bytes

    @property
    def cid_v1(self) -> Cid:
        """The older name, which does not tell the size."""
        return Cid(FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED, self.root)

    @property
    def cid_v2(self) -> Cid:
        """The name by FRC-0069: padding, height and root."""
        return Cid(RAW, FR32_SHA256_PADDED_TREE, varint.encode(self.padding) + bytes((self.height,)) + self.root)


def piece_of_cid(cid: Cid) -> Piece:
    """Return what a piece CID v2 says. Damaged where it is none, or contradicts itself."""
    if cid.codec != RAW or cid.hash_code != FR32_SHA256_PADDED_TREE:
        raise Damaged(f"{cid} is no piece CID")
    padding, at = varint.decode(cid.digest)
    if len(cid.digest) != at + 1 + LEAF or not LEAST_HEIGHT <= cid.digest[at] <= MOST_HEIGHT:
        raise Damaged(f"{cid} is no piece CID")
    height = cid.digest[at]
    size = (LEAF << height) // 128 * QUAD - padding
    if size < 0 or (height > LEAST_HEIGHT and size <= (LEAF << height - 1) // 128 * QUAD):
        raise Damaged(f"{cid} has more padding than a piece can have")
    return Piece(cid.digest[at + 1 :], height, size)


class PieceHasher:
    """Takes a payload in parts of any size; `finish` gives its piece."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._stack: list[tuple[int, bytes]] = []
        self._size = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._size += len(data)
        self._waiting += data
        if len(self._waiting) >= CHUNK_BYTES:
            whole = len(self._waiting) // CHUNK_BYTES * CHUNK_BYTES
            with memoryview(self._waiting) as view:
                for at in range(0, whole, CHUNK_BYTES):
                    with view[at : at + CHUNK_BYTES] as part:
                        self._push(CHUNK_HEIGHT, _root(part)[1])
            del self._waiting[:whole]

    def finish(self) -> Piece:
        """Return the piece. Nothing may be added after."""
        if self._waiting or not self._stack:
            self._waiting += bytes(-len(self._waiting) % QUAD or (0 if self._waiting else QUAD))
            height, root = _root(memoryview(self._waiting))
            self._push(*(_raised(height, root, CHUNK_HEIGHT) if self._stack else (height, root)))
        while len(self._stack) > 1:
            height, right = self._stack.pop()
            self._push(*_raised(height, right, self._stack[-1][0]))
        height, root = self._stack[0]
        return Piece(root, height, self._size)

    def _push(self, height: int, root: bytes) -> None:
        while self._stack and self._stack[-1][0] == height:
            root = _parent(self._stack.pop()[1], root)
            height += 1
        self._stack.append((height, root))


def piece_of(payload: bytes) -> Piece:
    """Return the piece of a payload that is in memory."""
    hasher = PieceHasher()
    hasher.update(payload)
    return hasher.finish()


@cache
def zeros(height: int) -> bytes:
    """Return the root of a tree of zeros."""
    return bytes(LEAF) if height == 0 else _parent(zeros(height - 1), zeros(height - 1))


def _parent(left: bytes, right: bytes) -> bytes:
    digest = bytearray(hashlib.sha256(left + right).digest())
    digest[31] &= 0x3F
    return bytes(digest)


def _raised(height: int, root: bytes, to: int) -> tuple[int, bytes]:
    for level in range(height, to):
        root = _parent(root, zeros(level))
    return max(height, to), root


@cache
def _mask(nodes: int) -> int:
    return int.from_bytes((b"\xff" * 31 + b"\x3f") * nodes, "big")


def _root(payload: memoryview | bytes) -> tuple[int, bytes]:
    """Return height and root of a part of n * 127 bytes: a level at a time, the bits of a whole level cleared at once."""
    level = pad(payload).tobytes()
    height, sha256 = 0, hashlib.sha256
    while len(level) > LEAF:
        if len(level) % (2 * LEAF):
            level += zeros(height)
        joined = b"".join([sha256(level[at : at + 64]).digest() for at in range(0, len(level), 64)])
        nodes = len(joined) // LEAF
        level = (int.from_bytes(joined, "big") & _mask(nodes)).to_bytes(len(joined), "big")
        height += 1
    return height, level
