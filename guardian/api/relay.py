"""/relay: the home's link to its relay."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from guardian.api.fields import In, Out, TimeOut
from guardian.api.routing import Operations
from guardian.model.relay import MemberDevice, RelayStatus
from guardian.services.contract import Services

operations = Operations("relay")
_ERRORS = (400, 409, 423, 503)


class JoinIn(In):
    """An invitation, as `guardian-relay invite` shows it."""

    invitation: str = Field(min_length=1, max_length=2000, description="the relay's invitation", repr=False)


class DeviceIn(In):
    """A member's device."""

    device: str = Field(min_length=1, max_length=4000, description="what the device shows, from guardian-device: on")
    name: str = Field(min_length=1, max_length=80, description="what you call it; it stays at home")


class DeviceOut(Out):
    """A device that is told when something begins."""

    id: str
    name: str
    since: TimeOut

    @staticmethod
    def of(one: MemberDevice) -> DeviceOut:
        """Make it of a device."""
        return DeviceOut(id=one.id, name=one.name, since=one.since_us)


class DevicesOut(Out):
    """Those that are told."""

    items: list[DeviceOut]


class RelayOut(Out):
    """The link. `state`: absent (no plugin), none (not joined), pairing, connecting, connected, blocked."""

    state: str
    relay: str
    endpoint: str
    tunnel: str = Field(description="kernel or userspace")
    since: TimeOut | None
    handshake: TimeOut | None = Field(description="Last handshake of the tunnel.")
    rotated: TimeOut | None = Field(description="When its keys were made.")
    waiting_events: int
    dropped_events: int
    short_code: str = Field(description="While pairing: what the relay shows, too.")
    problem: str
    cure: str

    @staticmethod
    def of(status: RelayStatus) -> RelayOut:
        """Make it of a status."""
        return RelayOut(
            state=status.state.value,
            relay=status.relay,
            endpoint=status.endpoint,
            tunnel=status.tunnel,
            since=status.since_us or None,
            handshake=status.handshake_us or None,
            rotated=status.rotated_us or None,
            waiting_events=status.waiting_events,
            dropped_events=status.dropped_events,
            short_code=status.short_code,
            problem=status.problem,
            cure=status.cure,
        )


@operations.add("GET", "/relay")
async def get_relay(services: Services, request: web.Request) -> RelayOut:
    """How the link to the relay is."""
    return RelayOut.of(services.relay.status())


@operations.add("POST", "/relay/join", errors=_ERRORS)
async def join_relay(services: Services, request: web.Request, body: JoinIn) -> RelayOut:
    """Begin to join a relay. The answer has the short code: compare it with what the relay shows, then confirm. The vault must be unlocked."""
    return RelayOut.of(await services.relay.join(body.invitation))


@operations.add("POST", "/relay/confirm", errors=_ERRORS)
async def confirm_relay(services: Services, request: web.Request) -> RelayOut:
    """Say that both ends show the same code: the home signs the keys of both, and the tunnel opens."""
    return RelayOut.of(await services.relay.confirm())


@operations.add("POST", "/relay/rotate", errors=_ERRORS)
async def rotate_relay_keys(services: Services, request: web.Request) -> RelayOut:
    """Make new keys of the tunnel on both ends, while traffic runs. It happens by itself every `rotate_days`."""
    return RelayOut.of(await services.relay.rotate())


@operations.add("POST", "/relay/leave", errors=_ERRORS)
async def leave_relay(services: Services, request: web.Request) -> RelayOut:
    """Take the tunnel down and forget the relay."""
    return RelayOut.of(await services.relay.leave())


@operations.add("GET", "/relay/devices")
async def list_devices(services: Services, request: web.Request) -> DevicesOut:
    """Members' devices that are told when something begins."""
    return _devices(services)


@operations.add("POST", "/relay/devices", status=201, errors=_ERRORS)
async def add_device(services: Services, request: web.Request, body: DeviceIn) -> DeviceOut:
    """Tell a device when something begins: the home signs its keys, and seals to it alone. The vault must be unlocked."""
    return DeviceOut.of(await services.relay.add_device(body.device, body.name))


@operations.add("DELETE", "/relay/devices/{device}", errors=(404, *_ERRORS))
async def remove_device(services: Services, request: web.Request) -> DevicesOut:
    """Tell a device nothing more, for good. The vault must be unlocked."""
    await services.relay.remove_device(request.match_info["device"])
    return _devices(services)


def _devices(services: Services) -> DevicesOut:
    return DevicesOut(items=[DeviceOut.of(one) for one in services.relay.devices()])
