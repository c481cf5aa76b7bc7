"""/viewing: viewing from afar, on and off."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from guardian.api.fields import Out, TimeOut
from guardian.api.routing import Operations
from guardian.services.contract import Services

operations = Operations("viewing")


class ViewingOut(Out):
    """Viewing from afar."""

    on: bool
    created: TimeOut | None = Field(description="When the viewing key was made.")
    viewers: int = Field(description="Who look now.")
    last: TimeOut | None = Field(description="When somebody was let in last, since the start.")
    problem: str


class ViewingKeyOut(ViewingOut):
    """With a fresh viewing key."""

    key: str = Field(description="The viewing key, shown this once.", repr=False)


@operations.add("GET", "/viewing")
async def get_viewing(services: Services, request: web.Request) -> ViewingOut:
    """Whether viewing from afar is on, and who looks."""
    return ViewingOut(**_values(services))


@operations.add("POST", "/viewing", errors=(423, 503))
async def turn_viewing_on(services: Services, request: web.Request) -> ViewingKeyOut:
    """Make a viewing key, which ends the one before. The vault must be unlocked: the home signs. With it and the passphrase a browser far away opens the vault."""
    key = await services.viewing.turn_on()
    return ViewingKeyOut(**_values(services), key=key)


@operations.add("DELETE", "/viewing")
async def turn_viewing_off(services: Services, request: web.Request) -> ViewingOut:
    """Forget the viewing key; viewers that are there have to go."""
    await services.viewing.turn_off()
    return ViewingOut(**_values(services))


def _values(services: Services) -> dict[str, Any]:
    status = services.viewing.status()
    return {
        "on": status.on,
        "created": status.created_us or None,
        "viewers": status.viewers,
        "last": status.last_us or None,
        "problem": status.problem,
    }
