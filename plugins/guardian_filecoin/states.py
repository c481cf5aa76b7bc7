"""The life of a copy of a pack at one place, and when to try again. Pure: every moment and every chance is passed in.

    waiting ─▶ uploading ─▶ parked ─▶ committing ─▶ committed ─▶ verified
       ▲           │           │           │             │           │
       └───────────┴───────────┴───────────┴─────────────┴───────────┘   lost, or not what it should be

A place may skip what it does not have: a folder goes from uploading to committed. `verified` is reached only by fetching
random leaves back and comparing them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 3600.0
FAILURES, FIRST_OPEN_S, LONGEST_OPEN_S = 3, 60.0, 1800.0  # of a place as a whole


class State(StrEnum):
    """Where a copy stands."""

    WAITING = "waiting"
    UPLOADING = "uploading"
    PARKED = "parked"
    COMMITTING = "committing"
    COMMITTED = "committed"
    VERIFIED = "verified"


NEXT: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.UPLOADING}),
    State.UPLOADING: frozenset({State.PARKED, State.COMMITTED, State.WAITING}),
    State.PARKED: frozenset({State.COMMITTING, State.COMMITTED, State.WAITING}),
    State.COMMITTING: frozenset({State.COMMITTED, State.PARKED, State.WAITING}),
    State.COMMITTED: frozenset({State.VERIFIED, State.WAITING}),
    State.VERIFIED: frozenset({State.WAITING}),
}


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy. `notes` are the place's own (an upload's address, a nonce); `wait_s` is the last wait, which the next grows from."""

    pack: int
    place: str
    state: State
    notes: dict[str, str]
    tries: int = 0
    retry_us: int = 0
    wait_s: float = 0.0
    problem: str = ""
    cure: str = ""
    looked_us: int = 0

    def moved(self, state: State, **notes: str) -> Copy:
        """Return it one step on. Staying is no step; what the table does not have is our bug."""
        if state is not self.state and state not in NEXT[self.state]:
            raise ValueError(f"a copy does not go from {self.state} to {state}")
        return replace(self, state=state, notes=self.notes | notes, tries=0, retry_us=0, wait_s=0.0, problem="", cure="")

    def later(self, now_us: int, problem: str, cure: str, chance: float) -> Copy:
        """Return it put off, after a failure; `chance` in 0..1."""
        wait_s = next_wait_s(self.wait_s, chance)
        due_us = now_us + round(wait_s * 1e6)
        return replace(self, tries=self.tries + 1, wait_s=wait_s, retry_us=due_us, problem=problem, cure=cure)


def next_wait_s(last_s: float, chance: float) -> float:
    """Decorrelated jitter (Brooker, 2015): somewhere between the first wait and three times the last, so that many do not
    come back at once.
    """
    most = max(FIRST_WAIT_S, 3 * last_s)
    return min(LONGEST_WAIT_S, FIRST_WAIT_S + chance * (most - FIRST_WAIT_S))


@dataclass(frozen=True, slots=True)
class Breaker:
    """Leaves a place alone that fails for every pack. Times in UTC microseconds."""

    failures: int = 0
    open_until_us: int = 0
    open_s: float = 0.0

    def allows(self, now_us: int) -> bool:
        """Say whether it may be tried. A clock that was set back is not waited for longer than the longest pause."""
        return now_us >= self.open_until_us or self.open_until_us - now_us > LONGEST_OPEN_S * 1e6

    def succeeded(self) -> Breaker:
        """It answered as it should."""
        return Breaker()

    def failed(self, now_us: int) -> Breaker:
        """It did not."""
        if self.failures + 1 < FAILURES:
            return replace(self, failures=self.failures + 1)
        open_s = min(LONGEST_OPEN_S, 2 * self.open_s or FIRST_OPEN_S)
        return Breaker(0, now_us + round(open_s * 1e6), open_s)
