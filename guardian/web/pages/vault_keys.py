"""/vault/keys and /vault/recover: recovery code, passphrase, a new key. Each asks for passphrase or code again."""

from __future__ import annotations

from aiohttp import web

from guardian.model.errors import GuardianError, OwnerMistake
from guardian.vault.recovery_page import qr_svg
from guardian.web.site import Site, see_other, text_field
from guardian.web.words import sentence

DONE = {
    "passphrase": "The passphrase is changed.",
    "rotate": "There is a new key. Cameras seal to it from their next file on.",
    "recovered": "The new passphrase is set, and the vault is open. If somebody else may have seen the code, make a new one.",
}
DIFFER = "The two new passphrases differ."


def routes(site: Site) -> list[web.RouteDef]:
    """Return the routes."""
    return [
        site.get("/vault/keys", show),
        site.post("/vault/recovery-code", make_code),
        site.post("/vault/change-passphrase", change),
        site.post("/vault/rotate", rotate),
        site.get("/vault/recover", show_recover),
        site.post("/vault/recover", recover),
    ]


async def show(site: Site, request: web.Request) -> web.StreamResponse:
    """What can be done with keys."""
    return await _keys(site, request, done=DONE.get(request.query.get("done", ""), ""))


async def make_code(site: Site, request: web.Request) -> web.StreamResponse:
    """Make a recovery code and show it, this once."""
    try:
        code = await site.services.vault.new_recovery_code(await text_field(request, "passphrase"))
    except OwnerMistake as error:
        return await _keys(site, request, "code", error)
    made_us = site.services.vault.status().recovery_us or 0
    return await site.render.page(request, "vault_code.html", code=code, qr=qr_svg(code), made_us=made_us)


async def change(site: Site, request: web.Request) -> web.StreamResponse:
    """Set another passphrase."""
    new = await text_field(request, "new")
    if new != await text_field(request, "again"):
        return await _keys(site, request, "passphrase", problem=DIFFER)
    try:
        await site.services.vault.change_passphrase(await text_field(request, "passphrase"), new)
    except OwnerMistake as error:
        return await _keys(site, request, "passphrase", error)
    return see_other(request, "/vault/keys?done=passphrase")


async def rotate(site: Site, request: web.Request) -> web.StreamResponse:
    """Make a new key pair."""
    try:
        await site.services.vault.rotate(await text_field(request, "passphrase"))
    except OwnerMistake as error:
        return await _keys(site, request, "rotate", error)
    return see_other(request, "/vault/keys?done=rotate")


async def show_recover(site: Site, request: web.Request) -> web.StreamResponse:
    """Ask for the recovery code."""
    return await _recover(site, request)


async def recover(site: Site, request: web.Request) -> web.StreamResponse:
    """Set a new passphrase with the recovery code."""
    new = await text_field(request, "new")
    if new != await text_field(request, "again"):
        return await _recover(site, request, problem=DIFFER)
    try:
        await site.services.vault.recover(await text_field(request, "code"), new)
    except OwnerMistake as error:
        return await _recover(site, request, error)
    return see_other(request, "/vault/keys?done=recovered")


async def _keys(
    site: Site,
    request: web.Request,
    where: str = "",
    error: GuardianError | None = None,
    *,
    problem: str = "",
    done: str = "",
) -> web.Response:
    status, problem = _said(error, problem)
    return await site.render.page(request, "vault_keys.html", status=status, where=where, problem=problem, done=done)


async def _recover(
    site: Site, request: web.Request, error: GuardianError | None = None, *, problem: str = ""
) -> web.Response:
    status, problem = _said(error, problem)
    return await site.render.page(request, "vault_recover.html", status=status, problem=problem)


def _said(error: GuardianError | None, problem: str) -> tuple[int, str]:
    if error is None:
        return (400 if problem else 200), problem
    return error.status, f"{sentence(error.message)} {sentence(error.cure)}".strip()
