"""/vault: status, unlock, lock; passphrase, keys and recovery code."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from aiohttp import web

from guardian.api.problems import of_error, problem
from guardian.api.routing import Operations
from guardian.api.vault_schemas import (
    NewPassphraseIn,
    RecoverIn,
    RecoveryCodeOut,
    UnlockIn,
    VaultCheckOut,
    VaultOut,
    VerifyIn,
)
from guardian.model.errors import TooManyRequests
from guardian.services.contract import Services

operations = Operations("vault")
_ERRORS = (400, 403, 429)


@operations.add("GET", "/vault")
async def get_vault(services: Services, request: web.Request) -> VaultOut:
    """Whether the vault is unlocked."""
    return VaultOut.of(services.vault.status())


@operations.add("POST", "/vault/unlock", errors=_ERRORS)
async def unlock_vault(services: Services, request: web.Request, body: UnlockIn) -> VaultOut | web.StreamResponse:
    """Unlock the vault, so that footage can be opened. Wrong passphrases make the next try wait."""
    return await _status(services, lambda: services.vault.unlock(body.passphrase))


@operations.add("POST", "/vault/lock")
async def lock_vault(services: Services, request: web.Request) -> VaultOut:
    """Lock the vault. Recording goes on."""
    await services.vault.lock()
    return VaultOut.of(services.vault.status())


@operations.add("POST", "/vault/change-passphrase", errors=_ERRORS)
async def change_passphrase(
    services: Services, request: web.Request, body: NewPassphraseIn
) -> VaultOut | web.StreamResponse:
    """Set another passphrase. The old one opens nothing any more; the recovery code stays good."""
    return await _status(services, lambda: services.vault.change_passphrase(body.passphrase, body.new_passphrase))


@operations.add("POST", "/vault/rotate", errors=_ERRORS)
async def rotate_vault(services: Services, request: web.Request, body: UnlockIn) -> VaultOut | web.StreamResponse:
    """Make a new key pair, to which all that comes is sealed, from each camera's next segment on. Older footage still opens."""
    return await _status(services, lambda: services.vault.rotate(body.passphrase))


@operations.add("POST", "/vault/recovery-code", errors=_ERRORS)
async def make_recovery_code(
    services: Services, request: web.Request, body: UnlockIn
) -> RecoveryCodeOut | web.StreamResponse:
    """Make a recovery code, which is shown this once. The one before opens nothing any more."""
    try:
        return RecoveryCodeOut(recovery_code=await services.vault.new_recovery_code(body.passphrase))
    except TooManyRequests as error:
        return _wait(services, error)


@operations.add("POST", "/vault/recover", errors=_ERRORS)
async def recover_vault(services: Services, request: web.Request, body: RecoverIn) -> VaultOut | web.StreamResponse:
    """Set a new passphrase with the recovery code, and unlock."""
    return await _status(services, lambda: services.vault.recover(body.recovery_code, body.new_passphrase))


@operations.add("POST", "/vault/verify", errors=_ERRORS)
async def verify_vault(services: Services, request: web.Request, body: VerifyIn) -> VaultCheckOut | web.StreamResponse:
    """Check that the passphrase, or the recovery code, opens every epoch and some files of each. The vault stays as it is."""
    try:
        return VaultCheckOut.of(await services.vault.verify(body.passphrase, body.recovery_code))
    except TooManyRequests as error:
        return _wait(services, error)


async def _status(services: Services, change: Callable[[], Awaitable[object]]) -> VaultOut | web.Response:
    try:
        await change()
    except TooManyRequests as error:
        return _wait(services, error)
    return VaultOut.of(services.vault.status())


def _wait(services: Services, error: TooManyRequests) -> web.Response:
    wait_s = max(1, math.ceil(services.vault.status().throttled_s))
    return problem(of_error(error), {"Retry-After": str(wait_s)})
