"""The Link service, inside the tunnel. Whoever calls from another address than the edge's is refused, whatever they say."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import unquote

import grpc
import structlog

from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.protocol.readings import known
from guardian.protocol.trust import KEY_BYTES, Statements, Untrusted, make_tunnel_key, read_tunnel_key
from guardian.protocol.tunnel import KeySet
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.protocol.wireguard import make_private_key, public_key
from guardian_relay.clips import ClipStore
from guardian_relay.edge import EdgeState
from guardian_relay.errors import Unkept
from guardian_relay.gateway import Viewers
from guardian_relay.index.joined import Joined, JoinStore
from guardian_relay.index.store import EventStore
from guardian_relay.intake import Intake
from guardian_relay.keys import Identity
from guardian_relay.tunnel import Tunnel

_log = structlog.get_logger(__name__)
SIZES = {events.SIZE_CLASS_1K: 1024, events.SIZE_CLASS_4K: 4096, events.SIZE_CLASS_16K: 16384, events.SIZE_CLASS_64K: 65536}
MOST_PUSHES, MOST_PUSH_BYTES = 16, 4096
MOST_RUN = 1 << 63  # what a database's integer holds
MOST_CAMERAS, MOST_CAMERA_BYTES = 256, 65536
DOWN_QUEUE = 64  # commands, fetches and calls that wait for the edge; full: the newest is refused
ROTATE_AFTER_S = 0.05  # the answer has to be through before the keys are others
Done = Callable[[events.CommandDone], Awaitable[None]]


class Outgoing(Protocol):
    """What the uplink is told."""

    async def done(self, done: events.CommandDone) -> None: ...

    async def statement(self, signed: trust.Signed) -> None: ...

    def report(self) -> None: ...


def address_of(peer: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return who calls, of gRPC's `ipv6:%5Bfd00::2%5D:4711`."""
    kind, _, rest = unquote(peer).partition(":")
    try:
        return ipaddress.ip_address(rest.rpartition(":")[0].strip("[]").split("%")[0]) if kind in ("ipv4", "ipv6") else None
    except ValueError:
        return None


def sound(one: events.Event) -> bool:
    """Whether an event has the shape that it must have. What is in its sealed part nobody here can say."""
    return (
        len(one.id) == 16
        and len(one.camera) in (0, 16)
        and one.kind in (events.KIND_CLASS_ALERT, events.KIND_CLASS_CHANGE, events.KIND_CLASS_SYSTEM)
        and len(one.sealed) == SIZES.get(one.size, -1)
        and len(one.push) <= MOST_PUSHES
        and all(len(push.member) == 16 and len(push.sealed) <= MOST_PUSH_BYTES for push in one.push)
    )


class LinkService:
    """Implements Link for the home that is joined."""

    def __init__(
        self,
        joined: Joined,
        said: Statements,
        identity: Identity,
        tunnel: Tunnel,
        store: EventStore,
        join_store: JoinStore,
        clips: ClipStore,
        viewers: Viewers,
        edge: EdgeState,
        clock: Clock,
        tasks: Tasks,
        *,
        heartbeat_s: int,
        uplink: Outgoing | None,
    ) -> None:
        self._joined, self.said, self._identity, self._tunnel = joined, said, identity, tunnel
        self._store, self._join_store, self._clips, self._viewers = store, join_store, clips, viewers
        self._edge, self._clock, self._tasks = edge, clock, tasks
        self._heartbeat_s, self._uplink = heartbeat_s, uplink
        self._down: asyncio.Queue[link.FromRelay] | None = None
        self._intake: Intake | None = None
        self.refused_events = 0
        self.copied = False  # two speak with the edge's keys

    @property
    def trouble(self) -> str:
        """Why nothing that the edge sends is kept at the moment; empty while it is."""
        return self._intake.trouble if self._intake is not None else ""

    async def _check(self, context: Any) -> None:
        """The edge, by its address in the tunnel, while its statement is in force."""
        if address_of(context.peer()) == ipaddress.ip_address(self._tunnel.place.edge_address):
            try:
                self.said.of(self._joined.edge, trust.ROLE_EDGE, self._clock.now().utc_ms)
                return
            except Untrusted as error:
                _log.warning("edge_refused", reason=str(error))
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
        _log.warning("edge_refused", reason="address")
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this is no address of the edge")

    async def Exchange(self, _: Any, context: Any) -> None:
        """The long stream."""
        await self._check(context)
        first = await context.read()
        if first is grpc.aio.EOF or first.WhichOneof("what") != "hello" or first.hello.edge != self._joined.edge:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the stream begins with the edge's hello")
        down: asyncio.Queue[link.FromRelay] = asyncio.Queue()
        await self._greet(down, first.hello)  # before anybody else can put something into it: the welcome is first
        if self._down is not None:
            _log.info("edge_replaced")
            self._down.put_nowait(link.FromRelay())  # ends the older one
        self._down = down
        intake = self._intake = self._intake_of(down)
        self._edge.connected, self._edge.version = True, first.hello.version[:64]
        self._heard()
        _log.info("edge_connected")
        writer = self._tasks.spawn(self._write(context, down, intake), "towards the edge")
        reader = self._tasks.spawn(self._read(context, down, intake), "from the edge")
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            reader.cancel()
            writer.cancel()
            if self._down is down:
                self._down, self._intake, self._edge.connected = None, None, False
                self._viewers.edge_gone()
                _log.info("edge_gone")

    def _intake_of(self, down: asyncio.Queue[link.FromRelay]) -> Intake:
        def acknowledge(up_to: int) -> None:
            down.put_nowait(link.FromRelay(ack=events.Ack(up_to=up_to)))

        def news() -> None:
            down.put_nowait(self._heartbeat(intake))
            if not intake.trouble and intake.left_out:
                down.put_nowait(link.FromRelay())

        intake = Intake(self._store.take, self._clock, acknowledge, news)
        return intake

    async def _read(self, context: Any, down: asyncio.Queue[link.FromRelay], intake: Intake) -> None:
        own = Tasks()
        try:
            while (one := await context.read()) is not grpc.aio.EOF:
                self._heard()
                await self._take(one, down, intake, own)
        finally:
            await own.close(1.0)

    def _heard(self) -> None:
        self._edge.heard(self._clock.mono_s(), self._clock.now().utc_ms)

    async def _greet(self, down: asyncio.Queue[link.FromRelay], hello: link.Hello) -> None:
        run = hello.run if hello.run < MOST_RUN else 0
        try:
            place, copied = await self._store.edge_begins(run, hello.before)
        except Unkept as error:  # said without being kept: the edge names this run again
            _log.warning("store_full", reason=str(error))
            place, copied, run = 0, False, 0  # it sends again what is here, and it is dropped
        if copied:
            _log.warning("edge_copied")
            self.copied = True
        welcome = link.Welcome(
            acknowledged=place,
            heartbeat_s=self._heartbeat_s,
            statements_sha256=self.said.digest(),
            run=run,
            copied=copied,
        )
        down.put_nowait(link.FromRelay(welcome=welcome))
        for fetch in await self._clips.wanted():
            down.put_nowait(link.FromRelay(fetch=fetch))

    async def _write(self, context: Any, down: asyncio.Queue[link.FromRelay], intake: Intake) -> None:
        """Everything that goes down, in one order. A heartbeat when nothing else did for so long; a message that says nothing
        ends the stream."""
        beat = self._tasks.spawn(self._beat(down, intake), "heartbeats")
        try:
            while (one := await down.get()).WhichOneof("what") is not None:
                await context.write(one)
        except (grpc.aio.InternalError, asyncio.InvalidStateError):
            pass  # the edge has hung up meanwhile
        finally:
            beat.cancel()

    async def _beat(self, down: asyncio.Queue[link.FromRelay], intake: Intake) -> None:
        while True:
            await self._clock.sleep(self._heartbeat_s)
            if self._edge.silent(self._clock.mono_s(), self._heartbeat_s):
                _log.warning("edge_silent")
                down.put_nowait(link.FromRelay())
                return
            down.put_nowait(self._heartbeat(intake))

    def _heartbeat(self, intake: Intake) -> link.FromRelay:
        beat = link.Heartbeat(time_ms=self._clock.now().utc_ms, full=bool(intake.trouble))
        return link.FromRelay(heartbeat=beat)

    async def _take(self, one: link.FromEdge, down: asyncio.Queue[link.FromRelay], intake: Intake, own: Tasks) -> None:
        what = one.WhichOneof("what")
        if what == "events":
            await self._take_events(one.events, intake, own)
        elif what == "telemetry":
            telemetry = events.Telemetry(time_s=one.telemetry.time_s, readings=known(one.telemetry.readings))
            self._edge.took(telemetry, past=one.telemetry.past)
        elif what == "done":
            if self._uplink is not None:
                await self._uplink.done(one.done)
        elif what == "inventory":
            cameras = one.inventory.cameras[:MOST_CAMERAS]
            sound_ones = tuple(c for c in cameras if len(c.camera) == 16 and len(c.sealed) <= MOST_CAMERA_BYTES)
            self._edge.stock(one.inventory, sound_ones)
            if self._uplink is not None:
                self._uplink.report()
        elif what == "statement":
            await self._take_statement(one.statement)
        elif what == "offer":
            fetch = await self._clips.offered(one.offer)
            if fetch is not None:
                down.put_nowait(link.FromRelay(fetch=fetch))

    async def _take_events(self, batch: events.EventBatch, intake: Intake, own: Tasks) -> None:
        good = [one for one in batch.events if sound(one)]
        if len(good) < len(batch.events):
            self.refused_events += len(batch.events) - len(good)
            _log.warning("events_refused", events=len(batch.events) - len(good))
        if not batch.events:
            return
        more = await intake.put(good, batch.first + len(batch.events) - 1)
        if more is not None:
            own.spawn(more(), "events that were not kept")

    async def _take_statement(self, signed: trust.Signed) -> None:
        try:
            if not self.said.accept(signed):
                return
        except Untrusted as error:
            _log.warning("statement_refused", reason=str(error))
            return
        try:
            await self._join_store.keep_statement(signed)
        except Unkept as error:  # in force at once all the same; each stream of the edge begins with it
            _log.warning("store_full", reason=str(error))
        _log.info("statement_taken")
        if self._uplink is not None:
            await self._uplink.statement(signed)

    def send(self, one: link.FromRelay) -> bool:
        """Send something down; False when the edge is away or has too much to do."""
        if self._down is None or self._down.qsize() >= DOWN_QUEUE:
            return False
        self._down.put_nowait(one)
        return True

    async def Rotate(self, request: link.RotateRequest, context: Any) -> link.RotateReply:
        """New tunnel keys."""
        await self._check(context)
        statement = self.said.of(self._joined.edge, trust.ROLE_EDGE, self._clock.now().utc_ms)
        number = self._tunnel.keys.current.number + 1
        try:
            peer = read_tunnel_key(request.edge, statement, number)
        except Untrusted as error:
            _log.warning("rotation_refused", reason=str(error))
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        if len(request.preshared_key) != KEY_BYTES or self._tunnel.keys.other is not None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no preshared key, or a rotation is under way")
        new = KeySet(number, make_private_key(), peer, request.preshared_key)
        self._tunnel.promise(new)
        self._tasks.spawn(self._rotate_soon(new), "rotation")
        own = public_key(new.private)
        signed = make_tunnel_key(self._joined.home, self._identity.subject, number, own, self._identity.signing.sign)
        return link.RotateReply(relay=signed)

    async def _rotate_soon(self, new: KeySet) -> None:
        await self._clock.sleep(ROTATE_AFTER_S)
        await self._tunnel.rotate(new)

    async def Deliver(self, pieces: Any, context: Any) -> link.Delivered:
        """Sealed bytes that were asked for."""
        await self._check(context)
        return link.Delivered(received=await self._clips.take(pieces))

    async def View(self, frames: Any, context: Any) -> None:
        """The edge takes a viewer's call."""
        await self._check(context)
        first = await context.read()
        if first is grpc.aio.EOF:
            return
        viewer = self._viewers.answer(first.ticket)
        if viewer is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "the viewer is gone")
            return
        await viewer.join(first, context)

    def end_stream(self) -> None:
        """The relay ends: say so, and hang up."""
        if self._down is not None:
            later = link.Heartbeat(time_ms=self._clock.now().utc_ms, retry_after_s=1)
            self._down.put_nowait(link.FromRelay(heartbeat=later))
            self._down.put_nowait(link.FromRelay())
