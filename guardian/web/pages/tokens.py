"""/tokens: keys for programs."""

from __future__ import annotations

from aiohttp import web

from guardian.web.site import Site, see_other, session, text_field

NAME_LENGTH = 100


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [site.get("/tokens", show), site.post("/tokens", create), site.post("/tokens/{id}/revoke", revoke)]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """The list."""
    return await _page(site, request)


async def create(site: Site, request: web.Request) -> web.StreamResponse:
    """Make one, and show its secret this once."""
    name = (await text_field(request, "name")).strip()
    if not name or len(name) > NAME_LENGTH:
        return await _page(site, request, problem=f"Give it a name of 1 to {NAME_LENGTH} letters, to know it by.")
    _, secret = await site.services.accounts.create_token(session(request).user, name)
    return await _page(site, request, secret=secret, made=name)


async def revoke(site: Site, request: web.Request) -> web.StreamResponse:
    """Make one useless."""
    await site.services.accounts.revoke_token(request.match_info["id"])
    return see_other(request, "/tokens")


async def _page(
    site: Site, request: web.Request, *, secret: str = "", made: str = "", problem: str = ""
) -> web.StreamResponse:
    tokens = await site.services.accounts.list_tokens()
    status = 400 if problem else 200
    return await site.render.page(
        request, "tokens.html", status=status, tokens=tokens, secret=secret, made=made, problem=problem
    )
