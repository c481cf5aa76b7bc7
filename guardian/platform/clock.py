"""The only reader of time and the only maker of ids."""

import asyncio
import os
import time
from typing import Protocol

from guardian.model.ids import uuid7
from guardian.model.time import Instant


class Clock(Protocol):
    """Where time comes from; tests bring their own."""

    def now(self) -> Instant:
        """Read both clocks."""
        ...

    def mono_s(self) -> float:
        """Monotonic seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clocks. CLOCK_MONOTONIC on Linux, one for all processes of this boot."""

    def now(self) -> Instant:
        return Instant(time.time_ns() // 1000, time.monotonic_ns() // 1000)

    def mono_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SteadyClock:
    """UTC that follows the monotonic clock from one reading on: footage of one run neither overlaps nor gaps when the
    wall clock is set. A run that begins after the jump takes the new time.
    """

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._anchor = base.now()

    def now(self) -> Instant:
        mono = self._base.now().mono_us
        return Instant(self._anchor.utc_us + mono - self._anchor.mono_us, mono)

    def mono_s(self) -> float:
        return self._base.mono_s()

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)


def wait(seconds: float) -> None:
    """Wait, where no event loop runs."""
    time.sleep(seconds)


def new_id(clock: Clock) -> str:
    """Return a fresh UUIDv7."""
    return uuid7(clock.now().utc_us // 1000, os.urandom(10))
