"""The link, assembled: implements RelayLink. Everything here may fail or wait, and recording does not notice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from guardian import __version__
from guardian.protocol import clocks
from guardian.protocol.rpc import Stub
from guardian.protocol.trust import Statements, Untrusted, make_tunnel_key, read_tunnel_key
from guardian.protocol.tunnel import Keys, KeySet
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.protocol.wireguard import make_private_key, public_key
from guardian.sdk import (
    CameraChange,
    CameraState,
    CloudSync,
    Conflict,
    Event,
    GuardianError,
    MemberDevice,
    PluginContext,
    RelayState,
    RelayStatus,
    SegmentRecord,
    ServiceUnavailable,
    Tasks,
    ViewerCall,
    uuid7,
)
from guardian_wireguard import devices, words
from guardian_wireguard.clips import Clips
from guardian_wireguard.config import WireGuardConfig
from guardian_wireguard.exchange import Exchange
from guardian_wireguard.join import Pairing, begin, finish, trusted
from guardian_wireguard.outbox import Of, Outbox
from guardian_wireguard.state import Joined, StateFile
from guardian_wireguard.tunnel import Tunnel
from guardian_wireguard.viewers import answer

LOOK_EVERY_S = 5.0
AGAIN_S = 30.0  # until an interface that could not be made is tried again
PAIRING_S = 600.0
COPIED = (
    "somebody else speaks to the relay with this home's keys: a copy of its data folder is in use",
    "End the copy. If it is not yours: guardian relay leave, and join anew; the keys that were copied open nothing then.",
)
AGAIN = "It is tried again by itself."
SILENT = (
    f"{AGAIN} Does the relay run, and is UDP open? Where the clock here was ahead, or is behind now, the relay lets this home in"
    " within four minutes."
)
DAY_US = 86_400_000_000
CLIPS_BACK_US, MOST_CLIPS = 3_600_000_000, 500  # of events, the newest; the relay's quota takes the oldest first, too


class WireGuardLink:
    """One home's link to one relay."""

    def __init__(self, config: WireGuardConfig, context: PluginContext) -> None:
        self._config, self._context, self._clock = config, context, context.clock
        self._state = StateFile(context.data_dir)
        self._tasks, self._running = Tasks(), Tasks()
        self._began_s = self._clock.mono_s()
        self._pairing: tuple[Pairing, float] | None = None
        self._joined: Joined | None = None
        self._said: Statements | None = None
        self._tunnel: Tunnel | None = None
        self._exchange: Exchange | None = None
        self._outbox: Outbox | None = None
        self._camera_key = b""
        self._clips = Clips(context.footage, context.seal)
        self._blocked: GuardianError | None = None
        self._desk: Callable[[ViewerCall], Awaitable[None]] | None = None
        self._sync: CloudSync | None = None
        self._reached_once = False

    async def start(self) -> None:
        """Take up a relay that was joined before."""
        try:
            joined = await asyncio.to_thread(self._state.read, self._clock.mono_s())
            if joined is not None:
                await self._take_up(joined)
        except GuardianError as error:
            self._blocked = error

    async def stop(self) -> None:
        """End everything; what waits is on the disk."""
        await self._running.close(2.0)
        if self._tunnel is not None:
            await self._tunnel.down()
        if self._outbox is not None:
            self._outbox.close()
        self._tunnel, self._exchange, self._outbox, self._joined = None, None, None, None

    # joining

    async def join(self, invitation: str, home: bytes) -> str:
        """Begin to join."""
        if self._joined is not None:
            raise Conflict("a relay is joined already", cure="Leave it first: guardian relay leave")
        self._blocked = None
        pairing = await begin(invitation, home, __version__)
        self._pairing = (pairing, self._clock.mono_s())
        return pairing.short_code

    async def confirm(self, sign: Callable[[bytes], bytes]) -> None:
        """Both ends show the same code."""
        pairing = self._under_way()
        if pairing is None:
            raise Conflict("nothing is being joined any more", cure="Begin anew, with another invitation.")
        now_us = self._clock.now().utc_us
        joined = await finish(pairing, sign, now_us // 1000, now_us)
        self._pairing = None
        await asyncio.to_thread(self._state.write, joined)
        await self._take_up(joined)

    def _under_way(self) -> Pairing | None:
        if self._pairing is not None and self._clock.mono_s() - self._pairing[1] > PAIRING_S:
            self._pairing = None
        return self._pairing[0] if self._pairing is not None else None

    async def leave(self) -> None:
        """Forget the relay, and what waits for it."""
        self._pairing, self._blocked = None, None
        await self.stop()
        await asyncio.to_thread(self._state.forget)
        for name in ("outbox.db", "outbox.db-wal", "outbox.db-shm"):
            (self._context.data_dir / name).unlink(missing_ok=True)

    # running

    async def _take_up(self, joined: Joined) -> None:
        """Bring up what was joined; the home's word on both ends is checked anew each time."""
        try:
            self._said = trusted(joined, self._clock.now().utc_us // 1000)
        except Untrusted as error:
            raise ServiceUnavailable(f"the relay is not trusted: {error}", cure="Join anew: guardian relay leave") from None
        self._joined = joined
        room = self._config.max_queue_mb * 1_000_000
        now_us = self._clock.now().utc_us
        self._outbox = await asyncio.to_thread(Outbox, self._context.data_dir / "outbox.db", room, now_us)
        self._camera_key = await asyncio.to_thread(self._state.camera_key)
        self._tunnel = Tunnel(self._config.interface, joined, self._clock, self._keep_keys, self._config.tls_port)
        self._exchange = Exchange(
            joined,
            self._outbox,
            self._clock,
            self._running,
            version=__version__,
            telemetry=self._telemetry,
            inventory=self._inventory,
            deliver=self._clips.deliver,
            view=self._view,
            command=self._obey,
            statements=self._statements,
            reached=self._offer_what_waited,
        )
        self._running = Tasks()
        await self._try_up()  # on this thread's loop: a program that is started dies with the thread
        self._running.spawn(self._catch_up(), "events that a kill left behind")
        self._running.spawn(self._watch(), "relay tunnel")
        self._running.spawn(self._exchange.run(), "relay link")

    def _keep_keys(self, keys: Keys) -> None:
        assert self._joined is not None
        self._joined = self._joined.with_keys(keys)
        self._state.write(self._joined)

    async def _try_up(self) -> bool:
        assert self._tunnel is not None
        try:
            await self._tunnel.up()
            self._blocked = None
        except ServiceUnavailable as error:
            self._blocked = error
        return self._blocked is None

    async def _watch(self) -> None:
        """For ever: see that the tunnel stands, and that its keys are young."""
        assert self._tunnel is not None
        assert self._exchange is not None
        while True:
            if self._blocked is not None:
                await self._clock.sleep(AGAIN_S)
                await self._try_up()
                continue
            await self._clock.sleep(LOOK_EVERY_S)
            try:
                connected = self._exchange.connected
                if await self._tunnel.look(connected=connected) and not connected:
                    self._exchange.hurry()
                await self._rotate_when_due()
            except ServiceUnavailable as error:
                self._blocked = error
            except OSError as error:
                self._blocked = ServiceUnavailable(f"the link's state cannot be kept: {error.strerror}", cure="Make room.")

    async def _rotate_when_due(self) -> None:
        assert self._joined is not None
        age_us = self._clock.now().utc_us - self._joined.rotated_us
        if not 0 <= age_us < self._config.rotate_days * DAY_US:  # or made by a clock that has gone back since
            await self.rotate()

    async def rotate(self) -> bool:
        """Make new keys of the tunnel, if the relay is there; say whether they were taken up."""
        joined, tunnel, exchange = self._joined, self._tunnel, self._exchange
        if joined is None or tunnel is None or exchange is None or self._said is None or tunnel.keys.other is not None:
            return False
        number, private, preshared = tunnel.keys.current.number + 1, make_private_key(), os.urandom(32)
        own = make_tunnel_key(joined.home, joined.edge, number, public_key(private), joined.signing_key.sign)
        reply = await exchange.rotate(link.RotateRequest(edge=own, preshared_key=preshared))
        if reply is None:
            return False
        try:
            relay = self._said.of(joined.relay, trust.ROLE_RELAY, self._clock.now().utc_us // 1000)
            peer = read_tunnel_key(reply.relay, relay, number)
        except Untrusted as error:
            self._blocked = ServiceUnavailable(f"the relay's new key is not trusted: {error}", cure="Join anew.")
            return False
        self._joined = replace(joined, rotated_us=self._clock.now().utc_us)
        await tunnel.rotate(KeySet(number, private, peer, preshared))
        return True

    # who is told

    @property
    def _now_ms(self) -> int:
        return self._clock.now().utc_us // 1000

    async def add_device(self, device: str, name: str, sign: Callable[[bytes], bytes]) -> MemberDevice:
        """Tell a member's device when something begins."""
        one = devices.device_of(device)
        joined, said = self._settled()
        id_ = one.subject.hex()
        kept = replace(joined, devices={**joined.devices, id_: name}, secrets={**joined.secrets, id_: one.secret})
        signed = await self._say_of(devices.adding(said, one, self._now_ms), sign, kept)
        return MemberDevice(id_, name, trust.Statement.FromString(signed.body).issued_ms * 1000)

    async def remove_device(self, one: str, sign: Callable[[bytes], bytes]) -> None:
        """Tell a device nothing more."""
        joined, said = self._settled()
        subject = bytes.fromhex(one) if len(one) == 32 and all(letter in "0123456789abcdef" for letter in one) else b""
        names = {id_: name for id_, name in joined.devices.items() if id_ != one}
        kept = replace(joined, devices=names, secrets={id_: secret for id_, secret in joined.secrets.items() if id_ != one})
        await self._say_of(devices.removing(said, subject, self._now_ms), sign, kept)

    def devices(self) -> tuple[MemberDevice, ...]:
        """Who is told."""
        return devices.listed(self._said, self._joined.devices, self._now_ms) if self._joined is not None else ()

    def _settled(self) -> tuple[Joined, Statements]:
        if self._joined is None or self._said is None:
            raise Conflict("no relay is joined", cure="Join one first: guardian relay join")
        return self._joined, self._said

    async def _say_of(self, body: bytes, sign: Callable[[bytes], bytes], kept: Joined) -> trust.Signed:
        """Have the home sign a statement; keep it, and tell the relay."""
        _, said = self._settled()
        signed = trust.Signed(body=body, signature=await asyncio.to_thread(sign, body))
        said.accept(signed)
        self._joined = replace(kept, statements=said.all())
        await asyncio.to_thread(self._state.write, self._joined)
        if self._exchange is not None:
            self._exchange.send(link.FromEdge(statement=signed))
        return signed

    # what is said

    def put(self, value: dict[str, Any], kind: events.KindClass, camera: str, utc_us: int, of: Of | None = None) -> None:
        """Keep something for the relay. Blocking, some milliseconds; nothing where none is joined."""
        if self._outbox is None or self._exchange is None:
            return
        name = uuid7(utc_us // 1_000_000 * 1000, os.urandom(10))  # whole seconds, as the open part
        opaque = words.opaque(self._camera_key, camera)
        secrets = self._joined.secrets if self._joined is not None else {}
        begins, name_of = value["what"] == "start", self._name_of(camera)
        push = devices.told(self._said, value, name_of, secrets, self._now_ms) if begins else ()
        self._outbox.put(opaque, words.message(value, kind, opaque, name, utc_us, self._context.seal, push), of)

    def _name_of(self, camera: str) -> str:
        return next((one.name for one in self._context.cameras() if one.id == camera), camera)

    async def keep(
        self, value: dict[str, Any], kind: events.KindClass, camera: str, utc_us: int, of: Of | None = None
    ) -> None:
        """Keep something for the relay and wake what sends."""
        await asyncio.to_thread(self.put, value, kind, camera, utc_us, of)
        if self._exchange is not None:
            self._exchange.news()

    async def event_started(self, event: Event) -> None:
        """Somebody is to be told now."""
        of = Of(event.id, "start", event.start_us)
        await self.keep(words.of_event("start", event), events.KIND_CLASS_ALERT, event.camera, event.start_us, of)

    async def event_ended(self, event: Event) -> None:
        """It is over; the finished segments that it was in may be fetched."""
        ended_us = event.end_us or event.start_us
        of = Of(event.id, "end", event.start_us)
        await self.keep(words.of_event("end", event), events.KIND_CLASS_CHANGE, event.camera, ended_us, of)
        for segment in self._clips.ended(event):
            await self._offer(segment)

    async def segment_sealed(self, segment: SegmentRecord) -> None:
        """A segment is finished."""
        if self._clips.sealed(segment):
            await self._offer(segment)

    async def _offer(self, segment: SegmentRecord, in_turn: bool = False) -> None:
        if self._exchange is None or not self._config.offer_clips:
            return
        offer = await self._clips.offer(segment, words.opaque(self._camera_key, segment.header.camera))
        if offer is not None and in_turn:
            await self._exchange.send_in_turn(link.FromEdge(offer=offer))
        elif offer is not None:
            self._exchange.send(link.FromEdge(offer=offer))

    async def _offer_what_waited(self, since_us: int | None) -> None:
        """A relay is reached: offer the clips of events that it may not have been offered, from the index. What it has it asks for no more.

        Those are the ones that wait with their events, and at the start of the program the last hour's, which it may not have fetched whole.
        """
        if self._exchange is None or not self._config.offer_clips:
            return
        begun_us = self._clock.now().utc_us - CLIPS_BACK_US
        since = [one for one in (since_us, None if self._reached_once else begun_us) if one is not None]
        self._reached_once = True
        if not since:
            return
        try:
            found = [one for one in await self._context.events(min(since)) if one.end_us is not None]
            for event in found[-MOST_CLIPS:]:
                await self._offer_clip(event)
        except GuardianError:  # the index does not answer: the next stream looks again
            self._reached_once = False

    async def _offer_clip(self, event: Event) -> None:
        """Offer the finished segments of an event that is over, which this process need not have seen."""
        for segment in await self._context.segments(event.camera, "main", event.start_us, event.end_us or event.start_us):
            await self._offer(segment, in_turn=True)

    async def camera_changed(self, change: CameraChange) -> None:
        """A camera came or went: for the owner, an event of the house itself."""
        if change.state in (CameraState.RUNNING, CameraState.RETRYING, CameraState.FAILED):
            await self.keep(words.of_camera(change), events.KIND_CLASS_SYSTEM, change.camera, self._clock.now().utc_us)

    async def _catch_up(self) -> None:
        """Take what happened and was never told: the program was killed between the index and the outbox, or had too much to do."""
        assert self._outbox is not None
        settled_us = await asyncio.to_thread(self._outbox.settled_us)
        try:
            found = await self._context.events(settled_us)
        except GuardianError:  # the index does not answer: the next start looks again
            return
        for event in found:
            if event.start_us < settled_us:  # it was told before there was this outbox, or is long settled
                continue
            if not await asyncio.to_thread(self._outbox.has, event.id, "start"):
                await self.event_started(event)
            if event.end_us is not None and not await asyncio.to_thread(self._outbox.has, event.id, "end"):
                await self.event_ended(event)
                with suppress(GuardianError):
                    await self._offer_clip(event)

    # what is asked and synced

    def take_sync(self, sync: CloudSync) -> None:
        """Let somebody say how the home is, and answer what is asked."""
        self._sync = sync

    async def say(self, what: str, body: bytes) -> None:
        """Tell of health, inventory or a statement. Nothing where no relay is joined."""
        if self._outbox is None or self._exchange is None:
            return
        if what == "health":
            sample = self._telemetry()
            sample.MergeFrom(events.Telemetry.FromString(body))
            await asyncio.to_thread(self._outbox.put_health, sample.SerializeToString())
            self._exchange.news()
        elif not self._exchange.connected:  # it is said anew when the relay is there
            return
        elif what == "statement":
            self._exchange.send(link.FromEdge(statement=trust.Signed.FromString(body)))
        else:
            self._exchange.send(link.FromEdge(inventory=link.Inventory.FromString(body)))

    def _statements(self) -> list[trust.Signed]:
        members = self._sync.statements() if self._sync is not None else ()
        own = self._said.all() if self._said is not None else ()
        return [*own, *(trust.Signed.FromString(one) for one in members)]

    async def _obey(self, command: events.Command) -> events.CommandDone | None:
        if self._sync is None:
            return events.CommandDone(id=command.id, code="no_answer", message="this home takes no commands")
        done = await self._sync.command(command.SerializeToString(deterministic=True))
        return events.CommandDone.FromString(done) if done else None

    def _inventory(self) -> link.Inventory:
        return link.Inventory.FromString(self._sync.inventory()) if self._sync is not None else link.Inventory()

    def _telemetry(self) -> events.Telemetry:
        assert self._outbox is not None
        waiting = self._outbox.waiting()
        readings: dict[str, float] = {
            "uptime_s": self._clock.mono_s() - self._began_s,
            "queue_events": waiting.events,
            "queue_bytes": waiting.size_bytes,
            "dropped": waiting.dropped,
        }
        if self._exchange is not None:
            readings["clock_off_s"] = round(self._exchange.clock_off_s)
        if self._sync is not None:
            readings |= self._sync.readings()
        return events.Telemetry(time_s=self._clock.now().utc_us // 1_000_000, readings=readings)

    def take_viewers(self, desk: Callable[[ViewerCall], Awaitable[None]]) -> None:
        """Give viewers to a desk."""
        self._desk = desk

    async def _view(self, stub: Stub, ticket: int) -> None:
        await answer(stub, ticket, self._desk)

    def status(self) -> RelayStatus:
        """How the link is."""
        pairing = self._under_way()
        if pairing is not None:
            return RelayStatus(
                RelayState.PAIRING, pairing.reply.relay.hex(), pairing.reply.endpoint, short_code=pairing.short_code
            )
        joined, tunnel, exchange = self._joined, self._tunnel, self._exchange
        if joined is None or tunnel is None or exchange is None or self._outbox is None:
            if self._blocked is not None:
                return RelayStatus(RelayState.BLOCKED, problem=self._blocked.message, cure=self._blocked.cure)
            return RelayStatus(RelayState.NONE)
        waiting = self._outbox.waiting()
        state = RelayState.CONNECTED if exchange.connected else RelayState.CONNECTING
        problem = exchange.problem and (tunnel.problem or exchange.problem)
        cure = (SILENT if tunnel.silent else AGAIN) if problem else ""
        if exchange.copied:
            problem, cure = COPIED
        elif state is RelayState.CONNECTED and exchange.full:
            problem, cure = "the relay has no room: what happens waits here", "Its operator has to make room."
        elif apart := clocks.apart(exchange.clock_off_s, "the relay"):
            problem, cure = "; ".join(one for one in (problem, apart) if one), clocks.CURE
        if self._blocked is not None:
            state, problem, cure = RelayState.BLOCKED, self._blocked.message, self._blocked.cure
        return RelayStatus(
            state,
            joined.relay.hex(),
            joined.endpoint,
            f"{tunnel.kind} over TLS" if tunnel.over_tls else tunnel.kind,
            since_us=exchange.since_us,
            handshake_us=tunnel.seen.handshake_s * 1_000_000 if tunnel.seen is not None else 0,
            rotated_us=joined.rotated_us,
            waiting_events=waiting.events,
            dropped_events=waiting.dropped,
            problem=problem,
            cure=cure,
        )
