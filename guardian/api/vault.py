"""/vault: status, unlock, lock."""

from __future__ import annotations

import math

from aiohttp import web

from guardian.api.problems import of_error, problem
from guardian.api.routing import Operations
from guardian.api.schemas import UnlockIn, VaultOut
from guardian.model.errors import TooManyRequests
from guardian.services.contract import Services

operations = Operations("vault")


@operations.add("GET", "/vault")
async def get_vault(services: Services, request: web.Request) -> VaultOut:
    """Whether the vault is unlocked."""
    return VaultOut.of(services.vault.status())


@operations.add("POST", "/vault/unlock", errors=(400, 403, 429))
async def unlock_vault(services: Services, request: web.Request, body: UnlockIn) -> VaultOut | web.StreamResponse:
    """Unlock the vault, so that footage can be opened. Wrong passphrases make the next try wait."""
    try:
        await services.vault.unlock(body.passphrase)
    except TooManyRequests as error:
        wait_s = max(1, math.ceil(services.vault.status().throttled_s))
        return problem(of_error(error), {"Retry-After": str(wait_s)})
    return VaultOut.of(services.vault.status())


@operations.add("POST", "/vault/lock")
async def lock_vault(services: Services, request: web.Request) -> VaultOut:
    """Lock the vault. Recording goes on."""
    await services.vault.lock()
    return VaultOut.of(services.vault.status())
