"""Events: stored, listed, told to everybody who listens, deleted with their pictures."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog

from guardian.detect.desk import percentile_ms
from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository
from guardian.index.verdicts import VerdictRepository
from guardian.model.errors import BadRequest, Conflict, GuardianError, NotFound
from guardian.model.event import VERDICTS, Attribute, Event, EventChange, EventQuery, EventState, Judged
from guardian.model.ids import is_uuid7
from guardian.model.messages import EventReport
from guardian.model.time import SECOND_US, Span
from guardian.platform.clock import Clock
from guardian.services.event_details import EventDetails
from guardian.store.local import inside, remove

if TYPE_CHECKING:
    from guardian.model.views import Hold
    from guardian.vault.keyring import Keyring

_log = structlog.get_logger(__name__)
LATEST_DELAYS = 256  # of which percentiles are taken
REPLAY = 500  # changes kept for streams that come back
QUEUE = 256  # changes that wait for one slow listener; full: drop its oldest update, never a start, end or delete
WRITE_EVERY_US = 3 * SECOND_US  # an update rewrites the whole path: not each second
FORGOTTEN = 1000  # deleted events whose late reports are ignored
DROP_BATCH = 200
LATELY = 64  # events that have ended and may still be described
WORDS = 500
PAGE = 200  # events read at once
Words = tuple[str, tuple[Attribute, ...]]
T = TypeVar("T")


class Protection(Protocol):
    """What is protected (`services.holds.HoldService`)."""

    def of_event(self, event_id: str) -> Hold | None: ...


@dataclass(slots=True, eq=False)
class _Listener:
    """One stream of changes."""

    waiting: deque[EventChange] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    def offer(self, change: EventChange) -> None:
        if len(self.waiting) >= QUEUE and not self._drop_update():
            self.ended = True  # hopelessly behind: it may come back with its last serial
        else:
            self.waiting.append(change)
        self.wake.set()

    def _drop_update(self) -> bool:
        for at, change in enumerate(self.waiting):
            if change.what == "update":
                del self.waiting[at]
                return True
        return False


class EventService:
    """Implements `contract.Events`. `changed(what, event)` is told of every start, update, end and delete."""

    def __init__(
        self,
        index: IndexFile,
        data_dir: Path,
        clock: Clock,
        keyring: Keyring,
        clip_margins: Callable[[str], tuple[float, float]],
        changed: Callable[[str, Event], None],
    ) -> None:
        self._repository = EventRepository(index)
        self._verdicts = VerdictRepository(index)
        self._judged: dict[str, str] = {}  # verdicts on events that still last: their camera's process knows of none
        self._pictures, self._clock, self._keyring = data_dir / "pictures", clock, keyring
        self._details = EventDetails(keyring)
        self._clip_margins, self._changed = clip_margins, changed
        self.holds: Protection | None = None
        self._active: dict[str, Event] = {}
        self._written_us: dict[str, int] = {}
        self._unwritten: list[Event] = []
        self._writing = asyncio.Lock()
        self._forgotten: deque[str] = deque(maxlen=FORGOTTEN)
        self._words: OrderedDict[str, Words] = OrderedDict()
        self._lately: OrderedDict[str, Event] = OrderedDict()
        self._recent: deque[EventChange] = deque(maxlen=REPLAY)
        self._listeners: set[_Listener] = set()
        # Grows over restarts too, so that a listener that comes back after one is not told to wait for old numbers.
        self._serial = clock.now().utc_us // 1000
        self._closed = False
        self._delays_s: deque[float] = deque(maxlen=LATEST_DELAYS)

    # what happens

    async def end_left_open(self) -> None:
        """End what a crash left active, at the last moment known. Called before any camera starts."""
        left = await self._repository.left_open()
        await self._repository.end([(event.id, last_us) for event, last_us in left])

    async def report(self, report: EventReport) -> None:
        """Take what a camera's process says of an event."""
        event = self._with_words(report.event)
        if not is_uuid7(event.id) or event.id in self._forgotten:
            return
        what = report.what
        if what == "end":
            event = _ended(event, event.end_us if event.end_us is not None else _last_known(event))
            self._active.pop(event.id, None)
            _remember(self._lately, event.id, event, LATELY)
        else:
            self._active[event.id] = event
        if self._is_due(event, what):
            await self._write(event)
        self._tell(what, self._with_protection(event))
        if report.arrived_us:
            self._delays_s.append((self._clock.now().mono_us - report.arrived_us) / SECOND_US)
        if what == "end" and self._judged.pop(event.id, ""):
            await self._verdicts.refresh(event, await self._repository.details(event.id))

    def delay_ms(self) -> tuple[float, float]:
        """From the packet that made something an event until all were told: median and 95th percentile of the latest, ms."""
        return percentile_ms(self._delays_s, 50), percentile_ms(self._delays_s, 95)

    async def describe(self, event_id: str, sub_label: str, attributes: tuple[Attribute, ...]) -> None:
        """Take what classifiers say of an event's thing; of one that has just ended, too."""
        if event_id in self._forgotten:
            return
        _remember(self._words, event_id, (sub_label, attributes), WORDS)
        event = self._active.get(event_id)
        if event is not None:
            event = self._active[event_id] = self._with_words(event)
            self._tell("update", self._with_protection(event))
        elif (event := self._lately.get(event_id)) is not None:
            event = self._lately[event_id] = self._with_words(event)
            await self._write(event)
            (told,) = await self.as_known([event])
            if told.verdict:
                await self._verdicts.refresh(event, await self._repository.details(event_id))
            self._tell("update", told)

    def _with_words(self, event: Event) -> Event:
        sub_label, attributes = self._words.get(event.id, ("", ()))
        return replace(event, sub_label=sub_label, attributes=attributes) if sub_label or attributes else event

    def _is_due(self, event: Event, what: str) -> bool:
        now_us = self._clock.now().mono_us
        if what == "end":
            self._written_us.pop(event.id, None)
            return True
        if what == "start" or now_us - self._written_us.get(event.id, -WRITE_EVERY_US) >= WRITE_EVERY_US:
            self._written_us[event.id] = now_us
            return True
        return False

    async def _write(self, event: Event) -> None:
        """Store an event; those that come while others are stored go in one transaction."""
        self._unwritten.append(event)
        async with self._writing:
            events = [one for one in self._unwritten if one.id not in self._forgotten]
            self._unwritten = []
            if events:
                await asyncio.shield(self._store(events))  # whoever reported it may go meanwhile

    async def _store(self, events: Sequence[Event]) -> None:
        try:
            await self._repository.put(events, self._details.seal)
        except Exception as error:  # noqa: BLE001 - what a hostile camera has its process say may be more than a database takes
            if len(events) > 1:  # what one camera says takes nothing from another
                for event in events:
                    await self._store([event])
            elif isinstance(error, GuardianError):  # those who listen are told all the same
                _log.error("event_not_stored", camera=events[0].camera, problem=error.message, cure=error.cure)
            else:
                _log.exception("event_not_stored", camera=events[0].camera)

    async def close_camera(self, camera: str, at_us: int) -> None:
        """End every event of a camera whose process is gone."""
        for event in [event for event in self._active.values() if event.camera == camera]:
            await self.report(EventReport("end", replace(event, end_us=max(event.start_us, at_us))))

    def _tell(self, what: str, event: Event) -> None:
        self._serial += 1
        change = EventChange(self._serial, what, event)
        self._recent.append(change)
        for listener in self._listeners:
            listener.offer(change)
        self._changed(what, event)

    # what is asked

    async def list(self, query: EventQuery) -> tuple[tuple[Event, ...], str | None]:
        """A page of events, newest first, and the cursor of the next page."""
        page, cursor = await self._repository.list(query)
        return await self.as_known(await self._with_details(page)), cursor

    async def since(self, start_us: int) -> tuple[Event, ...]:
        """Events that were going on at a moment or have begun since, the oldest first."""
        found: list[Event] = []
        cursor: str | None = None
        while True:
            page, cursor = await self.list(EventQuery(start_us=start_us, limit=PAGE, cursor=cursor))
            found.extend(page)
            if cursor is None:
                return tuple(reversed(found))

    async def as_known(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """The events as they are by now: those that last as they are told of, all with their verdicts and protection."""
        given = await self._verdicts.of([event.id for event in events])
        told = [replace(self._active.get(event.id, event), verdict=given.get(event.id, "")) for event in events]
        return tuple(self._with_protection(event) for event in told)

    async def _with_details(self, page: tuple[Event, ...]) -> tuple[Event, ...]:
        """Add what classifiers said, as long as the vault is unlocked; paths are told of one event by itself."""
        if not self._keyring.unlocked:
            return page
        sealed = await self._repository.details_of([event.id for event in page])

        def opened() -> tuple[Event, ...]:
            told = [self._details.opened(event, sealed[event.id]) if event.id in sealed else event for event in page]
            return tuple(replace(event, path=()) for event in told)

        return await asyncio.to_thread(opened)

    def _with_protection(self, event: Event) -> Event:
        if judged := self._judged.get(event.id):
            event = replace(event, verdict=judged)
        held = self.holds is not None and self.holds.of_event(event.id) is not None
        return replace(event, protected=True) if held else event

    def marked(self, event_id: str, event: Event) -> Event:
        """Tell everybody that an event is protected now, or no longer; return it as it is."""
        event = self._with_protection(self._active.get(event_id, replace(event, protected=False)))
        self._tell("update", event)
        return event

    async def get(self, event_id: str) -> Event:
        """One event, with where it was as long as the vault is unlocked."""
        event = await self._known(event_id)
        if event_id in self._active or not self._keyring.unlocked:
            return event
        sealed = await self._repository.details(event_id)
        return event if sealed is None else await asyncio.to_thread(self._details.opened, event, sealed)

    async def _known(self, event_id: str) -> Event:
        event = self._active.get(event_id) or await self._repository.get(event_id)
        if event is None:
            raise NotFound(f"there is no event {event_id!r}", field="id", cure="It may have been deleted with its footage.")
        given = await self._verdicts.of([event_id])
        return self._with_protection(replace(event, verdict=given.get(event_id, "")))

    async def judge(self, event_id: str, verdict: str) -> Event:
        """Keep what the owner thinks of an event, `right` or `wrong`, or take it back (empty); return the event.

        Its facts are kept with it, where it was sealed, so that thresholds can learn from it when footage and event are gone.
        """
        if verdict and verdict not in VERDICTS:
            raise BadRequest(
                f"{verdict!r} is no verdict", field="verdict", cure="Say right or wrong, or null to take it back."
            )
        event = await self._known(event_id)
        if verdict:
            details = await self._repository.details(event_id)
            await self._verdicts.put(Judged(event, verdict, self._clock.now().utc_us, details))
        else:
            await self._verdicts.forget([event_id])
        self._judged.pop(event_id, None)
        if verdict and event_id in self._active:
            self._judged[event_id] = verdict
        judged = replace(await self.get(event_id), verdict=verdict)
        self._tell("update", judged)
        return judged

    async def labels(self) -> tuple[str, ...]:
        """Labels that occur."""
        return await self._repository.labels()

    async def snapshot(self, event_id: str) -> bytes:
        """JPEG of the event's best moment."""
        event = await self._known(event_id)
        if not event.snapshot:
            raise NotFound("this event has no picture", field="id")
        path = inside(self._pictures, event.snapshot)
        try:
            return await asyncio.to_thread(_open, path, self._keyring)
        except FileNotFoundError:
            raise NotFound("the picture of this event is gone", field="id") from None

    async def clip_span(self, event_id: str) -> tuple[Event, Span]:
        """The event and the span of its clip. Of an event that lasts: until now."""
        event = await self.get(event_id)
        before_s, after_s = self._clip_margins(event.camera)
        end_us = event.end_us if event.end_us is not None else self._clock.now().utc_us
        return event, Span(event.start_us - round(before_s * SECOND_US), end_us + round(after_s * SECOND_US))

    # deletion

    async def delete(self, event_id: str) -> None:
        """Delete an event, its picture and its verdict; its footage stays until retention takes it. Conflict while it is
        protected. (Retention takes no verdicts: they are what tuning learns from.)
        """
        event = await self._known(event_id)
        if event.protected:
            raise Conflict("the event is protected", field="id", cure="Take the protection off first.")
        await self._drop([event])
        await self._verdicts.forget([event_id])

    async def drop_without_footage(self, camera: str, before_us: int) -> int:
        """Delete a camera's events that ended before a moment and have no footage left; return how many."""
        count = 0
        while events := await self._repository.without_footage(camera, before_us, DROP_BATCH):
            await self._drop(events)
            count += len(events)
        return count

    async def _drop(self, events: Sequence[Event]) -> None:
        await self._repository.delete([event.id for event in events])
        for event in events:
            if self._active.pop(event.id, None) is not None:
                self._forgotten.append(event.id)
                self._written_us.pop(event.id, None)
            self._judged.pop(event.id, None)
            self._lately.pop(event.id, None)
            self._words.pop(event.id, None)
            if event.snapshot:
                await asyncio.to_thread(remove, inside(self._pictures, event.snapshot))
            self._tell("delete", event)

    # streams

    async def stream(self, after_serial: int | None = None) -> AsyncIterator[EventChange]:
        """Changes as they happen, after a serial where one is given and still held (else from the oldest held)."""
        listener = _Listener()
        if after_serial is not None:
            known = after_serial <= self._serial
            listener.waiting.extend(change for change in self._recent if not known or change.serial > after_serial)
        listener.ended = self._closed
        self._listeners.add(listener)
        try:
            while True:
                while listener.waiting:
                    yield listener.waiting.popleft()
                if listener.ended:
                    return
                listener.wake.clear()
                await listener.wake.wait()
        finally:
            self._listeners.discard(listener)

    async def close(self) -> None:
        """End all streams."""
        self._closed = True
        for listener in self._listeners:
            listener.ended = True
            listener.wake.set()


def _remember(kept: OrderedDict[str, T], key: str, value: T, most: int) -> None:
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)


def _last_known(event: Event) -> int:
    return max(event.start_us, event.end_us or 0, event.snapshot_us, *(point.utc_us for point in event.path[-1:]))


def _ended(event: Event, end_us: int) -> Event:
    return replace(event, state=EventState.ENDED, end_us=end_us)


def _open(path: Path, keyring: Keyring) -> bytes:
    from guardian.vault.reader import open_whole

    return open_whole(path, keyring)
