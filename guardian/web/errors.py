"""Errors as pages: what happened, and what to do about it."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from guardian.model.errors import GuardianError
from guardian.web.render import Renderer, is_fragment

_log = structlog.get_logger(__name__)
_SAID = {
    404: ("There is nothing here", "The page may have moved, or what it showed was deleted."),
    405: ("That does not work this way", "Go back and use the buttons of the page."),
    413: ("That was too much at once", "Go back and send less."),
}


def error_pages(render: Renderer) -> Middleware:
    """Return the middleware that shows what goes wrong."""

    @web.middleware
    async def show(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except GuardianError as error:
            return await _page(render, request, error.status, error.message, error.cure)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            message, cure = _SAID.get(error.status, (HTTPStatus(error.status).phrase, "Go back and try again."))
            return await _page(render, request, error.status, message, cure)
        except ConnectionResetError:
            raise  # who asked has gone
        except Exception as error:  # noqa: BLE001 - the last resort: ours, and logged as such
            _log.error("page_bug", path=request.path, error=type(error).__name__, exc_info=error)
            return await _page(render, request, 500, "something went wrong here", "Look into the log; please report it.")

    return show


async def _page(render: Renderer, request: web.Request, status: int, message: str, cure: str) -> web.Response:
    if is_fragment(request):
        return web.Response(status=status, text=f"{message} {cure}".strip())
    return await render.page(request, "error.html", status=status, message=message, cure=cure)
