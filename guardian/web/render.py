"""Templates into answers: Jinja2, escaped by default, where a name that is missing is an error."""

from __future__ import annotations

import hashlib
from typing import Any

import jinja2
from aiohttp import web
from guardian_frontend import STATIC, TEMPLATES
from jinja2_fragments import render_block_async

from guardian.model.views import Session
from guardian.services.contract import Services
from guardian.web import words
from guardian.web.security import SESSION


def is_fragment(request: web.Request) -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"


class Renderer:
    """Renders pages, and single blocks of them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._sums: dict[str, str] = {}
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            enable_async=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(words.FILTERS)
        self._templates.globals["static"] = self.static

    def static(self, path: str) -> str:
        """Return the address of a static file, which changes with what is in it."""
        if path not in self._sums:
            self._sums[path] = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
        return f"/static/{path}?v={self._sums[path]}"

    async def page(self, request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """Render a whole page."""
        text = await self._templates.get_template(template).render_async(self._common(request) | values)
        return _html(text, status)

    async def block(self, request: web.Request, template: str, block: str, **values: Any) -> web.Response:
        """Render one block of a page."""
        text = await render_block_async(self._templates, template, block, **(self._common(request) | values))
        return _html(text, 200)

    def _common(self, request: web.Request) -> dict[str, Any]:
        session: Session | None = request.get(SESSION)
        return {
            "user": session.user if session is not None else "",
            "csrf": session.csrf if session is not None else "",
            "path": request.path,
            "vault": self._services.vault.status(),
            "disk": self._services.health.disk(),
        }


def _html(text: str, status: int) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})
