"""In this process: a job is done when it has been handed on, so the outbox itself is the queue, and outlives a crash."""

from __future__ import annotations

from guardian_cloud.queue.contract import Doer, Job


class EmbeddedQueue:
    """Does each job at once."""

    inline = True

    def __init__(self) -> None:
        self._doer: Doer | None = None

    async def start(self, doer: Doer) -> None:
        self._doer = doer

    async def hand_on(self, job: Job) -> None:
        assert self._doer is not None, "start() comes first"
        await self._doer(job)

    async def check(self) -> None:
        return None

    async def close(self) -> None:
        self._doer = None
