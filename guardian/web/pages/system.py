"""/system: how the box is."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from guardian.model.relay import RelayState
from guardian.web.render import is_fragment
from guardian.web.site import Site

SHOWN = (RelayState.PAIRING, RelayState.CONNECTING, RelayState.CONNECTED, RelayState.BLOCKED)
COMMANDS = 10  # that the page shows


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [site.get("/system", show)]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """The page, and its figures alone every few seconds."""
    cameras = site.services.cameras.list()
    names = {camera.id: camera.name for camera in cameras}
    relay = site.services.relay.status()
    values: dict[str, Any] = {
        "system": await site.services.health.system(),
        "cameras": cameras,
        "names": names,
        "relay": relay if relay.state in SHOWN else None,
        "commands": site.services.commands.seen()[:COMMANDS],
    }
    if is_fragment(request):
        return await site.render.block(request, "system.html", "figures", **values)
    return await site.render.page(request, "system.html", **values)
