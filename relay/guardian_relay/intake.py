"""What one stream of the edge brings into the store: kept first, acknowledged then.

A batch that the store does not keep (its disk is full, say) is tried again until it does, and nothing behind it is taken meanwhile: an
acknowledgement says that all before it is here. The stream goes on all the same, for heartbeats, viewers and commands, and the edge keeps what
was not acknowledged. What it sent meanwhile it sends again with the next stream, for which this one is ended once there is room.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import structlog

from guardian.platform.clock import Clock
from guardian.protocol.v1 import events_pb2 as events
from guardian_relay.errors import Unkept

_log = structlog.get_logger(__name__)
AGAIN_S = 5.0  # until a batch that was not kept is tried again; a try that fails costs one write
Take = Callable[[Sequence[events.Event], int], Awaitable[int]]


class Intake:
    """`take(batch, up_to)` keeps a batch, or raises Unkept; `acknowledge(up_to)` says that it did. `news()`: `trouble` is another."""

    def __init__(self, take: Take, clock: Clock, acknowledge: Callable[[int], None], news: Callable[[], None]) -> None:
        self._take, self._clock, self._acknowledge, self._news = take, clock, acknowledge, news
        self.trouble = ""
        self.left_out = False  # something came that was not taken: the edge has to send it again

    async def put(self, batch: Sequence[events.Event], up_to: int) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """Take a batch. Where it is not kept: return what goes on trying, to be run beside the stream."""
        if self.trouble:
            self.left_out = True
            return None
        try:
            await self._take(batch, up_to)
        except Unkept as error:
            self._say(str(error))
            return lambda: self._until_kept(batch, up_to)
        self._acknowledge(up_to)
        return None

    async def _until_kept(self, batch: Sequence[events.Event], up_to: int) -> None:
        while True:
            await self._clock.sleep(AGAIN_S)
            try:
                await self._take(batch, up_to)
            except Unkept as error:
                self._say(str(error))
                continue
            self._acknowledge(up_to)
            self._say("")
            return

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.warning("store_full" if trouble else "store_takes_again", reason=trouble)
            self.trouble = trouble
            self._news()
