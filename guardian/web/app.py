"""Puts the site together: pages at /, the API at /api/v1, files at /static, what viewers from afar get at /viewer/."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web
from guardian_frontend import STATIC

from guardian.services.contract import Services
from guardian.web.errors import error_pages
from guardian.web.pages import camera, events, live, login, system, tokens, vault, vault_keys, viewer, viewing, zones
from guardian.web.render import Renderer
from guardian.web.security import login_required, set_headers
from guardian.web.site import Site

_YEAR_S = 365 * 86_400


def make_web(
    services: Services, api: web.Application, probes: Iterable[web.AbstractRouteDef] | None = None
) -> web.Application:
    """Return the whole site.

    `probes`: routes of /healthz, /readyz and /metrics. They check for a login themselves. Without them there is /healthz.
    """
    site = Site(services, Renderer(services))
    errors, login_check = error_pages(site.render), login_required(services.accounts, api)
    root = web.Application(middlewares=[errors, login_check], client_max_size=64 * 1024)
    root.on_response_prepare.append(_keep_static)
    root.on_response_prepare.append(set_headers)
    root.add_subapp("/api/v1", api)
    root.add_routes(probes if probes is not None else [web.get("/healthz", _healthz)])
    for page in (login, live, camera, events, system, vault, vault_keys, tokens, zones, viewer, viewing):
        root.add_routes(page.routes(site))
    root.router.add_get("/favicon.ico", _favicon)
    root.router.add_static("/static", STATIC)
    return root


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _favicon(_: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / "img" / "logo.svg")


async def _keep_static(request: web.Request, response: web.StreamResponse) -> None:
    if request.path.startswith("/static/") and response.status in (200, 206, 304):
        rule = f"public, max-age={_YEAR_S}, immutable" if "v" in request.query else "no-cache"
        response.headers["Cache-Control"] = rule
