"""/cameras/{id}/zones: zones, lines, masks and rules, drawn over the picture. A script does the drawing, through the API."""

from __future__ import annotations

from aiohttp import web

from guardian.web.site import Site


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [site.get("/cameras/{camera}/zones", show)]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """The page."""
    camera = site.services.cameras.get(request.match_info["camera"])
    detect = site.services.rules.get(camera.id)
    return await site.render.page(request, "zones.html", camera=camera, labels=detect.labels)
