"""Operations about relays, edges and what they are asked."""

from __future__ import annotations

import base64
import json
from typing import Final

from aiohttp import web

from guardian.model.command import REASONS
from guardian_cloud.api.routing import TENANT, Needs, Operations
from guardian_cloud.api.schemas import (
    CodeIn,
    CodeMade,
    CommandIn,
    CommandOut,
    Commands,
    DeviceOut,
    Devices,
    EnrolmentIn,
    EnrolmentOut,
    Health,
    HealthSample,
    Hours,
    StatementOut,
    moment,
    sure_moment,
)
from guardian_cloud.ephemeral.contract import Rate
from guardian_cloud.index.fleet import Command, Device
from guardian_cloud.model.errors import BadRequest, TooManyRequests
from guardian_cloud.model.roles import May
from guardian_cloud.services.caller import Caller, id_of
from guardian_cloud.services.cloud import Cloud
from guardian_cloud.services.homes import Stated

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
    return Devices(items=await shown_all(cloud, who))


@operations.add("GET", f"{TENANT}/devices/{{device}}/health", May.SEE_FLEET)
async def get_health(cloud: Cloud, who: Caller, request: web.Request, query: Hours) -> Health:
    """How the home behind a relay was: a sample each five minutes, also of the time when nobody heard it."""
    found = await cloud.homes.health(who, id_of(request.match_info["device"], "device"), query.hours)
    return Health(
        items=[HealthSample(time=sure_moment(one.time_s * 1_000_000), readings=dict(one.readings)) for one in found]
    )


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
    """Send a command down: a verb that changes nothing, or one that the home has signed. The home decides."""
    if bool(body.verb) == bool(body.message):
        raise BadRequest("a command is a verb or a message", field="verb", cure="Send one of them.")
    if body.verb:
        one = await cloud.fleet.ask_free(who, body.device, body.verb)
    else:
        one = await cloud.fleet.ask(who, body.device, base64.b64decode(body.message))
    return asked(await cloud.fleet.command(who, one), cloud)


@operations.add("GET", f"{TENANT}/commands", May.ASK_EDGE)
async def list_commands(cloud: Cloud, who: Caller, _: web.Request) -> Commands:
    """The newest commands, and what became of them."""
    return Commands(items=[asked(one, cloud) for one in await cloud.fleet.commands(who)])


@operations.add("GET", f"{TENANT}/commands/{{command}}", May.ASK_EDGE)
async def get_command(cloud: Cloud, who: Caller, request: web.Request) -> CommandOut:
    """What became of a command."""
    return asked(await cloud.fleet.command(who, request.match_info["command"]), cloud)


async def shown_all(cloud: Cloud, who: Caller) -> list[DeviceOut]:
    """Return a tenant's devices as they are shown."""
    return [shown(one, await cloud.homes.statements(who, home_of(one))) for one in await cloud.fleet.devices(who)]


def home_of(one: Device) -> str:
    """Return the public key of the home behind a relay, in hex, or nothing."""
    return str(json.loads(one.fleet).get("home", "")) if one.fleet else ""


def shown(one: Device, stated: list[Stated]) -> DeviceOut:
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
        home=fleet.get("home", ""),
        edge_version=fleet.get("edge_version", ""),
        plugins=fleet.get("plugins", {}),
        other_plugins=fleet.get("other_plugins", 0),
        statements=[
            StatementOut(
                subject=each.subject,
                role=each.role,
                number=each.number,
                revoked=each.revoked,
                issued=sure_moment(each.issued_ms * 1000),
                expires=moment(each.expires_ms * 1000 or None),
                signing_key=each.signing_key,
            )
            for each in stated
        ],
    )


def asked(one: Command, cloud: Cloud) -> CommandOut:
    """Return a command as it is shown."""
    if one.done_us is not None:
        state = "done" if one.ok else "failed"
    else:
        state = "waiting" if one.expires_us > cloud.clock.now().utc_us else "ended"
    return CommandOut(
        command=one.id,
        verb=one.verb,
        state=state,
        code=one.code,
        reason=REASONS.get(one.code, "") if state == "failed" else "",
        signed=one.signed,
        asked=sure_moment(one.asked_us),
        done=moment(one.done_us),
    )
