"""Who may come in: users with Argon2id password hashes, sessions for browsers, tokens for programs."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import re
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from guardian.index.accounts import AccountRepository, StoredSession
from guardian.index.engine import IndexFile
from guardian.model.errors import BadRequest, Conflict, NotFound, TooManyRequests, WrongPassphrase
from guardian.model.time import SECOND_US
from guardian.model.views import Session, TokenInfo
from guardian.platform.clock import Clock, new_id
from guardian.services.throttle import Throttle

TOKEN_PREFIX = "pag_"  # noqa: S105 - so that secret scanners and people know what it is
SECRET_BYTES = 32
MIN_PASSWORD = 8  # NIST SP 800-63B-4, 3.1.1.2, with throttling
MAX_PASSWORD = 1024
NOTE_USE_EVERY_US = 60 * SECOND_US
BELIEVED_S = 2.0  # a page asks for dozens of things at once; what a command line revokes ends this much later
BELIEVED_MOST = 256
HASHES_AT_ONCE = 2  # each takes 64 MiB for some 50 ms
USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class AccountService:
    """Implements `contract.Accounts`. `hasher`: RFC 9106's second recommended parameters unless tests bring weaker ones."""

    def __init__(
        self, index: IndexFile, clock: Clock, session_hours: float = 24 * 14, hasher: PasswordHasher | None = None
    ) -> None:
        self._repository, self._clock = AccountRepository(index), clock
        self._idle_us = round(session_hours * 3600 * SECOND_US)
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
        self._throttle = Throttle()
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._nobody = ""
        self._believed: dict[bytes, tuple[float, Session]] = {}

    # users

    async def has_users(self) -> bool:
        """Whether there is any user."""
        return bool(await self._repository.users())

    async def users(self) -> tuple[str, ...]:
        """Names, the first made first."""
        return await self._repository.users()

    async def create_user(self, user: str, password: str) -> None:
        """Make a user. Conflict where there is one of that name."""
        if not USER.match(user):
            raise BadRequest(
                "a user name is 1 to 64 letters, digits, and . _ @ -, beginning with a letter or digit", field="user"
            )
        hashed = await self._hash_password(password)
        if not await self._repository.add_user(user, hashed, self._clock.now().utc_us):
            raise Conflict(f"there is a user {user!r} already", field="user", cure="Choose another name.")

    async def set_password(self, user: str, password: str) -> None:
        """Replace a password; every session of the user ends."""
        if not await self._repository.set_password_hash(user, await self._hash_password(password)):
            raise NotFound(f"there is no user {user!r}", field="user")
        await self._repository.delete_sessions_of(user)
        self._believed.clear()

    def _known(self, hashed: bytes) -> Session | None:
        """Whose secret this was found to be within the last seconds."""
        until_s, session = self._believed.get(hashed, (0.0, None))
        return session if self._clock.mono_s() < until_s else None

    def _believe(self, hashed: bytes, session: Session) -> Session:
        if len(self._believed) >= BELIEVED_MOST:
            self._believed.clear()
        self._believed[hashed] = (self._clock.mono_s() + BELIEVED_S, session)
        return session

    async def _hash_password(self, password: str) -> str:
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise BadRequest(f"a password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters", field="password")
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    # sessions

    async def login(self, user: str, password: str, peer: str) -> str:
        """Begin a session and return its secret."""
        key = f"{user[:64]}\n{peer}"
        now_s = self._clock.mono_s()
        if (wait_s := self._throttle.wait_s(key, now_s)) > 0:
            raise TooManyRequests(f"too many wrong passwords: try again in {math.ceil(wait_s)} s")
        self._throttle.failed(key, now_s)
        if not await self._is_right(user, password):
            raise WrongPassphrase("user or password is wrong", field="password")
        self._throttle.succeeded(key)
        secret, now_us = secrets.token_urlsafe(SECRET_BYTES), self._clock.now().utc_us
        session = StoredSession(_hash(secret), user, secrets.token_urlsafe(SECRET_BYTES), now_us, now_us)
        await self._repository.add_session(session, now_us - self._idle_us)
        return secret

    async def _is_right(self, user: str, password: str) -> bool:
        stored = await self._repository.password_hash(user)
        async with self._hashing:
            if stored is None or len(password) > MAX_PASSWORD:
                await asyncio.to_thread(self._pretend, password[:MAX_PASSWORD])
                return False
            right = await asyncio.to_thread(self._verify, stored, password)
            renewed = await asyncio.to_thread(self._hasher.hash, password) if right and self._is_weak(stored) else ""
        if renewed:
            await self._repository.set_password_hash(user, renewed)
        return right

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False

    def _is_weak(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)

    def _pretend(self, password: str) -> None:
        """Take as long for a user that does not exist."""
        if not self._nobody:
            self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._verify(self._nobody, password)

    async def session(self, secret: str) -> Session | None:
        """The login that a cookie's secret belongs to, or None when it is unknown or has been idle too long."""
        hashed = _hash(secret)
        if (known := self._known(hashed)) is not None:
            return known
        found = await self._repository.session(hashed)
        if found is None or not hmac.compare_digest(found.secret_hash, hashed):
            return None
        now_us = self._clock.now().utc_us
        if now_us - found.last_used_us > self._idle_us:
            await self._repository.delete_session(found.secret_hash)
            return None
        if now_us - found.last_used_us > NOTE_USE_EVERY_US:
            await self._repository.use_session(found.secret_hash, now_us)
        return self._believe(hashed, Session(found.user, found.csrf, "session"))

    async def logout(self, secret: str) -> None:
        """End a session."""
        self._believed.pop(_hash(secret), None)
        await self._repository.delete_session(_hash(secret))

    # tokens

    async def create_token(self, user: str, name: str) -> tuple[TokenInfo, str]:
        """A new API token; its secret is shown this once."""
        if not 1 <= len(name) <= 64 or not name.isprintable():
            raise BadRequest("a token's name must have 1 to 64 printable characters", field="name")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        token = TokenInfo(new_id(self._clock), name, user, self._clock.now().utc_us, 0)
        await self._repository.add_token(token, _hash(secret))
        return token, secret

    async def token(self, secret: str) -> Session | None:
        """Whose token it is, or None."""
        if not secret.startswith(TOKEN_PREFIX):
            return None
        hashed = _hash(secret)
        if (known := self._known(hashed)) is not None:
            return known
        found = await self._repository.token(hashed)
        if found is None or not hmac.compare_digest(found[1], hashed):
            return None
        info, now_us = found[0], self._clock.now().utc_us
        if abs(now_us - info.last_used_us) > NOTE_USE_EVERY_US:
            await self._repository.use_token(info.id, now_us)
        return self._believe(hashed, Session(info.user, "", "token"))

    async def list_tokens(self) -> tuple[TokenInfo, ...]:
        """Every token, the newest first."""
        return await self._repository.tokens()

    async def revoke_token(self, token_id: str) -> None:
        """End a token."""
        self._believed.clear()
        if not await self._repository.delete_token(token_id):
            raise NotFound(f"there is no token {token_id!r}", field="id", cure="See `guardian token list`.")
