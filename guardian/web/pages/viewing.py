"""/viewing: viewing from afar, turned on and off, whose keys are shown this once; who else looks; and the devices that are told."""

from __future__ import annotations

from aiohttp import web

from guardian.model.errors import GuardianError
from guardian.vault.recovery_page import qr_svg
from guardian.web.site import Site, see_other
from guardian.web.words import sentence


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [
        site.get("/viewing", show),
        site.post("/viewing/on", turn_on),
        site.post("/viewing/off", turn_off),
        site.post("/viewing/viewers", let_in),
        site.post("/viewing/viewers/{viewer}/remove", take_out),
        site.post("/viewing/devices", add_device),
        site.post("/viewing/devices/{device}/remove", remove_device),
    ]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """Whether it is on, and who looks."""
    return await _page(site, request)


async def turn_on(site: Site, request: web.Request) -> web.StreamResponse:
    """Make a viewing key and show it, this once."""
    try:
        key = await site.services.viewing.turn_on()
    except GuardianError as error:
        return await _page(site, request, error)
    return await site.render.page(request, "viewing_key.html", key=key, qr=qr_svg(key), name="", passphrase="")


async def turn_off(site: Site, request: web.Request) -> web.StreamResponse:
    """Answer no viewer any more."""
    await site.services.viewing.turn_off()
    return see_other(request, "/viewing")


async def let_in(site: Site, request: web.Request) -> web.StreamResponse:
    """Let somebody else look, and show what they get, this once."""
    form = await request.post()
    try:
        made = await site.services.viewing.let_in(str(form.get("name", "")))
    except GuardianError as error:
        return await _page(site, request, error)
    return await site.render.page(
        request, "viewing_key.html", key=made.key, qr=qr_svg(made.key), name=made.name, passphrase=made.passphrase
    )


async def take_out(site: Site, request: web.Request) -> web.StreamResponse:
    """Answer them no more. The page then says what a new key of the vault is for."""
    try:
        await site.services.viewing.take_out(request.match_info["viewer"])
    except GuardianError as error:
        return await _page(site, request, error)
    return see_other(request, "/viewing?out=1")


async def add_device(site: Site, request: web.Request) -> web.StreamResponse:
    """Tell a device when something begins."""
    form = await request.post()
    try:
        await site.services.relay.add_device(str(form.get("device", "")), str(form.get("name", "")).strip() or "Phone")
    except GuardianError as error:
        return await _page(site, request, error)
    return see_other(request, "/viewing")


async def remove_device(site: Site, request: web.Request) -> web.StreamResponse:
    """Tell it nothing more."""
    try:
        await site.services.relay.remove_device(request.match_info["device"])
    except GuardianError as error:
        return await _page(site, request, error)
    return see_other(request, "/viewing")


async def _page(site: Site, request: web.Request, error: GuardianError | None = None) -> web.Response:
    problem = f"{sentence(error.message)} {sentence(error.cure)}".strip() if error is not None else ""
    viewing, relay = site.services.viewing.status(), site.services.relay.status()
    status = error.status if error is not None else 200
    values = {"viewing": viewing, "relay": relay, "devices": site.services.relay.devices(), "problem": problem}
    values |= {"others": await site.services.viewing.viewers(), "out": "out" in request.query and error is None}
    return await site.render.page(request, "viewing.html", status=status, **values)
