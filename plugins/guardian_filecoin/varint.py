"""Unsigned varints as multiformats defines them: seven bits a byte, least first, the shortest form only, nine bytes at most."""

from __future__ import annotations

from guardian.sdk import Damaged

MOST_BYTES = 9  # multiformats/unsigned-varint: 2^63-1 is the largest


def encode(number: int) -> bytes:
    """Return the bytes of a number in 0 .. 2^63-1."""
    if not 0 <= number < 1 << 63:
        raise ValueError(f"{number} is no unsigned varint")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def decode(data: bytes, at: int = 0) -> tuple[int, int]:
    """Return (number, where the next byte stands). Damaged where it is cut off, too long, or not in its shortest form."""
    number = shift = 0
    for end in range(at, min(at + MOST_BYTES, len(data))):
        byte = data[end]
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            if byte == 0 and end > at:
                raise Damaged("a number is not written in its shortest form")
            return number, end + 1
    raise Damaged("a number is cut off or too long")
