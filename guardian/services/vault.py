"""The vault's lock, as the owner works it: unlock, lock, and lock again by itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from guardian.model.errors import TooManyRequests, WrongPassphrase
from guardian.model.views import VaultStatus
from guardian.platform.clock import Clock
from guardian.services.throttle import Throttle

if TYPE_CHECKING:
    from guardian.vault.keyring import Keyring

_log = structlog.get_logger(__name__)
KEM = "MLKEM768-X25519"
MAX_PASSPHRASE = 1024
_KEY = "vault"


class VaultService:
    """Implements `contract.Vault`. Whoever opens footage calls `touch`, so that the vault stays open while it is used."""

    def __init__(self, keyring: Keyring, clock: Clock, auto_lock_minutes: float | None = None) -> None:
        self._keyring, self._clock = keyring, clock
        self._auto_lock_s = None if auto_lock_minutes is None else auto_lock_minutes * 60
        self._throttle = Throttle()
        self._one_at_a_time = asyncio.Lock()  # each try takes 64 MiB
        self._timer: asyncio.TimerHandle | None = None
        self._used_s = clock.mono_s()
        self._on_change: list[Callable[[bool], None]] = []
        if keyring.unlocked:
            self._watch()

    def observe(self, changed: Callable[[bool], None]) -> None:
        """Call `changed(unlocked)` at each change."""
        self._on_change.append(changed)

    def status(self) -> VaultStatus:
        """How the vault stands."""
        wait_s = self._throttle.wait_s(_KEY, self._clock.mono_s())
        return VaultStatus(True, self._keyring.unlocked, self._keyring.epoch, KEM, wait_s)

    async def unlock(self, passphrase: str) -> None:
        """Unlock; some 200 ms in a thread. After five wrong ones the next has to wait."""
        async with self._one_at_a_time:
            now_s = self._clock.mono_s()
            if (wait_s := self._throttle.wait_s(_KEY, now_s)) > 0:
                raise TooManyRequests(f"too many wrong passphrases: try again in {math.ceil(wait_s)} s")
            self._throttle.failed(_KEY, now_s)
            if len(passphrase) > MAX_PASSPHRASE:
                raise WrongPassphrase("the passphrase is wrong", field="passphrase")
            await asyncio.to_thread(self._keyring.unlock, passphrase)
            self._throttle.succeeded(_KEY)
        self.touch()
        self._watch()
        self._tell()

    async def lock(self) -> None:
        """Lock and wipe the keys."""
        self._lock_now()

    def touch(self) -> None:
        """Footage is being opened: put auto-lock off."""
        self._used_s = self._clock.mono_s()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lock_now(self) -> None:
        self.close()
        if self._keyring.unlocked:
            self._keyring.lock()
            self._tell()

    def _watch(self) -> None:
        """Lock when the vault has not been used for long enough, else look again when that would be."""
        self.close()
        if self._auto_lock_s is None or not self._keyring.unlocked:
            return
        left_s = self._used_s + self._auto_lock_s - self._clock.mono_s()
        if left_s <= 0:
            self._lock_now()
        else:
            self._timer = asyncio.get_running_loop().call_later(left_s, self._watch)

    def _tell(self) -> None:
        _log.info("vault", unlocked=self._keyring.unlocked)
        for changed in self._on_change:
            changed(self._keyring.unlocked)
