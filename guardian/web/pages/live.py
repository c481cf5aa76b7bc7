"""/: every camera, live."""

from __future__ import annotations

from aiohttp import web

from guardian.web.site import Site


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [site.get("/", show)]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """The grid. The script on it follows the cameras' states through the API."""
    return await site.render.page(request, "live.html", cameras=site.services.cameras.list())
