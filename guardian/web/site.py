"""What every page's handlers get, and how they become routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from guardian.model.views import Session
from guardian.services.contract import Services
from guardian.web.render import Renderer
from guardian.web.security import SESSION


@dataclass(frozen=True, slots=True)
class Site:
    """Services, and what renders."""

    services: Services
    render: Renderer

    def handler(self, page: Page) -> Handler:
        """Return a page as aiohttp calls it."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await page(self, request)

        return handle

    def get(self, path: str, page: Page) -> web.RouteDef:
        """Return the route of a page that shows something."""
        return web.get(path, self.handler(page))

    def post(self, path: str, page: Page) -> web.RouteDef:
        """Return the route of a form."""
        return web.post(path, self.handler(page))


Page = Callable[[Site, web.Request], Awaitable[web.StreamResponse]]


def session(request: web.Request) -> Session:
    """Return who is logged in."""
    return request[SESSION]


async def text_field(request: web.Request, name: str) -> str:
    """Return a form's text field, empty where it is missing."""
    value = (await request.post()).get(name, "")
    return value if isinstance(value, str) else ""


def see_other(request: web.Request, location: str) -> web.Response:
    """Go on with another page after a form."""
    if request.headers.get("HX-Request") == "true":
        return web.Response(status=204, headers={"HX-Redirect": location})
    return web.Response(status=303, headers={hdrs.LOCATION: location})
