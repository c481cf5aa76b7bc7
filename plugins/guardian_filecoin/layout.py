"""Where everything stands in the CAR of a pack. The CAR is never on the disk: it is the pack with a few bytes between its leaves.

The root comes first, as trustless gateways send it, then the leaves in order; all leaves are equally long, so the place of
each is known.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import BinaryIO

from guardian.sdk import Damaged
from guardian_filecoin import car
from guardian_filecoin.cid import RAW, SHA2_256, SHA256_BYTES, Cid, read
from guardian_filecoin.unixfs import LEAF_BYTES, MOST_LINKS, Link, tree


@dataclass(frozen=True)
class Layout:
    """The CAR of a pack whose leaves have these sha256 digests."""

    digests: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.digests) <= MOST_LINKS:
            raise Damaged(f"a pack has 1 to {MOST_LINKS} leaves, not {len(self.digests)}")

    @classmethod
    def unpacked(cls, data: bytes) -> Layout:
        """Read the digests one after the other."""
        return cls(tuple(data[at : at + SHA256_BYTES] for at in range(0, len(data), SHA256_BYTES)))

    @cached_property
    def _tree(self) -> tuple[Cid, bytes]:
        made = tree([Link(self.leaf_cid(index), LEAF_BYTES, LEAF_BYTES) for index in range(len(self.digests))])
        blocks = b"".join(car.section_head(cid, len(block)) + block for cid, block in made.nodes)
        return made.root.cid, car.header([made.root.cid]) + blocks

    @property
    def root(self) -> Cid:
        """The pack's name on IPFS."""
        return self._tree[0]

    @property
    def start(self) -> bytes:
        """Header and root block."""
        return self._tree[1]

    def leaf_cid(self, index: int) -> Cid:
        """Name of a leaf."""
        return Cid(RAW, SHA2_256, self.digests[index])

    @cached_property
    def stride(self) -> int:
        """Bytes from one leaf to the next."""
        return len(car.section_head(self.leaf_cid(0), LEAF_BYTES)) + LEAF_BYTES

    @property
    def car_bytes(self) -> int:
        """Size of the CAR."""
        return len(self.start) + self.stride * len(self.digests)

    def leaf_at(self, index: int) -> int:
        """Where a leaf begins in the CAR."""
        return len(self.start) + self.stride * (index + 1) - LEAF_BYTES

    def parts(self, pack: BinaryIO, start: int = 0) -> Iterator[bytes]:
        """Yield the CAR from a byte on, a leaf at most at once."""
        if start < len(self.start):
            yield self.start[start:]
            start = len(self.start)
        for index in range((start - len(self.start)) // self.stride, len(self.digests)):
            section = car.section_head(self.leaf_cid(index), LEAF_BYTES)
            pack.seek(index * LEAF_BYTES)
            whole = section + pack.read(LEAF_BYTES)
            yield whole[max(0, start - len(self.start) - index * self.stride) :]


@cache
def car_bytes(mib: int) -> int:
    """Size of the CAR of a pack of a size, whatever is in it."""
    return Layout((bytes(SHA256_BYTES),) * mib).car_bytes


def read_start(data: bytes) -> tuple[Cid, Sequence[Cid]]:
    """Read root and leaves from the first bytes of a pack's CAR, trusting nothing but the root's name. Damaged."""
    file = io.BytesIO(data)
    roots = car.read_header(file)
    if len(roots) != 1:
        raise Damaged("the CAR has not one root")
    root = roots[0]
    if root.codec == RAW:
        return root, (root,)
    cid, block = next(car.blocks(file), (None, b""))
    if cid != root:
        raise Damaged("the CAR does not begin with its root")
    return root, _links(block)


def _links(block: bytes) -> tuple[Cid, ...]:
    """Return the leaves that a root block names, by making it anew: there is one way to write it."""
    found: list[Cid] = []
    marker = b"\x0a\x24\x01\x55\x12\x20"  # field Hash of 36 bytes: CIDv1, raw, sha2-256, 32 bytes
    at = block.find(marker)
    while at >= 0 and len(found) < MOST_LINKS:
        found.append(read(block, at + 2)[0])
        at = block.find(marker, at + 2 + 36)
    made = tree([Link(cid, LEAF_BYTES, LEAF_BYTES) for cid in found]) if len(found) > 1 else None
    if made is None or len(made.nodes) != 1 or made.nodes[0][1] != block:
        raise Damaged("the CAR is not that of a pack")
    return tuple(found)
