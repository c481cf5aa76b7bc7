"""Events found in plain words: "a person with a red jacket at the front door last night".

What events are found by is sealed: it is opened in memory while the vault is unlocked, and forgotten when it is locked. With
an embedder, events also fit by meaning; the vectors are made in a child process and kept sealed with the event's details.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import structlog

from guardian.index.engine import IndexFile
from guardian.index.events import EventRepository
from guardian.model.errors import BadRequest, GuardianError, VaultLocked
from guardian.model.event import Event, EventQuery, EventState
from guardian.model.time import SECOND_US
from guardian.model.views import Found, SearchResult
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.services.event_details import EventDetails, Vector
from guardian.services.insight import InsightService
from guardian.services.search_time import Span
from guardian.services.search_words import Findable, Wish, findable, fit, understand

if TYPE_CHECKING:
    from guardian.vault.keyring import Keyring

_log = structlog.get_logger(__name__)
MOST_EVENTS = 20_000  # the newest of the span; some 25 MB in memory with vectors, 4 s to open the first time
BATCH = 500
LONGEST = 300
LEAST_WORDS = 0.34
LEAST_MEANING = 0.35  # cosine of wordllama-256; what has nothing to do with it lies below 0.25
MEANING = 0.5  # share of meaning in the score
LEAST_OF_BEST = 0.45  # what fits less than this share of the best is left out
INSTALL = "Searched by words alone. For search by meaning: pip install 'private-ai-guardian[search]'."


@dataclass(slots=True)
class _Entry:
    """One event in memory."""

    event: Event
    findable: Findable
    vector: Vector | None


class SearchService:
    """Implements `contract.Search`. `embedder()`: the name of the embedder to use, or empty. `as_known(events)`: them with what
    changes without notice, such as verdicts.
    """

    def __init__(
        self,
        index: IndexFile,
        clock: Clock,
        keyring: Keyring,
        insight: InsightService,
        tasks: Tasks,
        *,
        names: Callable[[], Mapping[str, str]],
        embedder: Callable[[], str],
        as_known: Callable[[Sequence[Event]], Awaitable[tuple[Event, ...]]],
        used: Callable[[], None],
    ) -> None:
        self._repository, self._clock, self._keyring = EventRepository(index), clock, keyring
        self._details, self._insight, self._tasks = EventDetails(keyring), insight, tasks
        self._names, self._embedder, self._as_known, self._used = names, embedder, as_known, used
        self._entries: dict[str, _Entry] = {}

    def vault_changed(self, unlocked: bool) -> None:
        """Forget everything when the vault is locked."""
        if not unlocked:
            self._entries.clear()
            self._tasks.spawn(self._insight.close(), "end insight process")  # its memory holds what was searched

    def event_changed(self, event: Event) -> None:
        """What is known of an event is out of date."""
        self._entries.pop(event.id, None)

    async def search(self, sentence: str, behind_minutes: int = 0, limit: int = 50) -> SearchResult:
        """Find events, the best first. `behind_minutes`: how far the reader's clock is behind UTC, as browsers tell it."""
        if not self._keyring.unlocked:
            raise VaultLocked(
                "events are searched by what is sealed, and the vault is locked",
                cure="Unlock it on the Vault page or with `guardian vault unlock`, then search again.",
            )
        if not sentence.strip() or len(sentence) > LONGEST:
            raise BadRequest(f"q must be 1 to {LONGEST} characters", field="q", cure="Say in a few words what to find.")
        self._used()
        zone = timezone(timedelta(minutes=-behind_minutes))
        now = datetime.fromtimestamp(self._clock.now().utc_us / SECOND_US, UTC).astimezone(zone)
        names = self._names()
        wish = understand(sentence, now, names)
        entries = await self._fitting(wish)
        words = await asyncio.to_thread(fit, wish, [entry.findable for entry in entries])
        meanings, note = await self._meanings(wish, entries)
        scored = _best(entries, words, meanings)[:limit]
        events = await self._as_known([one.event for one in scored])
        start_us, end_us = _as_us(wish.span) if wish.span is not None else (None, None)
        return SearchResult(
            tuple(Found(event, one.score) for event, one in zip(events, scored, strict=True)),
            "words" if meanings is None else "meaning",
            note,
            wish.when,
            start_us,
            end_us,
            tuple(sorted(wish.cameras)),
        )

    async def _fitting(self, wish: Wish) -> list[_Entry]:
        start_us, end_us = _as_us(wish.span) if wish.span is not None else (None, None)
        events = await self._repository.newest(EventQuery(start_us=start_us, end_us=end_us), MOST_EVENTS)
        if wish.cameras:
            events = tuple(event for event in events if event.camera in wish.cameras)
        missing = [event for event in events if event.id not in self._entries]
        for at in range(0, len(missing), BATCH):
            part = missing[at : at + BATCH]
            sealed = await self._repository.details_of([event.id for event in part])
            opened = await asyncio.to_thread(self._open, part, sealed, self._names())
            if not self._keyring.unlocked:
                raise VaultLocked("the vault was locked meanwhile", cure="Unlock it, then search again.")
            self._entries.update(opened)
        return [self._entries[event.id] for event in events if event.id in self._entries]

    def _open(self, events: Sequence[Event], sealed: Mapping[str, bytes], names: Mapping[str, str]) -> dict[str, _Entry]:
        entries = {}
        for event in events:
            whole, vector = (
                self._details.opened_with_vector(event, sealed[event.id]) if event.id in sealed else (event, None)
            )
            whole = replace(whole, path=())
            entries[event.id] = _Entry(whole, findable(whole, names.get(event.camera, event.camera)), vector)
        return entries

    # by meaning

    async def _meanings(self, wish: Wish, entries: Sequence[_Entry]) -> tuple[dict[str, float] | None, str]:
        """How near each event is to the wish, by id; None, and why, where only words were compared."""
        name = self._embedder()
        if not name:
            return None, INSTALL
        if not wish.text or not entries:
            return None, ""
        try:
            await self._embed([entry for entry in entries if entry.vector is None or entry.vector.embedder != name], name)
            known = [entry for entry in entries if entry.vector is not None and entry.vector.embedder == name]
            near = await self._insight.rank(name, wish.text, [one.vector.data for one in known if one.vector is not None])
        except GuardianError as error:
            return None, f"Searched by words alone: {error.message}."
        return {entry.event.id: score for entry, score in zip(known, near, strict=True)}, ""

    async def _embed(self, entries: Sequence[_Entry], name: str) -> None:
        for at in range(0, len(entries), BATCH):
            part = entries[at : at + BATCH]
            vectors = await self._insight.embed(name, [entry.findable.sentence for entry in part])
            for entry, data in zip(part, vectors, strict=True):
                entry.vector = Vector(name, data)
        ended = [entry for entry in entries if entry.event.state is EventState.ENDED]
        if ended:
            self._tasks.spawn(self._keep(ended), "keep vectors")

    async def _keep(self, entries: Sequence[_Entry]) -> None:
        """Seal new vectors with their events' details."""
        for at in range(0, len(entries), BATCH):
            part = entries[at : at + BATCH]
            sealed = await self._repository.details_of([entry.event.id for entry in part])
            changes = await asyncio.to_thread(self._with_vectors, part, sealed)
            if changes:
                await self._repository.replace_details(changes)

    def _with_vectors(self, entries: Sequence[_Entry], sealed: Mapping[str, bytes]) -> list[tuple[str, bytes, bytes]]:
        changes = []
        for entry in entries:
            old = sealed.get(entry.event.id)
            if old is not None and entry.vector is not None:
                new = self._details.with_vector(entry.event, old, entry.vector)
                if new is not old:
                    changes.append((entry.event.id, old, new))
        return changes


def _best(entries: Sequence[_Entry], words: Sequence[float], meanings: Mapping[str, float] | None) -> list[Found]:
    """The events that fit, the best first, of equal ones the newest."""
    found = []
    for entry, word in zip(entries, words, strict=True):
        meaning = max(0.0, (meanings or {}).get(entry.event.id, 0.0))
        score = word if meanings is None else (1 - MEANING) * word + MEANING * min(1.0, meaning)
        if word >= LEAST_WORDS or meaning >= LEAST_MEANING:
            found.append(Found(entry.event, round(score, 4)))
    found.sort(key=lambda one: (-one.score, -one.event.start_us))
    return [one for one in found if one.score >= found[0].score * LEAST_OF_BEST]


def _as_us(span: Span) -> tuple[int, int]:
    start, end = (round(moment.timestamp() * SECOND_US) for moment in span)
    return start, end
