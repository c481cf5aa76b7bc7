"""What is known of a home itself: what its key has signed, and how its edge was. The cloud carries statements and can neither make nor change one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from google.protobuf.message import DecodeError

from guardian.platform.clock import Clock
from guardian.protocol.readings import known
from guardian.protocol.trust import Statements, Untrusted
from guardian.protocol.v1.events_pb2 import Telemetry
from guardian.protocol.v1.trust_pb2 import Role, Signed, Statement
from guardian_cloud.ca.authority import Identity
from guardian_cloud.index import audit, homes
from guardian_cloud.index.engine import Store
from guardian_cloud.index.homes import Sample
from guardian_cloud.model.roles import May
from guardian_cloud.services.caller import Caller

_log = structlog.get_logger(__name__)
MOST_STATEMENTS: Final = 64  # of one home; a relay that makes up subjects fills no disk
EACH_S: Final = 300
KEEP_S: Final = 8 * 86_400
AHEAD_S: Final = 600  # an edge's clock may be ahead of ours
MOST_SAMPLES: Final = 300  # of one report


@dataclass(frozen=True, slots=True)
class Stated:
    """One key that the home's own has spoken of. `role`: edge, relay or member."""

    subject: str
    role: str
    number: int
    revoked: bool
    issued_ms: int
    expires_ms: int
    signing_key: str


class Homes:
    """The service."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def stated(self, identity: Identity, signed: Signed) -> bool:
        """Take a statement that a relay has brought; say whether it is news. One that its home did not sign is dropped, and so is an older one."""
        try:
            statement = Statement.FromString(signed.body)
            async with self._store.tenant(identity.tenant) as connection:
                held = await homes.statements_of(connection, identity.tenant, statement.home)
                if not Statements(statement.home, held).accept(signed):
                    return False
                there = {Statement.FromString(one.body).subject for one in held}
                if len(there | {statement.subject}) > MOST_STATEMENTS:
                    raise Untrusted("there are too many")
                now_us = self._clock.now().utc_us
                home, subject = statement.home, statement.subject
                await homes.keep_statement(connection, identity.tenant, identity.device, home, subject, signed, now_us)
                await audit.append(
                    connection,
                    identity.tenant,
                    at_us=now_us,
                    actor=identity.device,
                    action=f"home.{'took_out' if statement.revoked else 'signed'}_{_role(statement)}",
                    thing=statement.subject.hex(),
                    origin="",
                )
        except (DecodeError, Untrusted) as error:
            _log.warning("statement_refused", tenant=identity.tenant, device=identity.device, error=type(error).__name__)
            return False
        return True

    async def statements(self, caller: Caller, home: str) -> list[Stated]:
        """Return what a home's key has signed, each verified anew."""
        caller.must(May.SEE_FLEET)
        if not home:
            return []
        key = bytes.fromhex(home)
        async with self._store.look(caller.tenant) as connection:
            held = await homes.statements_of(connection, caller.tenant, key)
        return [_stated(Statement.FromString(one.body)) for one in Statements(key, held).all()]

    async def was(self, identity: Identity, samples: list[Telemetry]) -> None:
        """Keep how an edge was."""
        now_s = self._clock.now().utc_us // 1_000_000
        found = {
            one.time_s // EACH_S * EACH_S: Sample(one.time_s // EACH_S * EACH_S, known(one.readings))
            for one in samples[:MOST_SAMPLES]
            if now_s - KEEP_S < one.time_s < now_s + AHEAD_S
        }
        if found:
            async with self._store.tenant(identity.tenant) as connection:
                before_s = now_s - KEEP_S
                await homes.keep_health(connection, identity.tenant, identity.device, list(found.values()), before_s)

    async def health(self, caller: Caller, device: str, hours: int) -> list[Sample]:
        """Return how an edge was, the oldest first."""
        caller.must(May.SEE_FLEET)
        since_s = self._clock.now().utc_us // 1_000_000 - hours * 3600
        async with self._store.look(caller.tenant) as connection:
            return await homes.health_of(connection, caller.tenant, device, since_s)


def _role(statement: Statement) -> str:
    return str(Role.Name(statement.role)).removeprefix("ROLE_").lower()


def _stated(one: Statement) -> Stated:
    return Stated(
        one.subject.hex(), _role(one), one.number, one.revoked, one.issued_ms, one.expires_ms, one.signing_key.hex()
    )
