"""What both kinds can do: take work over from the outbox, and have it done at least once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Job:
    """Work as it travels: ids and numbers, nothing of what it is about."""

    id: str
    tenant: str
    kind: str
    body: str


Doer = Callable[[Job], Awaitable[None]]
MOST_TRIES = 10


class Queue(Protocol):
    """Does work, or gives it to somebody who does."""

    inline: bool  # hand_on does the work itself: no transaction may be held meanwhile

    async def start(self, doer: Doer) -> None:
        """Begin; `doer` does one job, and raises where it must be tried again."""
        ...

    async def hand_on(self, job: Job) -> None:
        """Return when the job need not be kept here any more. Unavailable."""
        ...

    async def check(self) -> None:
        """Unavailable where it does not answer."""
        ...

    async def close(self) -> None:
        """End."""
        ...
