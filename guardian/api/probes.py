"""/healthz, /readyz and /metrics, for the root of the site: `app.add_routes(probe_routes(services))`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from guardian.api.metrics import CONTENT_TYPE, render
from guardian.api.problems import problems
from guardian.api.tokens import login_required
from guardian.services.contract import Services

Probe = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def healthz(_: web.Request) -> web.StreamResponse:
    """The process answers. The only thing that does without a login, so it says nothing else."""
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(services: Services) -> web.StreamResponse:
    """Whether every part is up; 503 and what is missing while not."""
    ready, missing = services.health.ready()
    body = {"status": "ready" if ready else "starting", "missing": list(missing)}
    return web.json_response(body, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


async def metrics(services: Services) -> web.StreamResponse:
    """Figures for Prometheus."""
    data = render(await services.health.system(), services.cameras.list(), services.vault.status())
    return web.Response(body=data, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


def probe_routes(services: Services) -> list[web.RouteDef]:
    """Return the routes for the site's root; all but /healthz need a login or a token."""
    return [
        web.get("/healthz", healthz),
        web.get("/readyz", _guarded(services, readyz)),
        web.get("/metrics", _guarded(services, metrics)),
    ]


def _guarded(services: Services, probe: Callable[[Services], Awaitable[web.StreamResponse]]) -> Probe:
    check = login_required(services.accounts)

    async def answer(_: web.Request) -> web.StreamResponse:
        return await probe(services)

    async def inside(request: web.Request) -> web.StreamResponse:
        return await check(request, answer)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await problems(request, inside)

    return handle
