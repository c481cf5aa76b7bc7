"""The vault's lock, as the owner works it: unlock, lock, and lock again by itself; new passphrases, keys and recovery codes."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from guardian.model.errors import BadRequest, GuardianError, TooManyRequests, WrongPassphrase
from guardian.model.views import EpochCheck, VaultStatus
from guardian.platform.clock import Clock
from guardian.platform.files import replace_file
from guardian.services.evidence import Notary, fingerprint
from guardian.services.throttle import Throttle

if TYPE_CHECKING:
    from guardian.vault.keyring import Keyring

_log = structlog.get_logger(__name__)
KEM = "MLKEM768-X25519"
MAX_PASSPHRASE = 1024
LONGEST_OPEN_S = 8 * 3600.0  # with auto-lock, however much is played: a page that plays all night is no owner
LOOK_EVERY_S = 5.0  # a timer does not run on while the machine sleeps: who wakes it must not find it open for long
TRIES = "tries.json"
_KEY = "vault"


class VaultService:
    """Implements `contract.Vault`. Whoever opens footage calls `touch`, so that the vault stays open while it is used.

    `problem`: why the vault could not be opened at start. Wrong tries are counted in DATA/vault/tries.json, so that a restart
    of the program does not make guessing free again.
    """

    def __init__(
        self,
        keyring: Keyring,
        clock: Clock,
        auto_lock_minutes: float | None = None,
        *,
        data_dir: Path | None = None,
        problem: str = "",
    ) -> None:
        self._keyring, self._clock, self._data_dir, self._problem = keyring, clock, data_dir, problem
        self._auto_lock_s = None if auto_lock_minutes is None else auto_lock_minutes * 60
        self.notary: Notary | None = None
        self._throttle = Throttle()
        self._throttle.restore(_KEY, self._tries_before(), clock.mono_s())
        self._one_at_a_time = asyncio.Lock()  # each try takes 64 MiB
        self._timer: asyncio.TimerHandle | None = None
        self._used_s = self._opened_s = clock.elapsed_s()
        self._on_change: list[Callable[[bool], None]] = []
        self._on_new_key: list[Callable[[bytes, int], None]] = []
        if keyring.unlocked:
            self._watch()

    def observe(self, changed: Callable[[bool], None]) -> None:
        """Call `changed(unlocked)` at each change."""
        self._on_change.append(changed)

    def observe_keys(self, new_key: Callable[[bytes, int], None]) -> None:
        """Call `new_key(public key, epoch)` at each rotation."""
        self._on_new_key.append(new_key)

    def status(self) -> VaultStatus:
        """How the vault stands."""
        wait_s = self._throttle.wait_s(_KEY, self._clock.mono_s())
        ring = self._keyring
        problem = "" if ring.unlocked else self._problem
        key = fingerprint(self.notary.public_key) if self.notary is not None else ""
        return VaultStatus(True, ring.unlocked, ring.epoch, KEM, wait_s, ring.recovery_created_us, problem, key)

    async def unlock(self, passphrase: str) -> None:
        """Unlock; some 200 ms in a thread. After five wrong ones the next has to wait."""
        async with self._one_try(passphrase):
            await asyncio.to_thread(self._keyring.unlock, passphrase)
        self._opened()

    async def lock(self) -> None:
        """Lock and wipe the keys."""
        self._lock_now()

    async def change_passphrase(self, passphrase: str, new: str) -> None:
        """Set another passphrase. Locked or unlocked, it stays so."""
        async with self._one_try(passphrase):
            await asyncio.to_thread(self._keyring.change_passphrase, passphrase, new)
        _log.info("passphrase_changed")

    async def rotate(self, passphrase: str) -> int:
        """Make a new key pair and tell everybody who seals."""
        async with self._one_try(passphrase):
            now_us = self._clock.now().utc_us
            epoch = await asyncio.to_thread(self._keyring.rotate, passphrase, now_us=now_us)
            for tell in self._on_new_key:
                tell(self._keyring.public_key, epoch)
        _log.info("vault_rotated", epoch=epoch)
        return epoch

    async def new_recovery_code(self, passphrase: str) -> str:
        """Make a recovery code; the one before opens nothing any more."""
        async with self._one_try(passphrase):
            now_us = self._clock.now().utc_us
            code = await asyncio.to_thread(self._keyring.make_recovery_code, passphrase, now_us=now_us)
        _log.info("recovery_code_made")
        return code

    async def recover(self, code: str, new: str) -> None:
        """Set a new passphrase with the recovery code, and unlock."""
        async with self._one_try(code):
            await asyncio.to_thread(self._keyring.recover, code, new)
        _log.info("vault_recovered")
        self._opened()

    async def verify(self, passphrase: str = "", code: str = "") -> tuple[EpochCheck, ...]:
        """Open every epoch and some files of each, with keys of its own: the vault stays as it is."""
        from guardian.vault.sample import check_epochs

        if bool(passphrase) == bool(code):
            raise BadRequest("give the passphrase or the recovery code", field="passphrase", cure="One of them, not both.")
        ring = self._keyring.locked_copy()
        async with self._one_try(passphrase or code):
            await asyncio.to_thread(*(ring.unlock, passphrase) if passphrase else (ring.unlock_with_code, code))
        try:
            return await asyncio.to_thread(check_epochs, ring, self._data_dir) if self._data_dir is not None else ()
        finally:
            ring.lock()

    def touch(self) -> None:
        """Footage is being opened: put auto-lock off."""
        self._used_s = self._clock.elapsed_s()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @asynccontextmanager
    async def _one_try(self, secret: str) -> AsyncIterator[None]:
        """Let one guess at a time through. Counted before it is made, so that a program that is killed meanwhile knows of it."""
        async with self._one_at_a_time:
            now_s = self._clock.mono_s()
            if (wait_s := self._throttle.wait_s(_KEY, now_s)) > 0:
                raise TooManyRequests(f"too many wrong passphrases: try again in {math.ceil(wait_s)} s")
            self._throttle.failed(_KEY, now_s)
            await asyncio.to_thread(self._keep_tries)
            try:
                if len(secret) > MAX_PASSPHRASE:
                    raise WrongPassphrase("the passphrase is wrong", field="passphrase")
                yield
            except WrongPassphrase:
                raise
            except GuardianError:
                self._throttle.forgive(_KEY)  # a slip in a code, a new passphrase that is too short: no guess
                await asyncio.to_thread(self._keep_tries)
                raise
            self._throttle.succeeded(_KEY)
            await asyncio.to_thread(self._keep_tries)

    def _tries_before(self) -> int:
        if self._data_dir is None:
            return 0
        try:
            value = json.loads((self._data_dir / "vault" / TRIES).read_bytes())["wrong"]
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError):
            return 1
        return value if type(value) is int and value > 0 else 1

    def _keep_tries(self) -> None:
        """Keep the count. A disk that refuses locks nobody out; the count in memory holds."""
        if self._data_dir is None:
            return
        path, count = self._data_dir / "vault" / TRIES, self._throttle.count(_KEY)
        try:
            if count:
                replace_file(path, json.dumps({"wrong": count}).encode())
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("tries_not_kept", problem=error.strerror)

    def _opened(self) -> None:
        self._problem, self._opened_s = "", self._clock.elapsed_s()
        self.touch()
        self._watch()
        self._tell()

    def _lock_now(self) -> None:
        self.close()
        if self._keyring.unlocked:
            self._keyring.lock()
            self._tell()

    def _watch(self) -> None:
        """Lock when the vault has not been used for long enough, else look again soon."""
        self.close()
        if self._auto_lock_s is None or not self._keyring.unlocked:
            return
        longest_s = max(LONGEST_OPEN_S, self._auto_lock_s)
        left_s = min(self._used_s + self._auto_lock_s, self._opened_s + longest_s) - self._clock.elapsed_s()
        if left_s <= 0:
            self._lock_now()
        else:
            self._timer = asyncio.get_running_loop().call_later(min(left_s, LOOK_EVERY_S), self._watch)

    def _tell(self) -> None:
        _log.info("vault", unlocked=self._keyring.unlocked)
        for changed in self._on_change:
            changed(self._keyring.unlocked)
