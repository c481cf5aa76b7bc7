"""Sealed segments for the relay: offered when an event was in them, delivered by range, without the header that names the camera."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from guardian.protocol.rpc import Stub, write
from guardian.protocol.v1 import link_pb2 as link
from guardian.sdk import Event, SegmentRecord
from guardian_wireguard.words import SIZES, Seal

REMEMBERED = 2000  # segments that may still be asked for
AT_ONCE = 4  # that the relay is given; a catching-up relay asks for hundreds
RECENT = 64  # segments in which an event that is still to end may have begun
PIECE = 256 * 1024
HEADER_MOST = 8192
_HEADER_FIXED, _NONCE, _LENGTH, _COMMITMENT = 20, 7, 2, 32  # docs/format.md#header


def header_size(data: bytes) -> int:
    """Return how long a sealed file's header is; ValueError when that is not among its first bytes."""
    text = int.from_bytes(data[16:20], "big")
    at = _HEADER_FIXED + text + _NONCE
    size = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big") + _COMMITMENT
    if len(data) < at + _LENGTH or len(data) < size:
        raise ValueError("the header is longer than that")
    return size


class Clips:
    """`footage(segment)` yields a segment's sealed bytes."""

    def __init__(self, footage: Callable[[SegmentRecord], AsyncIterator[bytes]], seal: Seal) -> None:
        self._footage, self._seal = footage, seal
        self._known: OrderedDict[bytes, SegmentRecord] = OrderedDict()
        self._recent: deque[SegmentRecord] = deque(maxlen=RECENT)
        self._events: deque[tuple[str, int, int]] = deque(maxlen=RECENT)
        self._giving = asyncio.Semaphore(AT_ONCE)

    def ended(self, event: Event) -> list[SegmentRecord]:
        """An event is over: return the finished segments that it was in."""
        span = (event.camera, event.start_us, event.end_us or event.start_us)
        self._events.append(span)
        return [one for one in self._recent if _touches(one, span)]

    def sealed(self, segment: SegmentRecord) -> bool:
        """A segment is finished: say whether an event that is over was in it."""
        self._recent.append(segment)
        return any(_touches(segment, span) for span in self._events)

    async def offer(self, segment: SegmentRecord, camera: bytes) -> link.Offer | None:
        """Return what offers it to the relay, or None where it cannot be read."""
        try:
            first = await anext(self._footage(segment))
            size = header_size(first[:HEADER_MOST])
        except (OSError, ValueError, StopAsyncIteration):
            return None
        identity = segment.header.segment_id
        name = bytes.fromhex(identity.replace("-", ""))
        second = segment.header.start_utc_us // 1_000_000
        text = json.dumps({"header": base64.b64encode(first[:size]).decode()}).encode()
        sealed = self._seal(identity, text, tuple(SIZES), second * 1_000_000)
        self._known[name] = segment
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return link.Offer(segment=name, camera=camera, time_s=second, size=segment.size_bytes - size, sealed=sealed)

    async def deliver(self, stub: Stub, fetch: link.Fetch) -> None:
        """Answer a Fetch. Of what was not offered nothing is given."""
        async with self._giving:
            await self._deliver(stub, fetch)

    async def _deliver(self, stub: Stub, fetch: link.Fetch) -> None:
        call = stub.Deliver()
        try:
            segment = self._known.get(fetch.segment)
            if segment is None:
                await write(call, link.Piece(ticket=fetch.ticket, error="not_found"))
            else:
                await self._give(call, segment, fetch)
            await call.done_writing()
            await call
        except (grpc.RpcError, asyncio.InvalidStateError, OSError):
            call.cancel()  # the relay asks again for what it lacks

    async def _give(self, call: Any, segment: SegmentRecord, fetch: link.Fetch) -> None:
        ticket, skip, left = fetch.ticket, -1, fetch.length or segment.size_bytes
        async for chunk in self._footage(segment):
            if skip < 0:
                skip = header_size(chunk[:HEADER_MOST]) + fetch.offset
            part = chunk[skip : skip + left] if skip < len(chunk) else b""
            skip = max(0, skip - len(chunk))
            left -= len(part)
            for at in range(0, len(part), PIECE):
                await write(
                    call, link.Piece(ticket=ticket, data=part[at : at + PIECE], size=segment.size_bytes if ticket else 0)
                )
                ticket = 0
            if left <= 0:
                return


def _touches(segment: SegmentRecord, span: tuple[str, int, int]) -> bool:
    camera, start_us, end_us = span
    header = segment.header
    return (
        header.camera == camera
        and header.stream == "main"
        and header.start_utc_us <= end_us
        and segment.end_utc_us >= start_us
    )
