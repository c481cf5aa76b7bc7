"""The edge's end of a viewer's call: frames as they are, both ways. Who the viewer is, the desk finds out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from guardian.protocol.rpc import Stub, write
from guardian.protocol.v1 import link_pb2 as link
from guardian.sdk import ServiceUnavailable, ViewerCall

MOST_FRAME = 1 << 20
HANG_UP_S = 5.0  # for the last frame to be taken


class Call:
    """Implements ViewerCall."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def read(self) -> bytes | None:
        try:
            one = await self._call.read()
        except (grpc.RpcError, asyncio.InvalidStateError):
            return None
        return None if one is grpc.aio.EOF else bytes(one.data)

    async def write(self, frame: bytes) -> None:
        if len(frame) > MOST_FRAME:
            raise ValueError(f"a frame of {len(frame)} bytes: at most 1 MiB goes")
        try:
            await write(self._call, link.Frame(data=frame))
        except grpc.RpcError:
            raise ServiceUnavailable("the viewer has hung up") from None


async def answer(stub: Stub, ticket: int, desk: Callable[[ViewerCall], Awaitable[None]] | None) -> None:
    """Take a call. Where nobody speaks with viewers it is taken and ended, so that they need not wait to learn it."""
    call = stub.View()
    try:
        await write(call, link.Frame(ticket=ticket))
        if desk is not None:
            await desk(Call(call))
        await call.done_writing()
        # Cancelling now could overtake what was written, be it the ticket itself: the relay ends the call once it has all.
        await asyncio.wait([asyncio.ensure_future(call.code())], timeout=HANG_UP_S)
    except (grpc.RpcError, ServiceUnavailable, asyncio.InvalidStateError):
        pass  # the viewer, or the relay, is gone
    finally:
        call.cancel()
