"""/viewing: viewing from afar, on and off."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from guardian.api.fields import In, Out, TimeOut
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


class ViewerOut(Out):
    """Somebody else who may look."""

    id: str
    name: str
    since: TimeOut | None
    looking: int = Field(description="With how many browsers now.")
    last: TimeOut | None = Field(description="When they were let in last, since the start.")
    problem: str


class ViewersOut(Out):
    """All of them."""

    items: list[ViewerOut]


class LetInIn(In):
    """Whom to let in."""

    name: str = Field(max_length=40)
    passphrase: str = Field("", max_length=1024, repr=False, description="Of theirs; empty: one is made.")


class LetInOut(Out):
    """What they get, shown this once."""

    id: str
    name: str
    key: str = Field(repr=False)
    passphrase: str = Field(repr=False)


@operations.add("GET", "/viewing/viewers")
async def list_viewers(services: Services, request: web.Request) -> ViewersOut:
    """Who else may look from afar, each with a viewing key and a passphrase of their own."""
    return await _viewers(services)


@operations.add("POST", "/viewing/viewers", status=201, errors=(409, 423, 503))
async def add_viewer(services: Services, request: web.Request, body: LetInIn) -> LetInOut:
    """Let somebody else look from afar at all that is and was recorded, with secrets of their own. The vault must be unlocked."""
    made = await services.viewing.let_in(body.name, body.passphrase)
    return LetInOut(id=made.id, name=made.name, key=made.key, passphrase=made.passphrase)


@operations.add("DELETE", "/viewing/viewers/{viewer}", errors=(404,))
async def remove_viewer(services: Services, request: web.Request) -> ViewersOut:
    """Answer somebody no more, for good. What they could open they can open still; new keys (`POST /vault/rotate`) keep from them what comes."""
    await services.viewing.take_out(request.match_info["viewer"])
    return await _viewers(services)


async def _viewers(services: Services) -> ViewersOut:
    return ViewersOut(
        items=[
            ViewerOut(
                id=one.id,
                name=one.name,
                since=one.since_us or None,
                looking=one.looking,
                last=one.last_us or None,
                problem=one.problem,
            )
            for one in await services.viewing.viewers()
        ]
    )


def _values(services: Services) -> dict[str, Any]:
    status = services.viewing.status()
    return {
        "on": status.on,
        "created": status.created_us or None,
        "viewers": status.viewers,
        "last": status.last_us or None,
        "problem": status.problem,
    }
