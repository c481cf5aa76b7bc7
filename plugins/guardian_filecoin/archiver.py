"""Drives the archive: what is wanted becomes packs, packs are named, copies go to their places and are fetched back.

Nothing is kept in memory that a restart would need. Every step is on the disk before the next begins, and each may be made
twice: after a crash the round simply goes on.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from guardian.sdk import Damaged, Event, GuardianError, Hold, SegmentRecord, ServiceUnavailable
from guardian_filecoin.choice import FORGET_AFTER_US, Wish, WishedSpan, fill
from guardian_filecoin.config import FilecoinConfig
from guardian_filecoin.fetching import Holder, car_from, check_start, checked_leaf
from guardian_filecoin.hashing import name_apart
from guardian_filecoin.ledger import Ledger, Pack
from guardian_filecoin.pack import Entry, bucket_for, capacity, packed_list
from guardian_filecoin.place import Held, NotYet, Parcel, Place
from guardian_filecoin.spool import Footage, Gone, Spool
from guardian_filecoin.states import LONGEST_WAIT_S, Breaker, Copy, State

MIB = 1024 * 1024
RECENT = 500  # sealed segments that may not be in the index yet when an event ends
STEPS = 12  # of one copy in a round: more is a place that goes round in circles
AT_ONCE = 50  # copies of a place in a round
CLOSE_AT, CAUGHT_UP = "close_at_us", "caught_up_us"
CATCH_UP_EVERY_US = 3_600_000_000
LATEST_OF_CLOSE = 1.25  # of close_after_hours: by chance, so that midnight does not show
SEGMENTS_A_PACK = 20_000
Segments = Callable[[str, str, int, int], Awaitable[tuple[SegmentRecord, ...]]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the archive is given. `chance()` gives numbers in 0..1."""

    seal_key: Callable[[bytes], bytes]
    footage: Footage
    segments: Segments
    now_us: Callable[[], int]
    cameras: Callable[[], Sequence[str]] = tuple
    chance: Callable[[], float] = random.random


class Archiver:
    """One archive. `prepare`, `serve` of each place, `free_spool` and `scrub` are called again and again, each by itself."""

    def __init__(
        self, config: FilecoinConfig, folder: Path, ledger: Ledger, places: Mapping[str, Place], around: Surroundings
    ) -> None:
        self.config, self.ledger, self.places, self._around = config, ledger, dict(places), around
        self.spool = Spool(folder / "spool")
        self.wish = Wish(
            config.everything,
            config.protected,
            frozenset(config.labels),
            frozenset(config.cameras),
            frozenset(config.streams),
            round(config.before_s * 1e6),
            round(config.after_s * 1e6),
        )
        self._recent: deque[SegmentRecord] = deque(maxlen=RECENT)
        self._breakers: dict[str, Breaker] = {}
        self._begun = self._caught_up = False

    async def _db(self, call: Callable[..., T], *values: Any) -> T:
        return await asyncio.to_thread(call, *values)

    # what is wanted

    async def segment_sealed(self, segment: SegmentRecord) -> None:
        """A segment is on the disk."""
        self._recent.append(segment)
        if self.wish.wants(segment, await self._db(self.ledger.spans)):
            await self._want([segment])

    async def event_ended(self, event: Event) -> None:
        """An event is over."""
        span = self.wish.span_of_event(event)
        if span is not None:
            await self._wish(span)

    async def footage_protected(self, hold: Hold) -> None:
        """A span is protected, or its end is known now."""
        span = self.wish.span_of_hold(hold)
        if span is not None:
            await self._wish(span)

    async def _wish(self, span: WishedSpan) -> None:
        """Take what is sealed of it by now; the rest as it comes."""
        await self._db(self.ledger.wish, span)
        found = [one for one in self._recent if self.wish.wants(one, [span])]
        for stream in sorted(self.wish.streams):
            indexed = await self._around.segments(span.camera, stream, span.start_us, span.end_us)
            found += [one for one in indexed if self.wish.wants(one, [span])]
        await self._want(found)

    async def _want(self, segments: Sequence[SegmentRecord]) -> None:
        if not segments or not self.places:
            return
        new = await self._db(self.ledger.want, segments)
        if new and not await self._db(self.ledger.note, CLOSE_AT):
            share = 2 - LATEST_OF_CLOSE + self._around.chance() * 2 * (LATEST_OF_CLOSE - 1)
            at_us = self._around.now_us() + round(self.config.close_after_hours * 3600e6 * share)
            await self._db(self.ledger.put_note, CLOSE_AT, str(at_us))

    # rounds

    async def round(self) -> None:
        """Do all that is due now, one after the other."""
        await self.prepare()
        await asyncio.gather(*(self.serve(name) for name in self.places))
        await self.free_spool()

    async def prepare(self) -> None:
        """Close the packs that are due, and name them."""
        if not self._begun:
            await self._begin()
        await self._catch_up()
        while await self._make_pack():
            pass
        for pack in await self._db(self.ledger.packs, "root IS NULL"):
            await self._name(pack)

    async def _begin(self) -> None:
        await self._db(lambda: self.spool.tidy(self.ledger.packs("here")))
        for name in self.places:
            await self._db(self.ledger.add_place, name)
        self._begun = True

    async def _catch_up(self) -> None:
        """Ask the index for what nobody told us of, because we were away or busy. At the start, and each hour."""
        now_us, last = self._around.now_us(), await self._db(self.ledger.note, CAUGHT_UP)
        if self._caught_up and last and 0 <= now_us - int(last) < CATCH_UP_EVERY_US:
            return
        for span in await self._db(self.ledger.spans):
            await self._wish(span)
            if span.is_over(now_us):
                await self._db(self.ledger.forget_span, span.why)
        if self.wish.everything:
            since_us = min(int(last or now_us), now_us) - FORGET_AFTER_US
            for camera in self._around.cameras():
                for stream in sorted(self.wish.streams):
                    found = await self._around.segments(camera, stream, since_us, now_us)
                    await self._want([one for one in found if self.wish.wants(one, ())])
        await self._db(self.ledger.put_note, CAUGHT_UP, str(now_us))
        self._caught_up = True

    async def _make_pack(self) -> bool:
        """Close a pack where enough waits, or what waits has waited long enough. Say whether there may be another."""
        if not self.places or await self._spooled_bytes() + self.config.pack_mib * MIB > self.config.spool_gb * 1e9:
            return False
        most = capacity(self.config.pack_mib)
        segments, now_us = await self._db(self.ledger.waiting, most, SEGMENTS_A_PACK), self._around.now_us()
        room = most - len(packed_list([Entry(one.path, one.size_bytes) for one in segments], now_us))
        count = fill([one.size_bytes for one in segments], room)
        full = count < len(segments)
        if not segments or not (full or await self._is_time(now_us)):
            return False
        chosen = segments[: max(count, 1)]  # one that is larger than the usual pack gets a larger one
        await self._close(chosen, now_us)
        if not full:
            await self._db(self.ledger.put_note, CLOSE_AT, "")
        return full

    async def _is_time(self, now_us: int) -> bool:
        at_us = int(await self._db(self.ledger.note, CLOSE_AT) or 0)
        longest_us = round(self.config.close_after_hours * 3600e6 * LATEST_OF_CLOSE)
        return now_us >= at_us or at_us - now_us > longest_us  # the clock was set back since

    async def _close(self, segments: Sequence[SegmentRecord], now_us: int) -> None:
        mib = bucket_for([Entry(one.path, one.size_bytes) for one in segments], now_us)
        if mib is None:  # a segment past a GB: nothing here makes such
            await self._db(self.ledger.missed, segments[0].header.segment_id)
            return
        try:
            file = await self.spool.write(segments, mib, now_us, self._around.seal_key, self._around.footage)
        except Gone as gone:
            await self._db(self.ledger.missed, gone.segment_id)
            return
        ids = [one.header.segment_id for one in segments]
        await self._db(self.ledger.add_pack, file, mib, now_us, ids, list(self.places))

    async def _spooled_bytes(self) -> int:
        return sum(pack.mib for pack in await self._db(self.ledger.packs, "here")) * MIB

    async def _name(self, pack: Pack) -> None:
        named = await asyncio.to_thread(name_apart, self.spool.path(pack))
        pack = replace(pack, leaves=named.leaves, root=named.root, piece=named.piece)
        for copy in await self._db(self.ledger.copies, pack.id):
            place = self.places.get(copy.place)
            if place is not None and place.kind != "folder":
                late_us = round(self.config.delay_minutes * 60e6 * self._around.chance())
                await self._db(self.ledger.keep, replace(copy, retry_us=self._around.now_us() + late_us))
        await self._db(self.ledger.name_pack, pack)

    # copies

    def held_back(self, name: str) -> bool:
        """Say whether nothing may go to a place yet."""
        return self.places[name].public and not self.config.accept_public

    async def serve(self, name: str) -> None:
        """Take copies to a place. Each place has its own time: one that is slow, or lies, holds up no other."""
        if self.held_back(name):
            return
        longest_us = round(max(LONGEST_WAIT_S, self.config.delay_minutes * 60) * 1e6)
        for copy in await self._db(self.ledger.due, name, self._around.now_us(), longest_us, AT_ONCE):
            if not self._breakers.get(name, Breaker()).allows(self._around.now_us()):
                return
            await self._bring(copy)

    async def _bring(self, copy: Copy) -> None:
        """Take a copy as far as it gets."""
        place, breaker = self.places[copy.place], self._breakers.get(copy.place, Breaker())
        pack = await self._db(self.ledger.pack, copy.pack)
        try:
            parcel = await self._parcel(pack, copy.place)
            for _ in range(STEPS):
                if copy.state is State.COMMITTED:
                    copy = await self._verified(copy, pack)
                    break
                copy = await place.advance(copy, parcel)
                await self._db(self.ledger.keep, copy)
            self._breakers[copy.place] = breaker.succeeded()
        except Damaged as error:  # not what we gave it: from the beginning; what is paid for is found again
            fresh = replace(copy.moved(State.WAITING), wait_s=copy.wait_s, looked_us=self._around.now_us())
            copy = fresh.later(self._around.now_us(), error.message, error.cure, self._around.chance())
        except GuardianError as error:
            copy = copy.later(self._around.now_us(), error.message, error.cure, self._around.chance())
            if not isinstance(error, NotYet):
                self._breakers[copy.place] = breaker.failed(self._around.now_us())
        await self._db(self.ledger.keep, copy)

    async def _verified(self, copy: Copy, pack: Pack, parts: int = 0) -> Copy:
        """Fetch random leaves back. Damaged where one is not what was sent."""
        layout, holder = pack.layout, self._holder(copy, pack)
        await check_start(holder, layout)
        every = range(len(layout.digests))
        wanted = parts or self.config.verify_parts
        for index in random.sample(every, min(wanted, len(every))):
            await checked_leaf(holder, layout, index)
        return replace(copy.moved(State.VERIFIED), looked_us=self._around.now_us())

    def _holder(self, copy: Copy, pack: Pack) -> Holder:
        return self.places[copy.place], Held(pack.root, pack.piece, copy.notes)

    async def _parcel(self, pack: Pack, place: str) -> Parcel:
        """The pack's CAR: from the spool, or where that is gone from other copies, each leaf checked."""
        layout = pack.layout
        if pack.here:
            return Parcel(pack.root, pack.piece, layout.car_bytes, lambda: self.spool.parts(pack, layout))
        copies = await self._db(self.ledger.copies, pack.id, None, State.VERIFIED)
        holders = [self._holder(one, pack) for one in copies if one.place in self.places and one.place != place]
        if not holders:
            raise ServiceUnavailable(
                "the pack is not here any more, and no other place has it", cure="Is another place back?"
            )
        return Parcel(pack.root, pack.piece, layout.car_bytes, lambda: car_from(holders, layout))

    async def free_spool(self) -> None:
        """Delete packs that every place has."""
        for pack in await self._db(self.ledger.brought, list(self.places)):
            await self._db(self.ledger.set_here, pack.id, False)
            await self.spool.drop(pack)

    # looking again

    async def scrub(self, share: float) -> int:
        """Look again at a share of all verified copies, by chance; what is lost is brought again. Return how many were lost."""
        verified = [
            one for one in await self._db(self.ledger.copies, None, None, State.VERIFIED) if one.place in self.places
        ]
        expected = len(verified) * share
        count = int(expected) + (self._around.chance() < expected - int(expected))
        lost = 0
        for copy in random.sample(verified, min(count, len(verified))):
            lost += bool(await self.look_at(copy, parts=1))
        return lost

    async def look_at(self, copy: Copy, parts: int) -> str:
        """Fetch parts of a verified copy (0: all) and return what is wrong, if the place answered at all."""
        pack = await self._db(self.ledger.pack, copy.pack)
        try:
            done = await self._verified(copy.moved(State.VERIFIED), pack, parts or len(pack.layout.digests))
        except Damaged as error:
            lost = copy.moved(State.WAITING).later(self._around.now_us(), error.message, error.cure, self._around.chance())
            await self._db(self.ledger.keep, lost)
            return error.message
        await self._db(self.ledger.keep, done)
        return ""

    async def close(self) -> None:
        """Close connections and the ledger."""
        for place in self.places.values():
            await place.close()
        await self._db(self.ledger.close)
