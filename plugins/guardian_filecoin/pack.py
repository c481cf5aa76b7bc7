"""A pack: sealed segments, their list and zeros, under one key, in one of a few sizes. Its bytes look random from first to last.

    pack      = sealed key (1168) | commitment (32) | chunk 0 | chunk 1 | ...          exactly n MiB
    chunk i   = AES-256-GCM(record key, prefix | i | last, part i of the content, AAD = sha256(sealed key | commitment))
    content   = length of the list (4) | list (JSON) | segment files | zeros

Each chunk ends where a leaf of the UnixFS tree does, so a single fetched leaf can be checked by its name and opened alone.
There is no magic, no version, no epoch and no owner in it: `docs/archive.md` says why. It is written without any secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from guardian.sdk import Damaged
from guardian_filecoin.unixfs import LEAF_BYTES

KEY_BYTES, COMMITMENT_BYTES, PREFIX_BYTES, TAG_BYTES = 32, 32, 7, 16
SEALED_KEY_BYTES = 1168
HEAD_BYTES = SEALED_KEY_BYTES + COMMITMENT_BYTES
CHUNK_BYTES = LEAF_BYTES - TAG_BYTES
FORMAT = 1
MOST_LIST = 16 * 1024 * 1024
_INFO = b"private-ai-guardian pack v1\x00"

# MiB. A factor of four between sizes tells a stranger little. The largest fits a CAR into what a provider takes at once:
# 1,065,353,216 bytes, 1 GiB less Fr32's share (synapse-core, SIZE_CONSTANTS).
BUCKETS_MIB = (1, 4, 16, 64, 256, 1008)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in a pack: its path below `segments/` and its size."""

    path: str
    size_bytes: int


def capacity(mib: int) -> int:
    """Bytes of content that a pack of a size holds."""
    return mib * CHUNK_BYTES - HEAD_BYTES


def packed_list(entries: Sequence[Entry], made_us: int) -> bytes:
    """Return length and list."""
    value = {"format": FORMAT, "made_us": made_us, "files": [[one.path, one.size_bytes] for one in entries]}
    text = json.dumps(value, separators=(",", ":")).encode()
    return len(text).to_bytes(4, "big") + text


def bucket_for(entries: Sequence[Entry], made_us: int) -> int | None:
    """Return the smallest size in MiB that holds them; None where none does."""
    size = len(packed_list(entries, made_us)) + sum(one.size_bytes for one in entries)
    return next((mib for mib in BUCKETS_MIB if capacity(mib) >= size), None)


def _derived(key: bytes, sealed_key: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (record key, nonce prefix, commitment). GCM does not commit to its key, so the head does."""
    size = KEY_BYTES + PREFIX_BYTES + COMMITMENT_BYTES
    wide = HKDFExpand(hashes.SHA256(), size, _INFO + hashlib.sha256(sealed_key).digest()).derive(key)
    return wide[:KEY_BYTES], wide[KEY_BYTES : KEY_BYTES + PREFIX_BYTES], wide[KEY_BYTES + PREFIX_BYTES :]


def _nonce(prefix: bytes, index: int, last: bool) -> bytes:
    return prefix + index.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


class PackWriter:
    """Writes one pack. Its key is drawn here, sealed to the vault, and forgotten with this object."""

    def __init__(
        self, out: BinaryIO, mib: int, entries: Sequence[Entry], made_us: int, seal_key: Callable[[bytes], bytes]
    ) -> None:
        key = os.urandom(KEY_BYTES)
        sealed = seal_key(key)
        if len(sealed) != SEALED_KEY_BYTES:
            raise ValueError("the sealed key has a wrong size")
        record_key, self._prefix, commitment = _derived(key, sealed)
        head = sealed + commitment
        self._cipher, self._bound = AESGCM(record_key), hashlib.sha256(head).digest()
        self._out, self._chunks, self._index = out, mib, 0
        self._waiting = bytearray()
        self._left = sum(one.size_bytes for one in entries)
        out.write(head)
        self._add(packed_list(entries, made_us))

    def add(self, data: bytes) -> None:
        """Take the next bytes of the files, one after the other in the list's order. ValueError where it is more than the list says."""
        self._left -= len(data)
        if self._left < 0:
            raise ValueError("a file is longer than it was")
        self._add(data)

    def finish(self) -> None:
        """Fill it up with zeros. ValueError where less came than the list says."""
        if self._left:
            raise ValueError("a file is shorter than it was")
        while self._index < self._chunks:
            self._add(bytes(self._room() - len(self._waiting)))

    def _room(self) -> int:
        return CHUNK_BYTES - (HEAD_BYTES if self._index == 0 else 0)

    def _add(self, data: bytes) -> None:
        self._waiting += data
        while self._index < self._chunks and len(self._waiting) >= (room := self._room()):
            nonce = _nonce(self._prefix, self._index, self._index == self._chunks - 1)
            self._out.write(self._cipher.encrypt(nonce, bytes(self._waiting[:room]), self._bound))
            del self._waiting[:room]
            self._index += 1
        if self._index == self._chunks and self._waiting:
            raise ValueError("the pack's size does not hold its files")


class PackReader:
    """Opens a pack by its leaves. `leaf(i)` gives the leaf's bytes, checked by their name or not: what was changed does not open."""

    def __init__(self, leaves: int, leaf: Callable[[int], bytes], open_key: Callable[[bytes], bytes]) -> None:
        """Damaged where the key opens for another vault only, or the head was changed."""
        self._leaves, self._leaf = leaves, leaf
        first = leaf(0)
        sealed, commitment = first[:SEALED_KEY_BYTES], first[SEALED_KEY_BYTES:HEAD_BYTES]
        record_key, self._prefix, expected = _derived(open_key(sealed), sealed)
        if not hmac.compare_digest(commitment, expected):
            raise Damaged("the pack does not commit to this key")
        self._cipher, self._bound = AESGCM(record_key), hashlib.sha256(first[:HEAD_BYTES]).digest()
        self._first = self._opened(0, first[HEAD_BYTES:])
        self.entries, self.made_us, self._at = self._read_list()

    def _opened(self, index: int, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(self._prefix, index, index == self._leaves - 1), sealed, self._bound)
        except (InvalidTag, ValueError) as error:
            raise Damaged(f"part {index} of the pack does not open: it was changed, moved, or cut") from error

    def content(self, start: int, length: int) -> Iterator[bytes]:
        """Yield a range of the content."""
        first = CHUNK_BYTES - HEAD_BYTES
        while length > 0:
            index = 0 if start < first else 1 + (start - first) // CHUNK_BYTES
            if index >= self._leaves:
                raise Damaged("the pack's list says more than the pack holds")
            begins = 0 if index == 0 else first + (index - 1) * CHUNK_BYTES
            part = self._first if index == 0 else self._opened(index, self._leaf(index))
            piece = part[start - begins : start - begins + length]
            yield piece
            start += len(piece)
            length -= len(piece)

    def file(self, number: int) -> Iterator[bytes]:
        """Yield the bytes of one file."""
        before = sum(one.size_bytes for one in self.entries[:number])
        return self.content(self._at + before, self.entries[number].size_bytes)

    def _read_list(self) -> tuple[tuple[Entry, ...], int, int]:
        size = int.from_bytes(b"".join(self.content(0, 4)), "big")
        if size > MOST_LIST:
            raise Damaged("the pack's list is too long")
        try:
            value: Any = json.loads(b"".join(self.content(4, size)))
            if value["format"] != FORMAT:
                raise Damaged("the pack was made by a newer version of Guardian", cure="Use that one.")
            entries = tuple(Entry(str(path), int(length)) for path, length in value["files"])
            if any(one.size_bytes < 0 for one in entries):
                raise ValueError("a size is negative")
            return entries, int(value["made_us"]), 4 + size
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged("the pack's list cannot be read") from error
