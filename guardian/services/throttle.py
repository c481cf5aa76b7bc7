"""How long to wait after wrong passwords. Pure: told the time, and what happened."""

from __future__ import annotations

FREE_TRIES = 5
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 900.0
FORGET_AFTER_S = 3600.0
MAX_KEYS = 10_000  # full: forget the one that failed longest ago


class Throttle:
    """Counts failures by key: after five, the next try must wait 2 s, then 4 s, ... at most 15 min."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, float]] = {}

    def wait_s(self, key: str, now_s: float) -> float:
        """Seconds until the next try is allowed; 0 when it is now."""
        count, last_s = self._failures.get(key, (0, now_s))
        if count < FREE_TRIES:
            return 0.0
        wait_s: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(count - FREE_TRIES, 20))
        return max(0.0, last_s + wait_s - now_s)

    def failed(self, key: str, now_s: float) -> None:
        """Count a failure. Call it before the try and `succeeded` after, so that tries side by side count too."""
        count, last_s = self._failures.pop(key, (0, now_s))
        if now_s - last_s > FORGET_AFTER_S:
            count = 0
        self._failures[key] = (count + 1, now_s)
        if len(self._failures) > MAX_KEYS:
            del self._failures[next(iter(self._failures))]

    def count(self, key: str) -> int:
        """Return how many failures of a key are counted."""
        return self._failures.get(key, (0, 0.0))[0]

    def restore(self, key: str, count: int, now_s: float) -> None:
        """Take over what was counted before a restart, as if it had failed just now: a restart shortens no wait."""
        if count > 0:
            self._failures[key] = (count, now_s)

    def forgive(self, key: str) -> None:
        """Take the last failure back: what was tried was no guess."""
        count, last_s = self._failures.pop(key, (0, 0.0))
        if count > 1:
            self._failures[key] = (count - 1, last_s)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)
