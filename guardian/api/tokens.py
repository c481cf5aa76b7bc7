"""Who may call: a bearer token, or the page's own login with its CSRF word for everything that changes something."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from guardian.api.problems import not_logged_in
from guardian.model.errors import NotAllowed
from guardian.model.views import Session
from guardian.services.contract import Accounts

COOKIE = "guardian_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION: web.RequestKey[Session] = web.RequestKey("session", Session)


async def session_of(request: web.Request, accounts: Accounts) -> Session | None:
    """Return who calls, or None. NotAllowed where a page's login is used from elsewhere."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind:
        return await accounts.token(secret.strip()) if kind.lower() == "bearer" and secret.strip() else None
    cookie = request.cookies.get(COOKIE)
    session = await accounts.session(cookie) if cookie else None
    if session is not None:
        _check_origin(request)
        if request.method not in SAFE:
            _check_csrf(request, session)
    return session


def _check_csrf(request: web.Request, session: Session) -> None:
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), session.csrf.encode()):
        raise NotAllowed(
            f"the header {CSRF_HEADER} is missing or wrong",
            field=CSRF_HEADER,
            cure="Load the page again, or use a bearer token.",
        )


def _check_origin(request: web.Request) -> None:
    """Browsers send the cookie along with WebSockets that another site opens; only their Origin tells."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise NotAllowed(f"calls from {origin} are not allowed", field="Origin", cure="Use a bearer token.")


def login_required(accounts: Accounts) -> Middleware:
    """Return the middleware that lets nobody in without a login."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        session = await session_of(request, accounts)
        if session is None:
            return not_logged_in()
        request[SESSION] = session
        return await handler(request)

    return check
