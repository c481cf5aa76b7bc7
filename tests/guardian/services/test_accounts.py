"""Users, sessions, tokens."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from guardian.index.engine import IndexFile
from guardian.model.errors import BadRequest, Conflict, NotFound, TooManyRequests, WrongPassphrase
from guardian.services.accounts import AccountService
from tests.support.recorded import OwnClock

WEAK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
HOURS = 2.0


@pytest.fixture
def clock() -> OwnClock:
    return OwnClock()


@pytest.fixture
def accounts(index: IndexFile, clock: OwnClock) -> AccountService:
    return AccountService(index, clock, HOURS, WEAK)


async def test_a_login_gives_a_session_until_logout(accounts: AccountService) -> None:
    assert not await accounts.has_users()
    await accounts.create_user("owner", "correct horse")
    assert await accounts.has_users()
    secret = await accounts.login("owner", "correct horse", "192.0.2.1")
    session = await accounts.session(secret)
    assert session is not None
    assert (session.user, session.kind) == ("owner", "session")
    assert len(session.csrf) >= 43
    assert await accounts.session(secret + "x") is None
    assert await accounts.session("") is None
    await accounts.logout(secret)
    assert await accounts.session(secret) is None


async def test_a_session_ends_when_idle_not_when_used(accounts: AccountService, clock: OwnClock) -> None:
    await accounts.create_user("owner", "correct horse")
    secret = await accounts.login("owner", "correct horse", "192.0.2.1")
    for _ in range(5):
        clock.forward(HOURS * 3600 * 0.9)
        assert await accounts.session(secret) is not None
    clock.forward(HOURS * 3600 + 1)
    assert await accounts.session(secret) is None


@pytest.mark.parametrize(
    ("user", "password"), [("owner", "wrong horse"), ("nobody", "correct horse"), ("owner", "x" * 5000), ("", "")]
)
async def test_a_wrong_login_says_the_same_whatever_was_wrong(accounts: AccountService, user: str, password: str) -> None:
    await accounts.create_user("owner", "correct horse")
    with pytest.raises(WrongPassphrase, match="user or password is wrong"):
        await accounts.login(user, password, "192.0.2.1")


async def test_guessing_is_slowed_by_user_and_peer(accounts: AccountService, clock: OwnClock) -> None:
    await accounts.create_user("owner", "correct horse")
    for _ in range(5):
        with pytest.raises(WrongPassphrase):
            await accounts.login("owner", "wrong horse", "192.0.2.1")
    with pytest.raises(TooManyRequests):
        await accounts.login("owner", "correct horse", "192.0.2.1")
    assert await accounts.login("owner", "correct horse", "192.0.2.2")
    clock.forward(3)
    assert await accounts.login("owner", "correct horse", "192.0.2.1")


async def test_guesses_side_by_side_count_too(accounts: AccountService) -> None:
    await accounts.create_user("owner", "correct horse")
    tries = await asyncio.gather(*(accounts.login("owner", "wrong", "p") for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(one, WrongPassphrase) for one in tries) == 5
    assert sum(isinstance(one, TooManyRequests) for one in tries) == 15


@pytest.mark.parametrize(
    ("user", "password", "field"), [("", "long enough", "user"), ("a\nb", "long enough", "user"), ("a", "short", "password")]
)
async def test_a_bad_user_names_the_field(accounts: AccountService, user: str, password: str, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await accounts.create_user(user, password)
    assert caught.value.field == field


async def test_a_new_password_ends_sessions_and_a_user_is_made_once(accounts: AccountService) -> None:
    await accounts.create_user("owner", "correct horse")
    with pytest.raises(Conflict):
        await accounts.create_user("owner", "correct horse")
    secret = await accounts.login("owner", "correct horse", "p")
    await accounts.set_password("owner", "battery staple")
    assert await accounts.session(secret) is None
    with pytest.raises(WrongPassphrase):
        await accounts.login("owner", "correct horse", "p")
    with pytest.raises(NotFound):
        await accounts.set_password("nobody", "battery staple")


async def test_tokens_work_until_revoked_and_note_their_use(accounts: AccountService, clock: OwnClock) -> None:
    made, secret = await accounts.create_token("owner", "phone")
    assert secret.startswith("pag_")
    session = await accounts.token(secret)
    assert session is not None
    assert (session.user, session.kind) == ("owner", "token")
    (listed,) = await accounts.list_tokens()
    assert (listed.id, listed.name, listed.last_used_us) == (made.id, "phone", clock.utc_us)
    for wrong in ("", "pag_", secret[:-1], secret + "x", secret.removeprefix("pag_")):
        assert await accounts.token(wrong) is None
    await accounts.revoke_token(made.id)
    assert await accounts.token(secret) is None
    with pytest.raises(NotFound):
        await accounts.revoke_token(made.id)


async def test_what_another_program_revokes_ends_within_two_seconds(
    accounts: AccountService, index: IndexFile, clock: OwnClock
) -> None:
    await accounts.create_user("owner", "correct horse")
    info, secret = await accounts.create_token("owner", "phone")
    cookie = await accounts.login("owner", "correct horse", "192.0.2.1")
    assert await accounts.token(secret)
    assert await accounts.session(cookie)
    other = AccountService(index, clock, HOURS, WEAK)
    await other.revoke_token(info.id)
    await other.set_password("owner", "another horse")
    clock.forward(2)
    assert await accounts.token(secret) is None
    assert await accounts.session(cookie) is None


async def test_what_this_program_revokes_ends_at_once(accounts: AccountService) -> None:
    await accounts.create_user("owner", "correct horse")
    info, secret = await accounts.create_token("owner", "phone")
    cookie = await accounts.login("owner", "correct horse", "192.0.2.1")
    assert await accounts.token(secret)
    assert await accounts.session(cookie)
    await accounts.revoke_token(info.id)
    await accounts.set_password("owner", "another horse")
    assert await accounts.token(secret) is None
    assert await accounts.session(cookie) is None


async def test_no_secret_is_in_the_index(accounts: AccountService, index: IndexFile, tmp_path: Path) -> None:
    await accounts.create_user("owner", "correct horse")
    session = await accounts.login("owner", "correct horse", "p")
    _, token = await accounts.create_token("owner", "phone")
    async with index.engine.connect() as connection:
        await connection.execute(sa.text("PRAGMA wal_checkpoint(FULL)"))
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("index.db*"))
    assert b"owner" in stored
    for secret in ("correct horse", session, token, token.removeprefix("pag_")):
        assert secret.encode() not in stored


async def test_a_weak_hash_is_made_anew_at_login(index: IndexFile, clock: OwnClock) -> None:
    await AccountService(index, clock, HOURS, WEAK).create_user("owner", "correct horse")
    stronger = AccountService(index, clock, HOURS, PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    await stronger.login("owner", "correct horse", "p")
    stored = await stronger._repository.password_hash("owner")
    assert stored is not None
    assert "t=2" in stored
    assert await stronger.login("owner", "correct horse", "p")


def test_passwords_are_hashed_as_rfc_9106_asks() -> None:
    hasher = AccountService.__new__(AccountService)
    AccountService.__init__(hasher, None, OwnClock())  # type: ignore[arg-type]
    made = hasher._hasher
    assert (made.memory_cost, made.time_cost, made.parallelism, made.type.name) == (64 * 1024, 3, 4, "ID")
