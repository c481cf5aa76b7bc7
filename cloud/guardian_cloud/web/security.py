"""What browsers may do with our pages, and how a login is kept in one. No page may run or load anything that is not ours."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from guardian_cloud.api.app import cookie_name
from guardian_cloud.services.cloud import Cloud

HEADERS: Final = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # not no-referrer: browsers would send `Origin: null` with our own forms
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
HSTS: Final = "max-age=31536000"
LOGIN_S: Final = 600


async def set_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on whatever is sent; what has no rule of its own is not kept by caches."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


async def set_hsts(_: web.Request, response: web.StreamResponse) -> None:
    """Where we are reached by TLS: never without it again."""
    response.headers.setdefault("Strict-Transport-Security", HSTS)


def is_secure(cloud: Cloud) -> bool:
    """Whether browsers reach us by TLS."""
    return cloud.settings.web.public_url.startswith("https://")


def set_session(cloud: Cloud, response: web.StreamResponse, secret: str) -> None:
    """Keep a login in the browser."""
    age_s = cloud.settings.identity.session_hours * 3600
    response.set_cookie(
        cookie_name(cloud), secret, path="/", max_age=age_s, httponly=True, samesite="Lax", secure=is_secure(cloud)
    )


def drop_session(cloud: Cloud, response: web.StreamResponse) -> None:
    """Forget a login."""
    response.del_cookie(cookie_name(cloud), path="/", httponly=True, samesite="Lax", secure=is_secure(cloud))


def login_cookie(cloud: Cloud) -> str:
    """Return the name of the cookie that a login under way has: only the browser that began it may end it."""
    return cookie_name(cloud) + "-login"


def set_login(cloud: Cloud, response: web.StreamResponse, state: str) -> None:
    """Keep a login under way."""
    response.set_cookie(
        login_cookie(cloud), state, path="/", max_age=LOGIN_S, httponly=True, samesite="Lax", secure=is_secure(cloud)
    )


def safe_next(wanted: str) -> str:
    """Return where to go after the login: a path of this site, else /."""
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/login", "/logout"))
    return wanted if ours and wanted.isascii() and wanted.isprintable() else "/"
