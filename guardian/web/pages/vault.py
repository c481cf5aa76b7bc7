"""/vault: lock and unlock."""

from __future__ import annotations

from aiohttp import web

from guardian.model.errors import GuardianError, TooManyRequests, WrongPassphrase
from guardian.web.security import safe_next
from guardian.web.site import Site, see_other, text_field


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [site.get("/vault", show), site.post("/vault/unlock", unlock), site.post("/vault/lock", lock)]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """Where the vault stands."""
    return await _page(site, request, safe_next(request.query.get("next", "/vault")))


async def unlock(site: Site, request: web.Request) -> web.StreamResponse:
    """Open the vault with the owner's passphrase."""
    wanted = safe_next(await text_field(request, "next"))
    try:
        await site.services.vault.unlock(await text_field(request, "passphrase"))
    except (WrongPassphrase, TooManyRequests) as error:
        return await _page(site, request, wanted, error)
    return see_other(request, wanted)


async def lock(site: Site, request: web.Request) -> web.StreamResponse:
    """Forget the key."""
    await site.services.vault.lock()
    return see_other(request, "/vault")


async def _page(site: Site, request: web.Request, wanted: str, error: GuardianError | None = None) -> web.Response:
    status = error.status if error is not None else 200
    return await site.render.page(request, "vault.html", status=status, error=error, next=wanted)
