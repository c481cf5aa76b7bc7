"""Users, sessions and API tokens. Passwords come hashed, secrets of sessions and tokens as SHA-256."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from guardian.index.engine import IndexFile
from guardian.index.tables import sessions, tokens, users
from guardian.model.views import TokenInfo


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it is kept."""

    secret_hash: bytes
    user: str
    csrf: str
    created_us: int
    last_used_us: int


class AccountRepository:
    """The repository of accounts."""

    def __init__(self, index: IndexFile) -> None:
        self._index = index

    async def add_user(self, name: str, password_hash: str, now_us: int) -> bool:
        """Store a user; False where there is one of that name."""
        async with self._index.write(durable=True) as connection:
            row = {"name": name, "password_hash": password_hash, "created_us": now_us}
            done = await connection.execute(insert(users).values(row).on_conflict_do_nothing())
            return done.rowcount == 1

    async def set_password_hash(self, name: str, password_hash: str) -> bool:
        """Replace a user's password hash; False where there is no such user."""
        async with self._index.write(durable=True) as connection:
            done = await connection.execute(sa.update(users).where(users.c.name == name).values(password_hash=password_hash))
            return done.rowcount == 1

    async def password_hash(self, name: str) -> str | None:
        """A user's password hash, or None."""
        async with self._index.read() as connection:
            return await connection.scalar(sa.select(users.c.password_hash).where(users.c.name == name))

    async def users(self) -> tuple[str, ...]:
        """Names of users, the first made first."""
        async with self._index.read() as connection:
            return tuple(await connection.scalars(sa.select(users.c.name).order_by(users.c.created_us, users.c.name)))

    async def add_session(self, session: StoredSession, idle_before_us: int) -> None:
        """Store a session, and drop those not used since a moment."""
        async with self._index.write() as connection:
            await connection.execute(sa.delete(sessions).where(sessions.c.last_used_us < idle_before_us))
            await connection.execute(
                sa.insert(sessions).values(
                    secret_hash=session.secret_hash,
                    user=session.user,
                    csrf=session.csrf,
                    created_us=session.created_us,
                    last_used_us=session.last_used_us,
                )
            )

    async def session(self, secret_hash: bytes) -> StoredSession | None:
        """One session, or None."""
        async with self._index.read() as connection:
            row = (await connection.execute(sa.select(sessions).where(sessions.c.secret_hash == secret_hash))).first()
        return None if row is None else StoredSession(row.secret_hash, row.user, row.csrf, row.created_us, row.last_used_us)

    async def use_session(self, secret_hash: bytes, now_us: int) -> None:
        """Note that a session is in use."""
        async with self._index.write() as connection:
            await connection.execute(
                sa.update(sessions).where(sessions.c.secret_hash == secret_hash).values(last_used_us=now_us)
            )

    async def delete_session(self, secret_hash: bytes) -> None:
        """End one session."""
        async with self._index.write(durable=True) as connection:
            await connection.execute(sa.delete(sessions).where(sessions.c.secret_hash == secret_hash))

    async def delete_sessions_of(self, user: str) -> None:
        """End all sessions of a user."""
        async with self._index.write(durable=True) as connection:
            await connection.execute(sa.delete(sessions).where(sessions.c.user == user))

    async def add_token(self, token: TokenInfo, secret_hash: bytes) -> None:
        """Store an API token."""
        async with self._index.write(durable=True) as connection:
            await connection.execute(
                sa.insert(tokens).values(
                    id=token.id,
                    name=token.name,
                    user=token.user,
                    secret_hash=secret_hash,
                    created_us=token.created_us,
                    last_used_us=token.last_used_us,
                )
            )

    async def token(self, secret_hash: bytes) -> tuple[TokenInfo, bytes] | None:
        """A token by its secret's hash, with the hash that is stored, or None."""
        async with self._index.read() as connection:
            row = (await connection.execute(sa.select(tokens).where(tokens.c.secret_hash == secret_hash))).first()
        if row is None:
            return None
        return TokenInfo(row.id, row.name, row.user, row.created_us, row.last_used_us), row.secret_hash

    async def use_token(self, token_id: str, now_us: int) -> None:
        """Note that a token is in use."""
        async with self._index.write() as connection:
            await connection.execute(sa.update(tokens).where(tokens.c.id == token_id).values(last_used_us=now_us))

    async def tokens(self) -> tuple[TokenInfo, ...]:
        """Every token, the newest first."""
        async with self._index.read() as connection:
            rows = await connection.execute(sa.select(tokens).order_by(tokens.c.created_us.desc(), tokens.c.id))
            return tuple(TokenInfo(r.id, r.name, r.user, r.created_us, r.last_used_us) for r in rows)

    async def delete_token(self, token_id: str) -> bool:
        """Revoke a token; False where there is none of that id."""
        async with self._index.write(durable=True) as connection:
            done = await connection.execute(sa.delete(tokens).where(tokens.c.id == token_id))
            return done.rowcount == 1
