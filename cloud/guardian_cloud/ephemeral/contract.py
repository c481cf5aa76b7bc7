"""What both kinds can do. Nothing in here must be missed after a restart, but sessions, whose owners then log in anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

MOST_WAITING = 256  # words a listener has not taken yet; full: it is told that it missed some


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit: so many a second, and so many at once."""

    per_s: float
    burst: float


class Listener(Protocol):
    """Hears one channel."""

    def __aiter__(self) -> AsyncIterator[bytes | None]:
        """Each word; None: some were missed, look for yourself."""
        ...


class Ephemeral(Protocol):
    """Keys that expire, limits, channels. Names of channels and keys hold the tenant they belong to."""

    async def put(self, key: str, value: bytes, seconds: int) -> None:
        """Keep a value for a time."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        ...

    async def take(self, key: str) -> bytes | None:
        """Return a value once: it is gone then."""
        ...

    async def drop(self, key: str) -> None:
        """Forget a value."""
        ...

    async def wait_s(self, key: str, rate: Rate) -> float:
        """Count one use; 0: it is within the limit, else the seconds to wait, and it did not count."""
        ...

    async def tell(self, channel: str, word: bytes) -> None:
        """Say a word to whoever listens now."""
        ...

    def listen(self, channel: str) -> AbstractAsyncContextManager[Listener]:
        """Hear a channel from now on."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...
