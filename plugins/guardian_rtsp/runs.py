"""Packets of fragmented units that are alike, found many at a time. Pure.

They are nine packets of ten of a camera's video, and alike but for their sequence numbers and their payload: each byte of
their heads is a column that stands in the buffer at one distance. A column is a slice with a step, compared as a whole.

In an interleaved packet (RFC 2326, 10.12) `$`, channel and two bytes of length come first, then the RTP header (RFC 3550,
5.1) of twelve bytes, then the fragment's head: two bytes for H.264 (RFC 6184, 5.8), three for H.265 (RFC 7798, 4.4.3), of
which the last says whether the unit begins (0x80) or ends (0x40) in it.
"""

from __future__ import annotations

import struct

MOST = 256  # in one run: the low byte of a sequence number says no more
_LOW_BYTES = bytes(range(256))
_HEAD = struct.Struct(">BBH")  # version and flags, marker and payload type, sequence number
_ENDS = 0x40
_PLAIN = 0x80  # version 2; no padding, no extension, no contributing sources


def middles(buffer: bytearray, at: int, end: int, head: int, payload: int, sequence: int) -> int:
    """Return how many middles of a unit begin at `at`, the first of which must bear this sequence number.

    Padding, an extension, or the marker of the unit's last packet: each is for itself, and none of them a middle.
    """
    step, low = 4 + (buffer[at + 2] << 8 | buffer[at + 3]), sequence & 0xFF
    count = min((end - at) // step, MOST - low)
    if count < 1 or _HEAD.unpack_from(buffer, at + 4) != (_PLAIN, payload, sequence):
        return 0
    count = _alike(buffer, at, step, count, (at + 3, at + 15 + head, at + 5, at + 2, at, at + 1, at + 4, at + 16, at + 6))
    return count if _counts_on(buffer, at, step, count, low) else 1


def whole_unit(
    buffer: bytearray, at: int, end: int, head: int, payload: int, sequence: int, most: int
) -> tuple[int, int] | None:
    """Return how many packets precede the last one of the unit that begins at `at`, and where that one ends.

    None where the unit is not whole, has more than `most` packets before its last, or has any that is not plain. To look at
    heads that do not belong to it costs as much as taking it, so `most` should be near the truth.
    """
    step, low, kind_at = 4 + (buffer[at + 2] << 8 | buffer[at + 3]), sequence & 0xFF, at + 15 + head
    count = min((end - at) // step, MOST - low, most)
    if count < 1 or _HEAD.unpack_from(buffer, at + 4) != (_PLAIN, payload, sequence):
        return None
    kind = buffer[kind_at] & 0x3F
    rest = buffer[kind_at + step : kind_at + (count - 1) * step + 1 : step]
    count -= len(rest.lstrip(bytes((kind,))))
    count = _alike(buffer, at, step, count, (at + 3, at + 5, at + 2, at, at + 1, at + 4, at + 16, at + 6))
    last = at + count * step
    if last + 17 + head > end or not _counts_on(buffer, at, step, count, low):
        return None
    stop = last + 4 + (buffer[last + 2] << 8 | buffer[last + 3])
    first, second, number = _HEAD.unpack_from(buffer, last + 4)
    ends = (
        last + 16 + head < stop <= end
        and buffer[last : last + 2] == buffer[at : at + 2]
        and (first, second & 0x7F, number) == (_PLAIN, payload, sequence + count & 0xFFFF)
        and buffer[last + 16] == buffer[at + 16]
        and buffer[last + 15 + head] == kind | _ENDS
    )
    return (count, stop) if ends else None


def _alike(buffer: bytearray, at: int, step: int, count: int, places: tuple[int, ...]) -> int:
    """Return how many packets, of `count`, bear in these places of their heads what the first one does."""
    for place in places:
        column = buffer[place : place + (count - 1) * step + 1 : step]
        count -= len(column.lstrip(buffer[place : place + 1]))
    return count


def _counts_on(buffer: bytearray, at: int, step: int, count: int, low: int) -> bool:
    """Say whether sequence numbers rise by one from packet to packet."""
    return buffer[at + 7 : at + 7 + (count - 1) * step + 1 : step] == _LOW_BYTES[low : low + count]
