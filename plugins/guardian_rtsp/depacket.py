"""From RTP payloads to access units: H.264 (RFC 6184), H.265 (RFC 7798), AAC (RFC 3640), Opus (RFC 7587), G.711.

Each takes payloads in order and gives an access unit, with the timestamp of its packets, when it is whole. What is lost on
the way costs the access unit it belonged to. Units come out with lengths of four bytes before them, as MP4 wants them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from guardian.sdk import Codec

MAX_UNIT = 16 * 1024 * 1024
Unit = tuple[int, bytes, bool]  # timestamp, data, keyframe


class Depacketizer(Protocol):
    """Takes one payload; `lost`: packets before it are missing."""

    def push(self, payload: memoryview, timestamp: int, marker: bool, lost: bool) -> Sequence[Unit]: ...

    def settle(self) -> None:
        """Keep what is not yet whole: payloads given so far are about to be overwritten."""
        ...


class Video:
    """H.264 and H.265: single units, aggregated units, fragmented units."""

    def __init__(self, codec: Codec) -> None:
        self._h265 = codec is Codec.H265
        self._take = self._take_h265 if self._h265 else self._take_h264
        self._head_bytes = 2 if self._h265 else 1
        self._noise = (35, 38) if self._h265 else (9, 12)  # access unit delimiters and filler: MP4 has no use for them
        self._parts: list[bytes | memoryview] = []
        self._fragment: list[bytes | memoryview] = []
        self._size = 0
        self._key = self._broken = False
        self._timestamp: int | None = None
        self.raw_timestamp = b""  # as it stands in the packets of the unit that is being put together

    def is_fragment(self, first: int) -> bool:
        """Say whether a payload that begins with this byte is a fragment of a unit."""
        return first >> 1 & 63 == 49 if self._h265 else first & 31 == 28

    def whole(
        self, head: bytearray, parts: list[memoryview], size: int, timestamp: int, marker: bool
    ) -> Sequence[Unit] | None:
        """Take a whole fragmented unit: its first fragment's head, and `size` bytes of payload without any head.

        None, and nothing is taken, where the access unit that it belongs to is broken or the unit before is not whole.
        """
        if timestamp != self._timestamp:
            done = self._whole()
            self._begin(timestamp)
        elif self._broken or self._fragment or self._size + size > MAX_UNIT:
            return None
        else:
            done = ()
        inner = head[-1] & 63 if self._h265 else head[-1] & 31
        if self._h265:
            first = bytes((head[0] & 0x81 | inner << 1, head[1]))
            self._key = self._key or 16 <= inner <= 23
        else:
            first = bytes((head[0] & 0xE0 | inner,))
            self._key = self._key or inner == 5
        self._size += size
        self._parts += ((size + len(first)).to_bytes(4, "big") + first, *parts)
        if marker:
            done = (*done, *self._whole()) if done else self._whole()
            self._begin(None)
        return done

    def in_fragment(self, raw_timestamp: bytearray, first: int) -> bool:
        """Say whether a packet with this timestamp and first byte of payload goes on with the unit that is being put together."""
        kind = first >> 1 & 63 if self._h265 else first & 31
        wanted = 49 if self._h265 else 28
        return kind == wanted and bool(self._fragment) and not self._broken and raw_timestamp == self.raw_timestamp

    def more(self, parts: list[memoryview], size: int) -> bool:
        """Take middles of the unit that is being put together, of `size` bytes in all; False where it grows too large."""
        self._size += size
        if self._size > MAX_UNIT:
            return False
        self._fragment += parts
        return True

    def push(self, payload: memoryview, timestamp: int, marker: bool, lost: bool) -> Sequence[Unit]:
        """Take a payload; an access unit ends at the marker, or where the timestamp changes."""
        done: Sequence[Unit] = ()
        if timestamp != self._timestamp:
            done = self._whole()
            self._begin(timestamp)
        if lost:
            self._broken = True
        self._size += len(payload)
        if self._size > MAX_UNIT:
            self._broken = True
        if not self._broken and len(payload) > self._head_bytes:
            self._take(payload)
        if marker:
            done = (*done, *self._whole()) if done else self._whole()
            self._begin(None)
        return done

    def settle(self) -> None:
        """Copy what is not yet whole."""
        if self._fragment:
            self._fragment = [b"".join(self._fragment)]
        if self._parts:
            self._parts = [b"".join(self._parts)]

    def _begin(self, timestamp: int | None) -> None:
        self._timestamp, self._parts, self._fragment = timestamp, [], []
        self._size, self._key, self._broken = 0, False, False

    def _whole(self) -> Sequence[Unit]:
        if self._parts and not self._broken and not self._fragment and self._timestamp is not None:
            return ((self._timestamp, b"".join(self._parts), self._key),)
        return ()

    def _take_h264(self, payload: memoryview) -> None:
        first = payload[0]
        kind = first & 31
        if kind == 28:  # FU-A
            head = payload[1]
            if head & 0x80:
                self._fragment = [bytes(((first & 0xE0) | (head & 31),))]
            self._more(payload[2:], bool(head & 0x40), head & 31 == 5)
        elif kind == 24:  # STAP-A
            self._aggregate(payload[1:])
        elif kind < 24:
            self._unit(payload, kind == 5)
        else:
            self._broken = True

    def _take_h265(self, payload: memoryview) -> None:
        kind = payload[0] >> 1 & 63
        if kind == 49:  # FU
            head = payload[2]
            inner = head & 63
            if head & 0x80:
                self._fragment = [bytes(((payload[0] & 0x81) | inner << 1, payload[1]))]
            self._more(payload[3:], bool(head & 0x40), 16 <= inner <= 23)
        elif kind == 48:  # AP
            self._aggregate(payload[2:])
        elif kind < 48:
            self._unit(payload, 16 <= kind <= 23)
        else:
            self._broken = True

    def _more(self, part: memoryview, last: bool, key: bool) -> None:
        if not self._fragment:  # its beginning is missing
            self._broken = True
            return
        self._fragment.append(part)
        if last:
            self._parts.append(sum(map(len, self._fragment)).to_bytes(4, "big"))
            self._parts += self._fragment
            self._fragment = []
            self._key = self._key or key

    def _unit(self, unit: memoryview, key: bool) -> None:
        if (unit[0] >> 1 & 63 if self._h265 else unit[0] & 31) in self._noise:
            return
        self._parts.append(len(unit).to_bytes(4, "big"))
        self._parts.append(unit)
        self._key = self._key or key

    def _aggregate(self, rest: memoryview) -> None:
        while len(rest) > 2:
            size = rest[0] << 8 | rest[1]
            if not 0 < size <= len(rest) - 2:
                self._broken = True
                return
            unit = rest[2 : 2 + size]
            kind = unit[0] >> 1 & 63 if self._h265 else unit[0] & 31
            self._unit(unit, 16 <= kind <= 23 if self._h265 else kind == 5)
            rest = rest[2 + size :]


class Aac:
    """AAC in the mode that cameras use (AAC-hbr): a table of sizes, then the frames; a large frame in several packets."""

    def __init__(self, parameters: dict[str, str]) -> None:
        self._size_bits = _number(parameters.get("sizelength"), 13)
        self._index_bits = _number(parameters.get("indexlength"), 3)
        self._partial = b""
        self._wanted = 0

    def push(self, payload: memoryview, timestamp: int, marker: bool, lost: bool) -> Sequence[Unit]:
        """Take a payload."""
        if lost:
            self._partial, self._wanted = b"", 0
        if len(payload) < 2 or self._size_bits + self._index_bits != 16:
            return ()
        bits = payload[0] << 8 | payload[1]
        count = bits // 16
        at = 2 + 2 * count
        if at > len(payload):
            return ()
        sizes = [(payload[2 + 2 * n] << 8 | payload[3 + 2 * n]) >> self._index_bits for n in range(count)]
        if count == 1 and sizes[0] > len(payload) - at:
            return self._part(timestamp, payload[at:], sizes[0])
        units: list[Unit] = []
        for n, size in enumerate(sizes):
            if at + size <= len(payload) and size:
                units.append((timestamp + n * 1024, bytes(payload[at : at + size]), True))
            at += size
        return units

    def settle(self) -> None:
        """Nothing to do: what is kept is a copy."""

    def _part(self, timestamp: int, part: memoryview, size: int) -> Sequence[Unit]:
        self._partial += bytes(part)
        if len(self._partial) < size:
            return ()
        whole, self._partial = self._partial[:size], b""
        return ((timestamp, whole, True),)


class Whole:
    """One packet, one frame: Opus and G.711."""

    def push(self, payload: memoryview, timestamp: int, marker: bool, lost: bool) -> Sequence[Unit]:
        """Take a payload."""
        return ((timestamp, bytes(payload), True),) if payload else ()

    def settle(self) -> None:
        """Nothing to do: nothing is kept."""


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdigit() else otherwise


def depacketizer(codec: Codec, parameters: dict[str, str]) -> Depacketizer:
    """Return the one for a codec."""
    if codec in (Codec.H264, Codec.H265):
        return Video(codec)
    return Aac(parameters) if codec is Codec.AAC else Whole()
