"""/cameras/{id}: one camera, live and back in time."""

from __future__ import annotations

from aiohttp import web

from guardian.model.time import from_rfc3339
from guardian.web.render import is_fragment
from guardian.web.site import Site


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [site.get("/cameras/{camera}", show)]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """The page, `?at=` (RFC 3339) begins there instead of live; and what its watch sees alone, every few seconds."""
    camera = site.services.cameras.get(request.match_info["camera"])
    if is_fragment(request):
        return await site.render.block(request, "camera.html", "watching", camera=camera)
    return await site.render.page(
        request,
        "camera.html",
        camera=camera,
        cameras=site.services.cameras.list(),
        bounds=await site.services.timeline.bounds(camera.id),
        at_us=_at(request),
    )


def _at(request: web.Request) -> int | None:
    try:
        return from_rfc3339(request.query["at"]) if "at" in request.query else None
    except ValueError:
        return None
