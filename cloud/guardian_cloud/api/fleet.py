"""Operations about relays, edges and what they are asked."""

from __future__ import annotations

import base64
import json
from typing import Final

from aiohttp import web

from guardian_cloud.api.routing import TENANT, Needs, Operations
from guardian_cloud.api.schemas import (
    CodeIn,
    CodeMade,
    CommandIn,
    CommandOut,
    DeviceOut,
    Devices,
    EnrolmentIn,
    EnrolmentOut,
    moment,
    sure_moment,
)
from guardian_cloud.ephemeral.contract import Rate
from guardian_cloud.index.fleet import Command, Device
from guardian_cloud.model.errors import TooManyRequests
from guardian_cloud.model.roles import May
from guardian_cloud.services.caller import Caller
from guardian_cloud.services.cloud import Cloud

operations = Operations("fleet")
_MOST_TRIES: Final = 5


@operations.add("POST", "/enrolments", Needs.NOTHING, status=201)
async def enrol(cloud: Cloud, who: str, _: web.Request, body: EnrolmentIn) -> EnrolmentOut:
    """Join with a one-time code: the certificate request is signed.

    The key stays on the device. Which of unknown, used or ended a code is, is not told.
    """
    rate = Rate(cloud.settings.limits.enrol_per_minute / 60, _MOST_TRIES)
    if wait_s := await cloud.ephemeral.wait_s(f"enrol:{who}", rate):
        raise TooManyRequests("too many enrolments from there", wait_s=wait_s, cure="Wait, and check the code.")
    made = await cloud.fleet.enrol(body.code, base64.b64decode(body.certificate_request), who)
    return EnrolmentOut(
        tenant=made.identity.tenant,
        device=made.identity.device,
        role=made.identity.role,
        chain=[base64.b64encode(one).decode() for one in made.issued.chain],
        root=made.root.decode(),
        control=cloud.control_address,
        expires=sure_moment(made.issued.expires_us),
        renew=sure_moment(made.issued.renew_us),
    )


@operations.add("GET", f"{TENANT}/devices", May.SEE_FLEET)
async def list_devices(cloud: Cloud, who: Caller, _: web.Request) -> Devices:
    """Relays and edges, and how they are."""
    return Devices(items=[shown(one) for one in await cloud.fleet.devices(who)])


@operations.add("POST", f"{TENANT}/devices/codes", May.CHANGE_FLEET, status=201)
async def make_code(cloud: Cloud, who: Caller, _: web.Request, body: CodeIn) -> CodeMade:
    """Make a code with which a relay or an edge joins: once, within half an hour."""
    code, expires_us = await cloud.fleet.make_code(who, body.role, body.name)
    return CodeMade(code=code, expires=sure_moment(expires_us))


@operations.add("DELETE", f"{TENANT}/devices/{{device}}", May.CHANGE_FLEET, status=204)
async def deny_device(cloud: Cloud, who: Caller, request: web.Request) -> web.Response:
    """Put a relay or an edge out, at once."""
    await cloud.fleet.deny(who, request.match_info["device"])
    return web.Response(status=204)


@operations.add("POST", f"{TENANT}/commands", May.ASK_EDGE, status=202)
async def send_command(cloud: Cloud, who: Caller, _: web.Request, body: CommandIn) -> CommandOut:
    """Send a command down. The edge decides: what changes anything it does with a member's signature only."""
    one = await cloud.fleet.ask(who, body.device, base64.b64decode(body.message))
    return _command(await cloud.fleet.command(who, one), cloud)


@operations.add("GET", f"{TENANT}/commands/{{command}}", May.ASK_EDGE)
async def get_command(cloud: Cloud, who: Caller, request: web.Request) -> CommandOut:
    """What became of a command."""
    return _command(await cloud.fleet.command(who, request.match_info["command"]), cloud)


def shown(one: Device) -> DeviceOut:
    """Return a device as it is shown."""
    fleet = json.loads(one.fleet) if one.fleet else {}
    state = "denied" if one.denied_us is not None else "connected" if one.connected else "away" if one.seen_us else "new"
    return DeviceOut(
        device=one.id,
        role=one.role,
        name=one.name,
        state=state,
        edge_connected=one.edge_connected if one.connected else None,
        version=one.version,
        enrolled=sure_moment(one.enrolled_us),
        seen=moment(one.seen_us),
        certificate_ends=sure_moment(one.expires_us),
        readings={"edge": fleet.get("edge", {}), "relay": fleet.get("relay", {})},
        cameras=fleet.get("cameras", {}),
    )


def _command(one: Command, cloud: Cloud) -> CommandOut:
    if one.done_us is not None:
        state = "done" if one.ok else "failed"
    else:
        state = "waiting" if one.expires_us > cloud.clock.now().utc_us else "ended"
    return CommandOut(command=one.id, verb=one.verb, state=state, code=one.code)
