"""/vault: status, unlock, lock."""

from __future__ import annotations

from aiohttp import web

from guardian.api.routing import Operations
from guardian.api.schemas import UnlockIn, VaultOut
from guardian.services.contract import Services

operations = Operations("vault")


@operations.add("GET", "/vault")
async def get_vault(services: Services, request: web.Request) -> VaultOut:
    """Whether the vault is unlocked."""
    return VaultOut.of(services.vault.status())


@operations.add("POST", "/vault/unlock", errors=(400, 403, 429))
async def unlock_vault(services: Services, request: web.Request, body: UnlockIn) -> VaultOut:
    """Unlock the vault, so that footage can be opened. Wrong passphrases make the next try wait."""
    await services.vault.unlock(body.passphrase)
    return VaultOut.of(services.vault.status())


@operations.add("POST", "/vault/lock")
async def lock_vault(services: Services, request: web.Request) -> VaultOut:
    """Lock the vault. Recording goes on."""
    await services.vault.lock()
    return VaultOut.of(services.vault.status())
