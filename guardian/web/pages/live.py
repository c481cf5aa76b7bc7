"""/: every camera, live."""

from __future__ import annotations

from aiohttp import web

from guardian.web.render import is_fragment
from guardian.web.site import Site


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [site.get("/", show)]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """The grid. The script on it follows the cameras' states through the API."""
    cameras = site.services.cameras.list()
    if is_fragment(request):
        return await site.render.block(request, "live.html", "grid", cameras=cameras)
    return await site.render.page(request, "live.html", cameras=cameras)
