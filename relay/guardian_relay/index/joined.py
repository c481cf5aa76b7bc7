"""Invitations, the home that is joined, and what it has stated."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from guardian.protocol.trust import Statements
from guardian.protocol.v1 import trust_pb2 as trust
from guardian_relay.index.kept import kept
from guardian_relay.index.tables import home, invitations, statements

KEPT_INVITATIONS_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Joined:
    """Who is joined. `network`: the first 8 bytes of the tunnel's addresses."""

    home: bytes
    edge: bytes
    network: bytes
    joined_ms: int


@dataclass(frozen=True, slots=True)
class PairingSeen:
    """How an invitation stands."""

    state: str
    short_code: str


class JoinStore:
    """All of it. Codes are kept as hashes only."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def invite(self, code: bytes, expires_ms: int, now_ms: int) -> None:
        """Keep a new invitation, and forget those of long ago."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(invitations).where(invitations.c.expires_ms < now_ms - KEPT_INVITATIONS_MS))
            await connection.execute(insert(invitations).values(code=_digest(code), expires_ms=expires_ms))

    async def use(self, code: bytes, now_ms: int) -> bool:
        """Use a code up. False: unknown, used, or expired. The hash is looked up, so time tells nothing of the code."""
        async with self._engine.begin() as connection:
            done = await connection.execute(
                update(invitations)
                .where(invitations.c.code == _digest(code), invitations.c.used_ms == 0, invitations.c.expires_ms > now_ms)
                .values(used_ms=now_ms, state="enrolled")
            )
            return done.rowcount == 1

    async def set_pairing(self, code: bytes, state: str, short_code: str = "") -> None:
        """Keep how far an invitation's pairing is, for who asks."""
        async with self._engine.begin() as connection:
            row = update(invitations).where(invitations.c.code == _digest(code))
            await connection.execute(row.values(state=state, short_code=short_code))

    async def pairing(self, code: bytes | None = None) -> PairingSeen | None:
        """How the pairing of an invitation stands, or the newest that is under way."""
        query = select(invitations.c.state, invitations.c.short_code)
        if code is not None:
            query = query.where(invitations.c.code == _digest(code))
        else:
            query = query.where(invitations.c.state == "revealed").order_by(invitations.c.used_ms.desc()).limit(1)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).first()
        return PairingSeen(row[0], row[1]) if row is not None else None

    async def joined(self) -> Joined | None:
        """The home that is joined."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(home.c.home, home.c.edge, home.c.network, home.c.joined_ms))).first()
        return Joined(*row) if row is not None else None

    async def join(self, joined: Joined, said: Statements) -> None:
        """Take a home in, or the same one anew, with what it has stated."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(home))
            await connection.execute(
                insert(home).values(
                    one=1, home=joined.home, edge=joined.edge, network=joined.network, joined_ms=joined.joined_ms
                )
            )
            await connection.execute(delete(statements))
            for signed in said.all():
                subject = trust.Statement.FromString(signed.body).subject
                await connection.execute(
                    insert(statements).values(subject=subject, body=signed.body, signature=signed.signature)
                )

    async def statements(self, home_key: bytes) -> Statements:
        """What the home has stated; each is verified anew."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(statements.c.body, statements.c.signature))).all()
        return Statements(home_key, [trust.Signed(body=body, signature=signature) for body, signature in rows])

    async def keep_statement(self, signed: trust.Signed) -> None:
        """Keep one that was accepted. Unkept."""
        subject = trust.Statement.FromString(signed.body).subject
        async with kept(self._engine) as connection:
            await connection.execute(delete(statements).where(statements.c.subject == subject))
            await connection.execute(
                insert(statements).values(subject=subject, body=signed.body, signature=signed.signature)
            )

    async def forget(self) -> None:
        """The home is joined no more."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(home))
            await connection.execute(delete(statements))


def _digest(code: bytes) -> bytes:
    return hashlib.sha256(b"guardian invitation code v1\x00" + code).digest()
