"""Events from homes: kept first, acknowledged then, and told to whoever listens. Nothing in here can read what is sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from guardian.platform.clock import Clock, new_id
from guardian.protocol.v1.events_pb2 import Event as WireEvent
from guardian.protocol.v1.events_pb2 import EventBatch
from guardian_cloud.ca.authority import Identity
from guardian_cloud.ephemeral.contract import Ephemeral
from guardian_cloud.index import happenings, ingest, people
from guardian_cloud.index.engine import Store
from guardian_cloud.index.happenings import Event, Push
from guardian_cloud.index.ingest import Columns
from guardian_cloud.model.errors import BadRequest, NotFound, Unavailable
from guardian_cloud.model.roles import May
from guardian_cloud.services.caller import Caller

_log = structlog.get_logger(__name__)
MOST_EVENTS: Final = 500  # a batch
MOST_SEALED: Final = 68 * 1024  # the largest size class, and what sealing adds
MOST_PUSHES, MOST_PUSH = 32, 2990  # a push service takes 4096 bytes, with what base64url and web push add
KINDS, SIZES = range(1, 4), range(1, 5)
ALERT: Final = 1
WORK_CHANNEL: Final = "outbox"
_MOST_INT: Final = 1 << 62
_YEAR_3000_S: Final = 32_503_680_000
_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch."""

    up_to: int
    new: int
    dropped: int


def news_channel(tenant: str) -> str:
    """Where it is said that a tenant has news."""
    return f"tenant:{tenant}:news"


class Happenings:
    """The service."""

    def __init__(self, store: Store, ephemeral: Ephemeral, clock: Clock) -> None:
        self._store, self._ephemeral, self._clock = store, ephemeral, clock

    async def take(self, identity: Identity, batch: EventBatch) -> Taken:
        """Keep a batch; when this returns, it is durable. An event that is here already is not kept twice.

        One that is malformed is let go and counted: it would be malformed the next time, too, and hold up all behind it.
        """
        if not batch.events or len(batch.events) > MOST_EVENTS or not 0 < batch.first < _MOST_INT:
            raise BadRequest(f"a batch holds 1 to {MOST_EVENTS} events", field="events", cure="Send smaller batches.")
        up_to, now_us, columns, malformed = batch.first + len(batch.events) - 1, self._clock.now().utc_us, Columns(), 0
        seen: set[bytes] = set()
        for one in batch.events:
            if not _is_whole(one):
                malformed += 1
            elif one.id not in seen:
                seen.add(one.id)
                _add(columns, one)
        new = await ingest.take(
            self._store,
            identity.tenant,
            identity.device,
            columns,
            up_to=up_to,
            now_us=now_us,
            work=new_id(self._clock),
        )
        if malformed:
            _log.warning("events_malformed", tenant=identity.tenant, device=identity.device, count=malformed)
        if new:
            await self._tell(identity.tenant)
        return Taken(up_to, len(new), malformed)

    async def _tell(self, tenant: str) -> None:
        try:
            await self._ephemeral.tell(news_channel(tenant), b"events")
            await self._ephemeral.tell(WORK_CHANNEL, b"new")
        except Unavailable:  # they are kept: whoever waits looks again by themselves
            return

    async def page(self, caller: Caller, before: int | None, most: int) -> list[Event]:
        """Return events, the newest first."""
        caller.must(May.SEE_EVENTS)
        async with self._store.look(caller.tenant) as connection:
            return await happenings.before(connection, caller.tenant, before, most)

    async def sealed(self, caller: Caller, one: str) -> bytes:
        """Return the part of an event that only the home's vault opens."""
        caller.must(May.SEE_EVENTS)
        try:
            raw = bytes.fromhex(one)
        except ValueError:
            raise _no_event() from None
        async with self._store.look(caller.tenant) as connection:
            found = await happenings.event(connection, caller.tenant, raw)
        if found is None:
            raise _no_event()
        return found.sealed

    async def after(self, tenant: str, seq: int, most: int) -> list[Event]:
        """Return what came behind a number, in order; for streams, whose caller has been looked at."""
        async with self._store.look(tenant) as connection:
            return await happenings.after(connection, tenant, seq, most)

    async def newest(self, tenant: str) -> int:
        """Return the number of the newest event; 0: there is none."""
        async with self._store.look(tenant) as connection:
            found = await happenings.before(connection, tenant, None, 1)
        return found[0].seq if found else 0

    async def forget_old(self, keep_days: int) -> int:
        """Delete events of all tenants that are too old; return how many."""
        before_us, gone = self._clock.now().utc_us - keep_days * _DAY_US, 0
        async with self._store.jobs() as connection:
            tenants = await people.all_tenants(connection)
        for tenant in tenants:
            async with self._store.tenant(tenant) as connection:
                gone += await happenings.drop_old(connection, tenant, before_us)
        return gone


def _is_whole(event: WireEvent) -> bool:
    return (
        len(event.id) == 16
        and event.id[6] >> 4 == 7
        and len(event.camera) == 16
        and 0 < event.serial < _MOST_INT
        and 0 < event.time_s < _YEAR_3000_S
        and event.kind in KINDS
        and event.size in SIZES
        and 0 < len(event.sealed) <= MOST_SEALED
        and len(event.push) <= MOST_PUSHES
        and all(len(one.member) == 16 and 0 < len(one.sealed) <= MOST_PUSH for one in event.push)
    )


def _add(columns: Columns, event: WireEvent) -> None:
    if event.push:
        each = {one.member: one.sealed for one in event.push}  # a member is told of an event once
        columns.pushes[len(columns.ids)] = [Push(member, sealed) for member, sealed in each.items()]
    columns.ids.append(event.id)
    columns.cameras.append(event.camera)
    columns.serials.append(event.serial)
    columns.times_s.append(event.time_s)
    columns.kinds.append(event.kind)
    columns.sizes.append(event.size)
    columns.sealed.append(event.sealed)


def _no_event() -> NotFound:
    return NotFound("there is no such event", cure="It may have been kept long enough; GET …/events lists what is here.")
