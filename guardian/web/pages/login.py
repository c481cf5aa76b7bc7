"""/login and /logout."""

from __future__ import annotations

from aiohttp import web

from guardian.model.errors import GuardianError, TooManyRequests, WrongPassphrase
from guardian.web.security import COOKIE, SESSION, drop_session, safe_next, set_session
from guardian.web.site import Site, see_other, text_field


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [site.get("/login", show), site.post("/login", login), site.post("/logout", logout)]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """The form; who is logged in already goes on."""
    wanted = safe_next(request.query.get("next", "/"))
    if SESSION in request:
        return see_other(request, wanted)
    return await _form(site, request, wanted)


async def login(site: Site, request: web.Request) -> web.StreamResponse:
    """Check name and password, and begin a session."""
    wanted = safe_next(await text_field(request, "next"))
    user, password = (await text_field(request, "user")).strip(), await text_field(request, "password")
    try:
        secret = await site.services.accounts.login(user, password, request.remote or "")
    except (WrongPassphrase, TooManyRequests) as error:
        return await _form(site, request, wanted, user=user, error=error)
    response = see_other(request, wanted)
    set_session(request, response, secret)
    return response


async def logout(site: Site, request: web.Request) -> web.StreamResponse:
    """End the session."""
    secret = request.cookies.get(COOKIE)
    if secret:
        await site.services.accounts.logout(secret)
    response = see_other(request, "/login")
    drop_session(response)
    return response


async def _form(
    site: Site, request: web.Request, wanted: str, *, user: str = "", error: GuardianError | None = None
) -> web.Response:
    return await site.render.page(
        request,
        "login.html",
        status=error.status if error is not None else 200,
        next=wanted,
        name=user,
        error=error,
        has_users=await site.services.accounts.has_users(),
    )
