"""How IPFS names a file: leaves of 1 MiB, raw, under a balanced tree of at most 1024 links a node (IPIP-0499, `unixfs-v1-2025`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from guardian_filecoin import varint
from guardian_filecoin.cid import DAG_PB, Cid, of_bytes

LEAF_BYTES = 1024 * 1024
MOST_LINKS = 1024
_FILE = 2  # Type of unixfs.proto


@dataclass(frozen=True, slots=True)
class Link:
    """A part of a file: its name, bytes of the file below it, and bytes of all blocks below it."""

    cid: Cid
    file_bytes: int
    block_bytes: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The root, and every block that is no leaf, the root first (none where the file is one leaf)."""

    root: Link
    nodes: tuple[tuple[Cid, bytes], ...]


def leaf(data: bytes | memoryview) -> Link:
    """Return the link of one leaf."""
    return Link(of_bytes(data), len(data), len(data))


def tree(leaves: Iterable[Link], most_links: int = MOST_LINKS) -> Tree:
    """Put leaves under a balanced tree: all leaves lie equally deep, so a last node may have a single link."""
    level: Sequence[Link] = list(leaves) or [leaf(b"")]
    nodes: list[tuple[Cid, bytes]] = []
    while len(level) > 1:
        above = []
        made = []
        for at in range(0, len(level), most_links):
            link, block = _node(level[at : at + most_links])
            above.append(link)
            made.append((link.cid, block))
        nodes = made + nodes
        level = above
    return Tree(level[0], tuple(nodes))


def _node(links: Sequence[Link]) -> tuple[Link, bytes]:
    """Return a dag-pb block. dag-pb writes links (field 2) before data (field 1), and of a link hash, name and size, all three."""
    total = sum(link.file_bytes for link in links)
    out = bytearray()
    for link in links:
        name = bytes(link.cid)
        body = b"\x0a" + varint.encode(len(name)) + name + b"\x12\x00" + b"\x18" + varint.encode(link.block_bytes)
        out += b"\x12" + varint.encode(len(body)) + body
    data = b"\x08" + varint.encode(_FILE) + b"\x18" + varint.encode(total)
    data += b"".join(b"\x20" + varint.encode(link.file_bytes) for link in links)
    out += b"\x0a" + varint.encode(len(data)) + data
    block = bytes(out)
    size = len(block) + sum(link.block_bytes for link in links)
    return Link(of_bytes(block, DAG_PB), total, size), block
