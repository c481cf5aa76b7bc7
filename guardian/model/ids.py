"""Identifiers: UUIDv7 (RFC 9562, section 5.7) and the names an owner gives. Nothing here reads a clock or randomness."""

import re

CAMERA_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")


def uuid7(unix_ms: int, random: bytes) -> str:
    """Return a UUIDv7 made of a time in milliseconds (48 bits) and ten random bytes; later ones sort after earlier ones."""
    if not 0 <= unix_ms < 1 << 48:
        raise ValueError(f"unix_ms must fit in 48 bits, got {unix_ms}")
    if len(random) != 10:
        raise ValueError(f"random must be 10 bytes, got {len(random)}")
    raw = bytearray(unix_ms.to_bytes(6, "big") + random)
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_uuid7(text: str) -> bool:
    """Say whether text is a UUIDv7 in its canonical lower-case form (so it is also safe as a file name)."""
    return UUID.match(text) is not None


def is_camera_id(text: str) -> bool:
    """Say whether text may name a camera: 1 to 32 of a-z, 0-9, `_` and `-`, beginning with a letter or digit."""
    return CAMERA_ID.match(text) is not None
