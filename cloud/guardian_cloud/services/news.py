"""What is new, told to everybody of a tenant who listens: one look into the store a tenant and process, however many listen.

Word that there is news may be lost or come twice, so it only makes us look: events are read from the store by their number, in order,
and each listener is sent those behind the last one it has. One that does not keep up is let go; it comes back with its last number.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian_cloud.ephemeral.contract import Ephemeral
from guardian_cloud.index.happenings import Event
from guardian_cloud.model.errors import CloudError
from guardian_cloud.services.happenings import Happenings, news_channel

_log = structlog.get_logger(__name__)
LOOK_AGAIN_S: Final = 15.0  # also without word: it may have been lost
AT_ONCE: Final = 200
WAITING: Final = 64  # pieces a listener has not been sent; full: it is let go


@dataclass(eq=False)
class Piece:
    """Events in order; none: the fleet's state changed. `wire`: how it is sent, worked out by the first who sends it."""

    events: tuple[Event, ...] = ()
    wire: bytes | None = None


@dataclass(eq=False)
class Listener:
    """Somebody who listens. `ended`: it did not keep up, or we end."""

    pieces: deque[Piece] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    def hear(self, piece: Piece) -> None:
        """Take a piece."""
        if len(self.pieces) >= WAITING:
            self.ended = True
        else:
            self.pieces.append(piece)
        self.wake.set()


@dataclass(eq=False)
class _Tenant:
    seq: int
    listeners: set[Listener] = field(default_factory=set)
    task: asyncio.Task[Any] | None = None
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)  # never cancelled in the middle of a look into the store


class News:
    """The service."""

    def __init__(self, happenings: Happenings, ephemeral: Ephemeral, clock: Clock) -> None:
        self._happenings, self._ephemeral, self._clock = happenings, ephemeral, clock
        self._tenants: dict[str, _Tenant] = {}
        self._tasks = Tasks()

    @property
    def listeners(self) -> int:
        """How many listen in this process."""
        return sum(len(one.listeners) for one in self._tenants.values())

    @asynccontextmanager
    async def listen(self, tenant: str) -> AsyncIterator[tuple[Listener, int]]:
        """Hear a tenant's news from now on; the number is that up to which they are not told: replay goes up to it."""
        listener = Listener()
        found = self._tenants.get(tenant)
        if found is None:
            found = _Tenant(await self._happenings.newest(tenant))
            found = self._tenants.setdefault(tenant, found)  # another may have come meanwhile
        found.listeners.add(listener)
        upto = found.seq  # at this very moment: whatever comes behind it, the listener is told
        if found.task is None:
            ready = asyncio.Event()
            found.task = self._tasks.spawn(self._follow(tenant, found, ready), "news")
            await ready.wait()
        try:
            yield listener, upto
        finally:
            found.listeners.discard(listener)
            if not found.listeners and found.task is not None:
                if self._tenants.get(tenant) is found:
                    del self._tenants[tenant]
                async with found.looking:
                    found.task.cancel()

    async def _follow(self, tenant: str, mine: _Tenant, ready: asyncio.Event) -> None:
        async with self._ephemeral.listen(news_channel(tenant)) as words:
            ready.set()
            async with mine.looking:  # something may have come before we heard words
                await self._look(tenant, mine)
            word = aiter(words)
            waiting: asyncio.Task[Any] | None = None
            inner = Tasks()
            try:
                while True:
                    if waiting is None:
                        waiting = inner.spawn(_next(word), "news word")
                    done, _ = await asyncio.wait({waiting}, timeout=LOOK_AGAIN_S)
                    heard = waiting.result() if done else None
                    waiting = None if done else waiting
                    if heard == b"fleet":
                        self._say(mine, Piece())
                    else:
                        async with mine.looking:
                            await self._look(tenant, mine)
                    if not done:
                        for listener in mine.listeners:
                            listener.wake.set()  # without a piece: to show that they are still there
            finally:
                await inner.close()

    async def _look(self, tenant: str, mine: _Tenant) -> None:
        try:
            while events := await self._happenings.after(tenant, mine.seq, AT_ONCE):
                mine.seq = events[-1].seq
                self._say(mine, Piece(tuple(events)))
        except CloudError as error:
            _log.warning("news_failed", tenant=tenant, code=error.code)

    def _say(self, mine: _Tenant, piece: Piece) -> None:
        for listener in mine.listeners:
            listener.hear(piece)

    def end_all(self) -> None:
        """Let all listeners go: we are about to end."""
        for one in self._tenants.values():
            for listener in one.listeners:
                listener.ended = True
                listener.wake.set()

    async def close(self) -> None:
        """End."""
        for one in list(self._tenants.values()):
            async with one.looking:
                if one.task is not None:
                    one.task.cancel()
        await self._tasks.close()


async def _next(words: AsyncIterator[bytes | None]) -> bytes | None:
    return await anext(words)
