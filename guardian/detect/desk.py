"""Who is looked at next: seats take turns, each its oldest first, and of what waits too long only the latest is looked at.

Also keeps the account of each seat by its name, which outlives its connection. Thread-safe, without any I/O.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from guardian.model.messages import CameraInference
from guardian.platform.clock import Clock

WAITING_PER_SEAT = 2  # full: the oldest falls out; two keep a worker busy while the next picture is made
LATEST = 256  # requests that percentiles are taken of
MOST_ACCOUNTS = 256  # names are given by other processes: their number is bounded

Request = TypeVar("Request")


class Account:
    """What came of one seat's requests."""

    def __init__(self) -> None:
        self.asked = self.answered = self.skipped = self.failed = 0
        self._waits_s: deque[float] = deque(maxlen=LATEST)
        self._runs_s: deque[float] = deque(maxlen=LATEST)

    def done(self, waited_s: float, took_s: float, *, failed: bool) -> None:
        """One request was looked at."""
        self.answered += not failed
        self.failed += failed
        self._waits_s.append(waited_s)
        self._runs_s.append(took_s)

    def read(self, name: str) -> CameraInference:
        """Return it as figures."""
        return CameraInference(
            name,
            self.asked,
            self.answered,
            self.skipped,
            self.failed,
            (percentile_ms(self._waits_s, 50), percentile_ms(self._waits_s, 95)),
            (percentile_ms(self._runs_s, 50), percentile_ms(self._runs_s, 95)),
        )


def percentile_ms(seconds: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile in milliseconds; 0 of nothing."""
    if not seconds:
        return 0.0
    ordered = sorted(seconds)
    return round(1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 2)


@dataclass(eq=False, slots=True)
class Seat(Generic[Request]):
    """One who asks. `limit`: how many requests may wait."""

    name: str = ""
    limit: int = WAITING_PER_SEAT
    waiting: deque[tuple[Request, float]] = field(default_factory=deque)


class Desk(Generic[Request]):
    """Requests of all seats and the turn of each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready = threading.Condition()
        self._turn: deque[Seat[Request]] = deque()  # those with something waiting; the first is next
        self._closed = False
        self._accounts: dict[str, Account] = {}
        self.dropped = 0

    def put(self, seat: Seat[Request], request: Request) -> Request | None:
        """Add a request; returns the one that fell out for it."""
        with self._ready:
            account = self._account(seat.name)
            account.asked += 1
            fell = seat.waiting.popleft()[0] if len(seat.waiting) >= seat.limit else None
            if fell is not None:
                self.dropped += 1
                account.skipped += 1
            if not seat.waiting and seat not in self._turn:
                self._turn.append(seat)
            seat.waiting.append((request, self._clock.mono_s()))
            self._ready.notify()
        return fell

    def take(self, still: Callable[[], bool] = lambda: True) -> tuple[Seat[Request], Request, float] | None:
        """Wait for the next request and return seat, request and the seconds it waited. None once closed, or `still` says no."""
        with self._ready:
            while still():
                if self._turn:
                    seat = self._turn.popleft()
                    request, since_s = seat.waiting.popleft()
                    if seat.waiting:
                        self._turn.append(seat)
                    return seat, request, self._clock.mono_s() - since_s
                if self._closed:
                    return None
                self._ready.wait()
            self._ready.notify()  # what woke this one was meant for another
        return None

    def done(self, seat: Seat[Request], waited_s: float, took_s: float, *, failed: bool) -> None:
        """What was taken has been looked at."""
        with self._ready:
            self._account(seat.name).done(waited_s, took_s, failed=failed)

    def accounts(self) -> tuple[CameraInference, ...]:
        """Return the account of every seat that has a name."""
        with self._ready:
            return tuple(account.read(name) for name, account in sorted(self._accounts.items()) if name)

    def _account(self, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None:
            if len(self._accounts) >= MOST_ACCOUNTS:
                self._accounts.pop(next(iter(self._accounts)))
            account = self._accounts[name] = Account()
        return account

    def forget(self, seat: Seat[Request]) -> tuple[Request, ...]:
        """Throw away what a seat has waiting, and return it: it has gone, or its pictures have."""
        with self._ready:
            gone = tuple(request for request, _ in seat.waiting)
            seat.waiting.clear()
            if gone:
                self._account(seat.name).skipped += len(gone)
            if seat in self._turn:
                self._turn.remove(seat)
        return gone

    def wake(self) -> None:
        """Have every waiting `take` ask its `still` again."""
        with self._ready:
            self._ready.notify_all()

    def close(self) -> None:
        """Let every worker go once nothing waits."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()


class Meter:
    """Counts what was looked at. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._since_s, self._pictures, self._busy_s = clock.mono_s(), 0, 0.0

    def add(self, pictures: int, took_s: float) -> None:
        """One request was answered."""
        with self._lock:
            self._pictures += pictures
            self._busy_s += took_s

    def read(self) -> tuple[float, float]:
        """Return pictures a second and milliseconds a picture since the last reading."""
        with self._lock:
            now = self._clock.mono_s()
            passed = max(1e-6, now - self._since_s)
            rate, latency = self._pictures / passed, 1000 * self._busy_s / self._pictures if self._pictures else 0.0
            self._since_s, self._pictures, self._busy_s = now, 0, 0.0
        return rate, latency
