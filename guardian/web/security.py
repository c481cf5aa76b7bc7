"""Who may see pages, and what browsers may do with them.

Nothing but /login, /healthz, /static and /viewer answers without a login. Forms carry the session's CSRF word in the hidden field
`csrf`, scripts in the header `X-CSRF-Token`. No page may run or load anything that is not ours.
"""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from guardian.model.errors import NotAllowed
from guardian.model.views import Session
from guardian.services.contract import Accounts

COOKIE: Final = "guardian_session"
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
SESSION: Final[web.RequestKey[Session]] = web.RequestKey("page_session", Session)
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Canonical paths of routes. Viewers prove themselves inside their WebSocket.
OPEN: Final = frozenset({"/login", "/healthz", "/static", "/favicon.ico", "/viewer", "/viewer/view", "/viewer/{path}"})
GUARDED_ELSEWHERE: Final = frozenset({"/readyz", "/metrics"})  # they check tokens themselves, and answer in their own form
COOKIE_S: Final = 30 * 86_400

HEADERS: Final = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    # not no-referrer: browsers would send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


async def set_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on whatever is sent; what has no rule of its own is not kept by caches."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


async def session_of(request: web.Request, accounts: Accounts) -> Session | None:
    """Return who asks: by a bearer token, else by the cookie."""
    kind, _, secret = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if kind:
        return await accounts.token(secret.strip()) if kind.lower() == "bearer" and secret.strip() else None
    cookie = request.cookies.get(COOKIE)
    return await accounts.session(cookie) if cookie else None


def check_origin(request: web.Request) -> None:
    """NotAllowed where another site sent this request."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise NotAllowed("this form was sent from another site", cure="Open Guardian itself and try again.")


async def check_csrf(request: web.Request, session: Session) -> None:
    """NotAllowed where a change does not carry the session's word. Tokens need none: browsers never add them themselves."""
    if session.kind == "token":
        return
    sent = request.headers.get(CSRF_HEADER)
    if sent is None:
        field = (await request.post()).get(CSRF_FIELD, "")
        sent = field if isinstance(field, str) else ""
    if not sent or not hmac.compare_digest(sent.encode(), session.csrf.encode()):
        raise NotAllowed("this form is from an older login", cure="Load the page again and repeat what you did.")


def login_required(accounts: Accounts, api: web.Application) -> Middleware:
    """Return the middleware that sends everybody without a login to /login. The API has its own."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if api in request.match_info.apps or _canonical(request) in GUARDED_ELSEWHERE:
            return await handler(request)
        session = await session_of(request, accounts)
        if session is not None:
            request[SESSION] = session
        if request.method not in SAFE:
            check_origin(request)
        if _canonical(request) in OPEN:
            return await handler(request)
        if session is None:
            return to_login(request)
        if request.method not in SAFE:
            await check_csrf(request, session)
        return await handler(request)

    return check


def _canonical(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def to_login(request: web.Request) -> web.Response:
    """Send to /login, and back afterwards where that makes sense."""
    wanted = request.path_qs if request.method in SAFE else "/"
    if request.headers.get("HX-Request") == "true":
        here = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/"
        return web.Response(status=401, headers={"HX-Redirect": f"/login?next={quote(here)}"})
    location = "/login" if wanted == "/" else f"/login?next={quote(wanted)}"
    return web.Response(status=303, headers={hdrs.LOCATION: location})


def safe_next(wanted: str) -> str:
    """Return where to go after the login: a path of this site, else /."""
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/login", "/logout"))
    return wanted if ours and wanted.isprintable() else "/"


def set_session(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Keep a login in the browser."""
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(COOKIE, secret, path="/", max_age=COOKIE_S, httponly=True, samesite="Lax", secure=secure)


def drop_session(response: web.StreamResponse) -> None:
    """Forget the login."""
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
