"""Protection: footage that nothing deletes, no age, no size and no full disk, until the owner lets go of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import structlog

from guardian.index.engine import IndexFile
from guardian.index.holds import HoldRepository
from guardian.model.errors import BadRequest, NotFound
from guardian.model.event import Event
from guardian.model.time import SECOND_US
from guardian.model.views import LASTING_US, Hold
from guardian.platform.clock import Clock, new_id
from guardian.platform.files import replace_file
from guardian.services.events import EventService

_log = structlog.get_logger(__name__)
NAME = "holds.json"
LONGEST_US = 31 * 86_400 * SECOND_US


class HoldService:
    """Implements `contract.Holds`. All holds are in memory, in the index, where retention looks, and in a file of their own,
    for an index that is made anew from the footage would know nothing of them.
    """

    def __init__(self, index: IndexFile, data_dir: Path, clock: Clock, events: EventService) -> None:
        self._repository, self._file, self._clock, self._events = HoldRepository(index), data_dir / NAME, clock, events
        self._holds: dict[str, Hold] = {}
        self._by_event: dict[str, Hold] = {}
        self._lock = asyncio.Lock()
        self.protected: Callable[[Hold], None] = lambda _: None  # told of what is put under protection, or ends now
        events.holds = self

    async def load(self) -> None:
        """Read them. Called before the first retention and after events left open were ended."""
        known = {hold.id: hold for hold in await self._repository.all()}
        missed = [hold for hold in await asyncio.to_thread(_read, self._file) if hold.id not in known]
        self._use(known | {hold.id: hold for hold in missed})
        ended = [hold for hold in self._holds.values() if hold.end_us >= LASTING_US]
        settled = [await self._settled(hold) for hold in ended]
        self._use(self._holds | {hold.id: hold for hold in settled})
        if missed or settled:
            await self._repository.put([*missed, *settled])
            await self._keep_file()

    def _use(self, holds: dict[str, Hold]) -> None:
        self._holds, self._by_event = holds, {hold.event_id: hold for hold in holds.values() if hold.event_id}

    async def _settled(self, hold: Hold) -> Hold:
        try:
            _, span = await self._events.clip_span(hold.event_id)
        except NotFound:
            return replace(hold, end_us=max(hold.start_us, hold.created_us))
        return replace(hold, end_us=span.end_us)

    # what is asked

    def of_event(self, event_id: str) -> Hold | None:
        """The hold of an event."""
        return self._by_event.get(event_id)

    async def list(self, camera: str | None = None, start_us: int = 0, end_us: int = LASTING_US) -> tuple[Hold, ...]:
        """Holds that share a moment with a span, by their begin."""
        found = [one for one in self._holds.values() if camera in (None, one.camera)]
        found = [one for one in found if one.start_us < end_us and one.end_us > start_us]
        return tuple(sorted(found, key=lambda one: (one.start_us, one.id)))

    # what is changed

    async def hold(self, camera: str, start_us: int, end_us: int) -> Hold:
        """Protect a span of a camera's footage; what is to come too."""
        if end_us <= start_us:
            raise BadRequest("the end is not after the start", field="end", cure="Give an end that is later than the start.")
        if end_us - start_us > LONGEST_US:
            raise BadRequest("the span is longer than 31 days", field="end", cure="Protect a shorter one.")
        async with self._lock:
            same = next((one for one in self._holds.values() if _key(one) == (camera, start_us, end_us, "")), None)
            return same or await self._put(Hold(new_id(self._clock), camera, start_us, end_us, "", self._now_us()))

    async def hold_event(self, event_id: str) -> Event:
        """Protect an event, its picture and the footage of its clip; of one that goes on, all that comes of it."""
        async with self._lock:
            event, span = await self._events.clip_span(event_id)
            if not event.protected:
                end_us = span.end_us if event.end_us is not None else LASTING_US
                await self._put(Hold(new_id(self._clock), event.camera, span.start_us, end_us, event_id, self._now_us()))
                return self._events.marked(event_id, event)
        return event

    async def release_event(self, event_id: str) -> Event:
        """Let go of an event; no error where it was not protected."""
        event, _ = await self._events.clip_span(event_id)
        async with self._lock:
            if (hold := self.of_event(event_id)) is not None:
                await self._drop(hold)
                return self._events.marked(event_id, event)
        return event

    async def release(self, hold_id: str) -> None:
        """Let go of a span. NotFound."""
        async with self._lock:
            hold = self._holds.get(hold_id)
            if hold is None:
                raise NotFound(f"there is no protection {hold_id!r}", field="id", cure="/api/v1/holds lists what there is.")
            await self._drop(hold)
        if hold.event_id:
            try:
                self._events.marked(hold.event_id, (await self._events.clip_span(hold.event_id))[0])
            except NotFound:
                pass

    async def event_ended(self, event_id: str) -> None:
        """The event is over: what is held of it ends with its clip."""
        async with self._lock:
            hold = self.of_event(event_id)
            if hold is not None and hold.end_us >= LASTING_US:
                await self._put(await self._settled(hold))

    async def _put(self, hold: Hold) -> Hold:
        await self._repository.put([hold])
        self._use(self._holds | {hold.id: hold})
        await self._keep_file()
        _log.info("footage_protected", camera=hold.camera)
        self.protected(hold)
        return hold

    async def _drop(self, hold: Hold) -> None:
        before = self._holds
        self._use({hold_id: one for hold_id, one in before.items() if hold_id != hold.id})
        try:
            await self._write_file()  # first: what only the file knew would come back
            await self._repository.delete(hold.id)
        except BaseException:
            self._use(before)
            raise
        _log.info("footage_released", camera=hold.camera)

    async def _keep_file(self) -> None:
        """Write the file; a disk that refuses does not undo what the index has."""
        try:
            await self._write_file()
        except OSError as error:
            _log.warning("holds_not_copied", problem=error.strerror)

    async def _write_file(self) -> None:
        holds = sorted(self._holds.values(), key=lambda one: one.id)
        text = json.dumps({"version": 1, "holds": [asdict(one) for one in holds]}, indent=1)
        await asyncio.to_thread(replace_file, self._file, text.encode() + b"\n")

    def _now_us(self) -> int:
        return self._clock.now().utc_us


def _key(hold: Hold) -> tuple[str, int, int, str]:
    return hold.camera, hold.start_us, hold.end_us, hold.event_id


def _read(path: Path) -> Sequence[Hold]:
    """Holds of the file; none where it is missing or damaged, for the index has them too."""
    try:
        return [Hold(**one) for one in json.loads(path.read_bytes())["holds"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("holds_not_read", problem=type(error).__name__)
        return []
