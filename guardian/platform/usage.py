"""Shares of processor time between two looks, whoever looks and how often.

psutil's own cpu_percent() keeps what it saw last by thread, so that it says 0 in each new thread of a pool; and two readers
(a page, a scraper) would cut each other's time to nothing.
"""

from __future__ import annotations

import threading

import psutil

from guardian.platform.clock import Clock

LEAST_S = 1.0  # over less, ticks of 10 ms make the share a guess


class Share:
    """A growing use against a growing whole: the share of what was added since a look at least a second ago."""

    def __init__(self, used: float, whole: float, least: float = LEAST_S) -> None:
        self._used, self._whole, self._least = used, whole, least
        self._percent = 0.0
        self._lock = threading.Lock()

    def look(self, used: float, whole: float) -> float:
        """Return per cent; the last answer again when too little has passed since."""
        with self._lock:
            if whole - self._whole >= self._least:
                self._percent = max(0.0, used - self._used) / (whole - self._whole) * 100
                self._used, self._whole = used, whole
            return self._percent


class ProcessShare:
    """Per cent of one core that a process takes; at first, since it began."""

    def __init__(self, process: psutil.Process, clock: Clock, began_us: int) -> None:
        self.process, self._clock, self._began_us = process, clock, began_us
        self._share = Share(0.0, 0.0)

    def look(self) -> float:
        """Measure; psutil.Error when it has gone."""
        times = self.process.cpu_times()
        return self._share.look(times.user + times.system, (self._clock.now().utc_us - self._began_us) / 1e6)


class MachineShare:
    """Per cent of all cores that are busy."""

    def __init__(self) -> None:
        self._share = Share(*_busy_and_all(), least=LEAST_S * (psutil.cpu_count() or 1))

    def look(self) -> float:
        """Measure."""
        return self._share.look(*_busy_and_all())


def _busy_and_all() -> tuple[float, float]:
    times = psutil.cpu_times()._asdict()
    for part in ("guest", "guest_nice"):  # Linux counts them in user and nice too
        times.pop(part, None)
    total = sum(times.values())
    return total - times["idle"] - times.get("iowait", 0.0), total
