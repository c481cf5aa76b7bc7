"""When to try a camera again. Pure: jitter is passed in."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_S = 0.5
# Longest waits by kind of fault. Recording must go on within 5 s of a camera's return, so who does not answer is asked
# every 3 s; a camera that refuses the login locks accounts that knock too often.
LONGEST_S = {
    "unreachable": 3.0,
    "stalled": 3.0,
    "device_fault": 3.0,
    "path_not_found": 10.0,
    "not_a_video": 10.0,
    "login_refused": 30.0,
}
FIRST_OF_S = {"login_refused": 5.0, "path_not_found": 2.0, "not_a_video": 5.0}
FACTOR = 2.0
JITTER = 0.2  # so that sixteen cameras do not knock at once after a power cut
LONG_RUN_S = 20.0


@dataclass(slots=True)
class Backoff:
    """Waits of one stream; they grow while it fails the same way and begin anew after a good run."""

    last_s: float = 0.0
    code: str = ""

    def next_s(self, code: str, ran_s: float, jitter: float) -> float:
        """Return how long to wait after a fault. `ran_s`: how long it worked before; `jitter` in 0..1."""
        if ran_s > LONG_RUN_S or code != self.code:
            self.last_s = 0.0
        self.code = code
        first = FIRST_OF_S.get(code, FIRST_S)
        self.last_s = min(LONGEST_S.get(code, 10.0), self.last_s * FACTOR or first)
        return self.last_s * (1 - JITTER * jitter)
