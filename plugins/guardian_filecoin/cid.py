"""Content identifiers: what bytes are called by their hash. CIDv1 in base32 is what we write; CIDv0 is only read."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from guardian.sdk import Damaged
from guardian_filecoin import varint

# Codes of the multicodec table (multiformats/multicodec table.csv).
RAW, DAG_PB, DAG_CBOR, FIL_COMMITMENT_UNSEALED = 0x55, 0x70, 0x71, 0xF101
SHA2_256, FR32_SHA256_PADDED_TREE, SHA2_256_TRUNC254_PADDED = 0x12, 0x1011, 0x1012
SHA256_BYTES = 32
MOST_DIGEST = 128  # no hash that we know is longer


@dataclass(frozen=True, slots=True)
class Cid:
    """Version (1; 0 where it was read so), codec of the content, code of the hash, and the digest."""

    codec: int
    hash_code: int
    digest: bytes
    version: int = 1

    def __bytes__(self) -> bytes:
        multihash = varint.encode(self.hash_code) + varint.encode(len(self.digest)) + self.digest
        return multihash if self.version == 0 else varint.encode(1) + varint.encode(self.codec) + multihash

    def __str__(self) -> str:
        if self.version == 0:
            return Cid(self.codec, self.hash_code, self.digest).__str__()
        return "b" + base64.b32encode(bytes(self)).decode().rstrip("=").lower()

    def matches(self, data: bytes) -> bool:
        """Say whether these are the bytes that it names. Only for sha2-256."""
        return self.hash_code == SHA2_256 and hashlib.sha256(data).digest() == self.digest


def of_bytes(data: bytes | memoryview, codec: int = RAW) -> Cid:
    """Return the CIDv1 of bytes, by sha2-256."""
    return Cid(codec, SHA2_256, hashlib.sha256(data).digest())


def read(data: bytes, at: int = 0) -> tuple[Cid, int]:
    """Read a binary CID; return it and where the next byte stands. Damaged."""
    if data[at : at + 2] == bytes((SHA2_256, SHA256_BYTES)):  # CIDv0: a bare multihash
        end = at + 2 + SHA256_BYTES
        if len(data) < end:
            raise Damaged("a CID is cut off")
        return Cid(DAG_PB, SHA2_256, data[at + 2 : end], 0), end
    version, at = varint.decode(data, at)
    codec, at = varint.decode(data, at)
    hash_code, at = varint.decode(data, at)
    size, at = varint.decode(data, at)
    if version != 1 or size > MOST_DIGEST:
        raise Damaged(f"a CID of version {version} with a digest of {size} bytes is not known")
    if len(data) < at + size:
        raise Damaged("a CID is cut off")
    return Cid(codec, hash_code, data[at : at + size]), at + size


def parse(text: str) -> Cid:
    """Read a CIDv1 in base32 (it begins with `b`). Damaged."""
    if not text.startswith("b") or text != text.lower():
        raise Damaged(f"{text[:80]!r} is no CID in base32")
    padded = text[1:].upper() + "=" * (-len(text[1:]) % 8)
    try:
        data = base64.b32decode(padded)
    except ValueError as error:
        raise Damaged(f"{text[:80]!r} is no CID in base32") from error
    cid, end = read(data)
    if end != len(data) or str(cid) != text:
        raise Damaged(f"{text[:80]!r} is no CID")
    return cid
