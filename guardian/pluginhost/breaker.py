"""When to stop calling what keeps failing: three failures in a row open it for 30 s, doubling up to ten minutes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FAILURES = 3
FIRST_OPEN_S = 30.0
LONGEST_OPEN_S = 600.0


@dataclass(slots=True)
class Breaker:
    """State of one plugin's calls; times are monotonic seconds passed in."""

    failures: int = 0
    open_until_s: float = 0.0
    last_open_s: float = 0.0
    total_failures: int = 0

    def allows(self, now_s: float) -> bool:
        """Say whether a call may be tried."""
        return now_s >= self.open_until_s

    def succeeded(self) -> None:
        """A call went well."""
        self.failures = 0
        self.last_open_s = 0.0

    def failed(self, now_s: float) -> bool:
        """A call failed; return True when that opened the breaker."""
        self.failures += 1
        self.total_failures += 1
        if self.failures < FAILURES:
            return False
        self.last_open_s = min(LONGEST_OPEN_S, self.last_open_s * 2 or FIRST_OPEN_S)
        self.open_until_s = now_s + self.last_open_s
        self.failures = 0
        return True
