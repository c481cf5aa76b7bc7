"""Relays and edges: how they are let in, what is known of them, how they are put out, and what they are asked."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from guardian.platform.clock import Clock, new_id
from guardian.protocol.commands import FREE, make_command
from guardian.protocol.readings import is_word, known
from guardian.protocol.trust import KEY_BYTES
from guardian.protocol.v1.control_pb2 import Fleet as FleetReport
from guardian.protocol.v1.events_pb2 import Command as WireCommand
from guardian.protocol.v1.events_pb2 import CommandDone
from guardian_cloud.ca.authority import Authority, Identity, Issued
from guardian_cloud.ephemeral.contract import Ephemeral
from guardian_cloud.index import audit, fleet
from guardian_cloud.index.engine import Store
from guardian_cloud.index.fleet import Code, Command, Device
from guardian_cloud.model.errors import BadRequest, Conflict, NotAllowed, NotFound, Unavailable
from guardian_cloud.model.roles import May
from guardian_cloud.model.secret_word import SECRET_BYTES, SELECTOR_BYTES, Word, fits, read
from guardian_cloud.services.caller import Caller, id_of
from guardian_cloud.settings.schema import Settings

ENROLMENT: Final = "gce"
DEVICE_ROLES: Final = ("relay", "edge")
CAMERA_STATES: Final = frozenset({"recording", "connecting", "off"})
MOST_CAMERAS: Final = 128
REPORT_AGAIN_S: Final = 60.0  # what has not changed is written once a minute: heartbeats are no rows
MOST_PLUGINS: Final = 64
MOST_COMMAND: Final = 64 * 1024
MOST_SHOWN: Final = 50
FREE_WAIT_MS: Final = 60_000
LONGEST_WAIT_MS: Final = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device that has just joined."""

    identity: Identity
    issued: Issued
    root: bytes


class _By(TypedDict):
    at_us: int
    actor: str
    origin: str


def channel(tenant: str, device: str) -> str:
    """Where word for a device's stream goes."""
    return f"tenant:{tenant}:device:{device}"


class Fleet:
    """The service."""

    def __init__(self, store: Store, authority: Authority, ephemeral: Ephemeral, settings: Settings, clock: Clock) -> None:
        self._store, self._authority, self._ephemeral, self._clock = store, authority, ephemeral, clock
        self._life_s = settings.authority.leaf_hours * 3600
        self._code_us = settings.authority.code_minutes * 60_000_000
        # Of connected devices: when it was written, in seconds of uptime, and what.
        self._written: dict[tuple[str, str], tuple[float, tuple[Any, ...]]] = {}

    def _now_us(self) -> int:
        return self._clock.now().utc_us

    def _by(self, caller: Caller) -> _By:
        return {"at_us": self._now_us(), "actor": caller.user, "origin": caller.origin}

    # joining

    async def make_code(self, caller: Caller, role: str, name: str) -> tuple[str, int]:
        """Make a one-time code; return it, to be shown once, and when it ends."""
        caller.must(May.CHANGE_FLEET)
        if role not in DEVICE_ROLES:
            raise BadRequest(f"{role} is no kind of device", field="role", cure="relay or edge.")
        word, now_us = Word(caller.tenant, os.urandom(SELECTOR_BYTES), os.urandom(SECRET_BYTES)), self._now_us()
        code = Code(word.selector, word.digest, role, name, now_us, now_us + self._code_us)
        async with self._store.tenant(caller.tenant) as connection:
            await fleet.add_code(connection, caller.tenant, code)
            await audit.append(
                connection, caller.tenant, **self._by(caller), action=f"code.made_for_{role}", thing=word.selector.hex()
            )
        return word.text(ENROLMENT), code.expires_us

    async def enrol(self, text: str, request: bytes, origin: str) -> Enrolled:
        """Use a code: sign the request of a device that joins. NotAllowed tells not whether the code is unknown, used or ended.

        A request that cannot be signed leaves the code as it was; of two who use one code at once, one joins.
        """
        word = read(text, ENROLMENT)
        if word is None:
            raise _no_code()
        now_us, device = self._now_us(), new_id(self._clock)
        async with self._store.tenant(word.tenant) as connection:
            found = await fleet.code(connection, word.tenant, word.selector)
            if not fits(word, found.digest if found is not None else None) or found is None:
                raise _no_code()
            if not await fleet.use_code(connection, word.tenant, word.selector, now_us):
                raise _no_code()
            issued = self._authority.sign(request, word.tenant, found.role, device, self._life_s)
            row = Device(
                device, found.role, found.name, None, now_us, issued.expires_us, 0, "", None, False, None, None
            )  # fmt: skip
            await fleet.add_device(connection, word.tenant, row)
            await audit.append(
                connection,
                word.tenant,
                at_us=now_us,
                actor=f"code {word.selector.hex()}",
                action=f"{found.role}.enrolled",
                thing=device,
                origin=origin,
            )
        return Enrolled(Identity(word.tenant, found.role, device, issued.expires_us), issued, self._authority.root_pem)

    async def renew(self, identity: Identity, request: bytes) -> Issued:
        """Sign a new certificate for a device that shows a good one."""
        await self.admitted(identity)
        issued = self._authority.sign(request, identity.tenant, identity.role, identity.device, self._life_s)
        async with self._store.tenant(identity.tenant) as connection:
            await fleet.change_device(connection, identity.tenant, identity.device, expires_us=issued.expires_us)
        return issued

    async def admitted(self, identity: Identity) -> Device:
        """Return the device that a certificate speaks of. NotAllowed where it is denied, unknown, or its certificate has ended."""
        if identity.expires_us <= self._now_us():
            raise NotAllowed("the certificate has ended", cure="Enrol again with a new code.")
        async with self._store.look(identity.tenant) as connection:
            found = await fleet.device(connection, identity.tenant, identity.device)
        if found is None or found.denied_us is not None or found.role != identity.role:
            raise NotAllowed("this device is not let in", cure="Enrol again with a new code.")
        return found

    async def deny(self, caller: Caller, device: str) -> None:
        """Put a device out: at once, whatever its certificate says. There is no way back but to enrol again."""
        caller.must(May.CHANGE_FLEET)
        one = id_of(device, "device")
        async with self._store.tenant(caller.tenant) as connection:
            if not await fleet.change_device(connection, caller.tenant, one, denied_us=self._now_us(), connected=False):
                raise _no_device()
            await audit.append(connection, caller.tenant, **self._by(caller), action="device.denied", thing=one)
        await self._ephemeral.tell(channel(caller.tenant, one), b"denied")

    # what is known

    async def devices(self, caller: Caller) -> list[Device]:
        """Return the tenant's devices."""
        caller.must(May.SEE_FLEET)
        async with self._store.look(caller.tenant) as connection:
            return await fleet.all_devices(connection, caller.tenant)

    async def hello(self, identity: Identity, version: str) -> int:
        """A device's stream has begun; return up to where we have its outbox."""
        async with self._store.tenant(identity.tenant) as connection:
            await fleet.change_device(
                connection,
                identity.tenant,
                identity.device,
                version=_printable(version)[:40],
                connected=True,
                seen_us=self._now_us(),
            )
            found = await fleet.device(connection, identity.tenant, identity.device)
        return found.acknowledged if found is not None else 0

    async def gone(self, identity: Identity) -> None:
        """A device's stream has ended."""
        self._written.pop((identity.tenant, identity.device), None)
        async with self._store.tenant(identity.tenant) as connection:
            await fleet.change_device(connection, identity.tenant, identity.device, connected=False)
        await self._tell_news(identity.tenant)

    async def report(self, identity: Identity, message: FleetReport) -> None:
        """Keep how relay and edge are: when something about it changed, and else once a minute."""
        cameras = {
            one.camera.hex(): one.state
            for one in message.cameras[:MOST_CAMERAS]
            if len(one.camera) == 16 and one.state in CAMERA_STATES
        }
        edge, relay = known(message.edge.readings), known(message.relay.readings)
        home = message.home.hex() if len(message.home) == KEY_BYTES else ""
        plugins = {one.name: one.state for one in message.plugins[:MOST_PLUGINS] if is_word(one.name) and is_word(one.state)}
        version, others = _printable(message.edge_version)[:40], min(message.other_plugins, 999)
        now_us, now_s, key = self._now_us(), self._clock.mono_s(), (identity.tenant, identity.device)
        state = (
            message.edge_connected,
            tuple(sorted(cameras.items())),
            home,
            version,
            tuple(sorted(plugins.items())),
            others,
        )
        at_s, last = self._written.get(key, (0.0, ()))
        if state == last and now_s - at_s < REPORT_AGAIN_S:
            return
        self._written[key] = (now_s, state)
        about = {"home": home, "edge_version": version, "plugins": plugins, "other_plugins": others}
        kept = json.dumps({"edge": edge, "relay": relay, "cameras": cameras, "edge_seen_s": message.edge_seen_s, **about})
        async with self._store.tenant(identity.tenant) as connection:
            await fleet.change_device(
                connection,
                identity.tenant,
                identity.device,
                edge_connected=message.edge_connected,
                fleet=kept,
                seen_us=now_us,
            )
        if state != last:
            await self._tell_news(identity.tenant)

    async def _tell_news(self, tenant: str) -> None:
        try:
            await self._ephemeral.tell(f"tenant:{tenant}:news", b"fleet")
        except Unavailable:  # who listens looks again by themselves
            return

    # what is asked

    async def ask_free(self, caller: Caller, device: str, verb: str) -> str:
        """Ask a home for what changes nothing, and needs no signature; return the command's id."""
        caller.must(May.ASK_EDGE)
        if verb not in FREE:
            raise BadRequest(
                f"{verb} is not done without a signature",
                field="verb",
                cure="ping or report; else `guardian cloud sign` at home.",
            )
        async with self._store.look(caller.tenant) as connection:
            found = await fleet.device(connection, caller.tenant, id_of(device, "device"))
        home = json.loads(found.fleet).get("home", "") if found is not None and found.fleet else ""
        if not home:
            raise Conflict("no home is joined to that relay yet", cure="At home: guardian relay join.")
        now_ms, one = self._now_us() // 1000, uuid.UUID(new_id(self._clock)).bytes
        return await self.ask(caller, device, make_command(one, verb, bytes.fromhex(home), now_ms, now_ms + FREE_WAIT_MS))

    async def ask(self, caller: Caller, device: str, message: bytes) -> str:
        """Send a command to a home; return its id. The bytes go down as they came: a member's signature covers them."""
        caller.must(May.ASK_EDGE)
        command, now_us = _command(message, self._now_us() // 1000), self._now_us()
        one = str(uuid.UUID(bytes=command.id))
        async with self._store.tenant(caller.tenant) as connection:
            found = await fleet.device(connection, caller.tenant, id_of(device, "device"))
            if found is None or found.denied_us is not None or found.role != "relay":
                raise _no_device()
            if await fleet.command(connection, caller.tenant, one) is not None:
                raise Conflict("this command was sent before", cure="Make a new one, with an id of its own.")
            row = Command(
                one, found.id, caller.user, command.verb, message, command.expires_ms * 1000, None, None, "",
                now_us, bool(command.signature),
            )  # fmt: skip
            await fleet.add_command(connection, caller.tenant, row)
            await audit.append(
                connection, caller.tenant, at_us=now_us, actor=caller.user, origin=caller.origin,
                action=f"command.{command.verb}"[:60], thing=one,
            )  # fmt: skip
        await self._ephemeral.tell(channel(caller.tenant, found.id), b"command")
        return one

    async def command(self, caller: Caller, one: str) -> Command:
        """Return a command and what became of it."""
        caller.must(May.ASK_EDGE)
        async with self._store.look(caller.tenant) as connection:
            found = await fleet.command(connection, caller.tenant, id_of(one, "command"))
        if found is None:
            raise NotFound("there is no such command", cure="It may be of another home.")
        return found

    async def commands(self, caller: Caller) -> list[Command]:
        """Return the newest commands, the newest first."""
        caller.must(May.ASK_EDGE)
        async with self._store.look(caller.tenant) as connection:
            return await fleet.newest_commands(connection, caller.tenant, MOST_SHOWN)

    async def waiting(self, identity: Identity) -> list[Command]:
        """Return what a device is still to be asked."""
        async with self._store.look(identity.tenant) as connection:
            return await fleet.open_commands(connection, identity.tenant, identity.device, self._now_us())

    async def done(self, identity: Identity, message: CommandDone) -> None:
        """Keep what became of a command. The message's words may tell of the home: the code alone is kept."""
        if len(message.id) != 16:
            return
        one = str(uuid.UUID(bytes=message.id))
        async with self._store.tenant(identity.tenant) as connection:
            await fleet.end_command(
                connection,
                identity.tenant,
                identity.device,
                one,
                now_us=self._now_us(),
                ok=message.ok,
                code=_printable(message.code),
            )
        await self._tell_news(identity.tenant)


def _command(message: bytes, now_ms: int) -> WireCommand:
    if len(message) > MOST_COMMAND:
        raise BadRequest("the command is too long", field="message", cure=f"{MOST_COMMAND} bytes at most.")
    try:
        command: WireCommand = WireCommand.FromString(message)
    except Exception as error:
        raise BadRequest("message is no Command of the protocol", field="message", cure="See docs/protocol.md.") from error
    if len(command.id) != 16 or command.id[6] >> 4 != 7:
        raise BadRequest("the command's id is no UUIDv7", field="message", cure="16 bytes, version 7.")
    if not 0 < command.expires_ms - now_ms <= LONGEST_WAIT_MS:
        raise BadRequest("the command's time has passed, or is too far off", field="message", cure="A week at most.")
    if not command.verb.isidentifier() or len(command.verb) > 40:
        raise BadRequest("the command has no verb", field="message", cure="See docs/protocol.md.")
    return command


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii() and letter.isprintable())


def _no_device() -> NotFound:
    return NotFound("there is no such device", cure="Look at the fleet.")


def _no_code() -> NotAllowed:
    return NotAllowed("this code does not open", cure="Ask for a new one: each works once, for half an hour.")
