"""The only reader of time and the only maker of ids."""

import asyncio
import os
import sys
import time
from typing import Protocol

from guardian.model.ids import uuid7
from guardian.model.time import Instant

_DAY_US = 86_400_000_000
_PATIENCE_US = 3_600_000_000
_STEP_US = 60_000_000  # less is a clock that is being set right


class Clock(Protocol):
    """Where time comes from; tests bring their own."""

    def now(self) -> Instant:
        """Read both clocks."""
        ...

    def mono_s(self) -> float:
        """Monotonic seconds, without those in which the machine slept."""
        ...

    def elapsed_s(self) -> float:
        """Monotonic seconds, with those in which the machine slept."""
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

    def elapsed_s(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()

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

    def elapsed_s(self) -> float:
        return self._base.elapsed_s()

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)


class PatientClock:
    """UTC for what cannot be taken back: a wall clock that jumps is believed once it has kept to it for an hour, or as told.

    A battery that is flat, or a wrong time server, may say 2036 for a while; footage must not be deleted for its age then.
    A jump counts from the call that notices it.
    """

    def __init__(self, base: Clock, patience_us: int = _PATIENCE_US) -> None:
        self._base, self._patience_us = base, patience_us
        start = base.now()
        self._offset_us = self._wall_offset_us = start.utc_us - start.mono_us
        self._since_us = start.mono_us

    def remember(self, last_seen_us: int) -> None:
        """At the start: it is known to have been this time (UTC). A clock that is more than a day past it has jumped, too."""
        now = self._base.now()
        if now.utc_us > last_seen_us + _DAY_US:
            self._offset_us = last_seen_us - now.mono_us

    def now(self) -> Instant:
        wall = self._base.now()
        offset_us = wall.utc_us - wall.mono_us
        if abs(offset_us - self._wall_offset_us) > _STEP_US:
            self._wall_offset_us, self._since_us = offset_us, wall.mono_us
        if abs(offset_us - self._offset_us) <= _STEP_US or wall.mono_us - self._since_us >= self._patience_us:
            self._offset_us = self._wall_offset_us = offset_us
        return Instant(wall.mono_us + self._offset_us, wall.mono_us)

    def mono_s(self) -> float:
        return self._base.mono_s()

    def elapsed_s(self) -> float:
        return self._base.elapsed_s()

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)


def wait(seconds: float) -> None:
    """Wait, where no event loop runs."""
    time.sleep(seconds)


def new_id(clock: Clock) -> str:
    """Return a fresh UUIDv7."""
    return uuid7(clock.now().utc_us // 1000, os.urandom(10))
