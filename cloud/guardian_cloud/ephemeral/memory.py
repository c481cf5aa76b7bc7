"""In this process. Bounded: the oldest keys go when there are too many, so that strangers cannot fill the memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from guardian.platform.clock import Clock
from guardian_cloud.ephemeral.contract import MOST_WAITING, Rate
from guardian_cloud.ephemeral.gcra import step

MOST_KEYS = 100_000  # about 50 MB


class Ears:
    """One listener's words: bounded; full: all are let go and it is told so."""

    def __init__(self) -> None:
        self._words: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)

    def hear(self, word: bytes | None) -> None:
        """Take a word."""
        if self._words.full():
            while not self._words.empty():
                self._words.get_nowait()
            word = None
        self._words.put_nowait(word)

    async def __aiter__(self) -> AsyncIterator[bytes | None]:
        while True:
            yield await self._words.get()


class MemoryEphemeral:
    """Keys, limits and channels of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._buckets: OrderedDict[str, float] = OrderedDict()
        self._ears: dict[str, set[Ears]] = {}

    async def put(self, key: str, value: bytes, seconds: int) -> None:
        self._kept.pop(key, None)
        self._kept[key] = (self._clock.mono_s() + seconds, value)
        while len(self._kept) > MOST_KEYS:
            self._kept.popitem(last=False)

    async def get(self, key: str) -> bytes | None:
        found = self._kept.get(key)
        if found is None or found[0] <= self._clock.mono_s():
            self._kept.pop(key, None)
            return None
        return found[1]

    async def take(self, key: str) -> bytes | None:
        value = await self.get(key)
        self._kept.pop(key, None)
        return value

    async def drop(self, key: str) -> None:
        self._kept.pop(key, None)

    async def wait_s(self, key: str, rate: Rate) -> float:
        empty_at_s, wait_s = step(self._buckets.pop(key, 0.0), self._clock.mono_s(), rate)
        self._buckets[key] = empty_at_s
        while len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        return wait_s

    async def tell(self, channel: str, word: bytes) -> None:
        for ears in self._ears.get(channel, ()):
            ears.hear(word)

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Ears]:
        ears = Ears()
        self._ears.setdefault(channel, set()).add(ears)
        try:
            yield ears
        finally:
            self._ears[channel].discard(ears)
            if not self._ears[channel]:
                del self._ears[channel]

    async def close(self) -> None:
        self._kept.clear()
