"""Templates into pages: Jinja2, escaped by default, where a name that is missing is an error."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, Final

import jinja2
from aiohttp import web
from guardian_frontend import STATIC, TEMPLATES
from jinja2_fragments import render_block_async
from markupsafe import Markup

from guardian_cloud.model.roles import May, allows
from guardian_cloud.services.caller import Caller, Person


def _moment(us: int, style: str) -> Markup:
    text = dt.datetime.fromtimestamp(us // 1_000_000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    shown = text[:16].replace("T", " ")
    return Markup('<time datetime="{}" data-style="{}">{} UTC</time>').format(text, style, shown)


def _size(value: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if abs(value) < 1000 or unit == "TB":
            return f"{value:.3g} {unit}"
        value /= 1000
    raise AssertionError


def _lasting(value: float) -> str:
    for length, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if value >= 2 * length:
            return f"{value / length:.0f} {unit}"
    return f"{value:.0f} s"


def sentence(text: str) -> str:
    """Return a text as a sentence."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


_UNITS: Final = (
    ("bytes", _size),
    ("s", _lasting),
    ("c", lambda value: f"{value:.0f} °C"),
    ("percent", lambda value: f"{value:.0f} %"),
)


def reading(name: str, value: float) -> tuple[str, str]:
    """Return a reading's name and value in words: its unit is the last word of its name."""
    head, _, unit = name.rpartition("_")
    for known, words in _UNITS:
        if head and unit == known:
            return head.replace("_", " "), words(value)
    return name.replace("_", " "), f"{value:,.0f}"


class Renderer:
    """Renders pages, and single blocks of them."""

    def __init__(self) -> None:
        self._sums: dict[str, str] = {}
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            enable_async=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["moment"] = _moment
        self._templates.globals["static"] = self._static

    def _static(self, path: str) -> str:
        if path not in self._sums:
            self._sums[path] = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
        return f"/static/{path}?v={self._sums[path]}"

    async def page(
        self, request: web.Request, template: str, who: Caller | Person | None, *, status: int = 200, **values: Any
    ) -> web.Response:
        """Render a whole page; htmx gets the block it asks for."""
        values = {"problem": "", **_common(request, who), **values}
        block = values.pop("block", "")
        if block and request.headers.get("HX-Request") == "true":
            text = await render_block_async(self._templates, f"cloud/{template}", block, **values)
        else:
            text = await self._templates.get_template(f"cloud/{template}").render_async(values)
        return web.Response(text=text, status=status, content_type="text/html", headers={"Vary": "HX-Request"})


def _common(request: web.Request, who: Caller | Person | None) -> dict[str, Any]:
    home = who if isinstance(who, Caller) else None
    person = who.person if isinstance(who, Caller) else who

    def may(what: str) -> bool:
        return home is not None and allows(home.role, May(what))

    return {
        "home": home,
        "person": person,
        "csrf": person.csrf if person is not None else "",
        "path": request.path,
        "may": may,
    }
