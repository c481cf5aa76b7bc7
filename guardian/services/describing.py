"""Has classifiers look at the crops of an event's best pictures, and tells the event what they say together.

One crop an event waits at most, the newest; a full queue drops the event that has waited longest. Nothing waits for it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from guardian.events.votes import Votes
from guardian.interfaces import ClassifierKind
from guardian.model.errors import GuardianError
from guardian.model.event import Attribute
from guardian.model.messages import CropSeen
from guardian.services.insight import InsightService

MOST_WAITING = 32  # events; full: the oldest goes
MOST_REMEMBERED = 200  # events whose votes are kept
BIGGEST_CROP = 2 * 1024 * 1024

Tell = Callable[[str, str, tuple[Attribute, ...]], Awaitable[None]]


class DescribeService:
    """`classifiers(camera)`: what the owner wants asked of it. `tell(event id, sub-label, attributes)` is told what stands."""

    def __init__(self, insight: InsightService, classifiers: Callable[[str], Sequence[ClassifierKind]], tell: Tell) -> None:
        self._insight, self._classifiers, self._tell = insight, classifiers, tell
        self._waiting: OrderedDict[str, tuple[str, CropSeen, bytes]] = OrderedDict()
        self._votes: OrderedDict[str, Votes] = OrderedDict()
        self._ready = asyncio.Event()
        self.dropped = 0

    def take(self, camera: str, seen: CropSeen, jpeg: bytes) -> None:
        """Take a crop; never blocks."""
        if not 0 < len(jpeg) <= BIGGEST_CROP:
            return
        self._waiting.pop(seen.event_id, None)
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popitem(last=False)
            self.dropped += 1
        self._waiting[seen.event_id] = (camera, seen, jpeg)
        self._ready.set()

    async def run(self) -> None:
        """Look at one crop after the other, for ever."""
        while True:
            await self._ready.wait()
            while self._waiting:
                _, (camera, seen, jpeg) = self._waiting.popitem(last=False)
                await self._look(camera, seen, jpeg)
            self._ready.clear()

    async def _look(self, camera: str, seen: CropSeen, jpeg: bytes) -> None:
        votes = self._votes.pop(seen.event_id, None) or Votes()
        self._votes[seen.event_id] = votes
        if len(self._votes) > MOST_REMEMBERED:
            self._votes.popitem(last=False)
        before = votes.result()
        for kind in self._classifiers(camera):
            if kind.labels and seen.label not in kind.labels:
                continue
            try:
                votes.add(await self._insight.classify(kind.name, seen.label, jpeg), max(0.01, seen.quality))
            except GuardianError:
                continue  # the insight service has said so, and counts
        if (result := votes.result()) != before:
            await self._tell(seen.event_id, *result)
