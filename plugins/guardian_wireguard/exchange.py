"""The edge's end of Link.Exchange: events up until the relay has them, heartbeats, and what the relay wants."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import grpc

from guardian.protocol import waits
from guardian.protocol.rpc import OPTIONS, Stub, write
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.sdk import Clock, Tasks
from guardian_wireguard.outbox import Outbox
from guardian_wireguard.state import Joined

LINK = link.DESCRIPTOR.services_by_name["Link"]
SETTLED_S = 60.0
MISSES = 3
WINDOW = 1000  # events sent and not acknowledged
REFUSED_S = 0.5  # until the next after one that was refused: each is a line in the log, and who asks may mean no good
OFFERS = 64  # that are offered once more where the line broke soon after they were: nobody acknowledges one
COMMANDS = 64  # that wait to be done; full: the newest is dropped, and the cloud asks again
CONNECT_S = 10.0
CROWDED, CROWDED_S = 16, 0.05  # what goes aside; until it is looked again
ASIDE = 64
STREAM_OPTIONS = (
    *OPTIONS,
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
Bytes = Callable[[bytes, int, int], AsyncIterator[bytes]]


class Exchange:
    """`telemetry()` and `inventory()` say how the home is; `deliver(...)` answers a Fetch; `view(...)` a viewer's call; `command(...)` does
    a command, or says why not; `statements()` are the home's, of members; `reached(since)` is begun with each stream, and told how long (UTC
    in µs) the oldest event had been waiting, if one had.
    """

    def __init__(
        self,
        joined: Joined,
        outbox: Outbox,
        clock: Clock,
        tasks: Tasks,
        *,
        version: str,
        telemetry: Callable[[], events.Telemetry],
        inventory: Callable[[], link.Inventory],
        deliver: Callable[[Stub, link.Fetch], Coroutine[Any, Any, None]],
        view: Callable[[Stub, int], Coroutine[Any, Any, None]],
        command: Callable[[events.Command], Coroutine[Any, Any, events.CommandDone | None]],
        statements: Callable[[], Sequence[trust.Signed]] = tuple,
        reached: Callable[[int | None], Coroutine[Any, Any, None]] | None = None,
        address: str = "",
    ) -> None:
        self._joined, self._outbox, self._command = joined, outbox, command
        self._statements, self._reached = statements, reached
        self._commands: asyncio.Queue[events.Command] = asyncio.Queue(COMMANDS)
        self._clock, self._tasks, self._version = clock, tasks, version
        self._telemetry, self._inventory, self._deliver, self._view = telemetry, inventory, deliver, view
        self._address = address or f"[{joined.relay_address}]:{joined.link_port}"
        self._aside: list[link.FromEdge] = []
        self._offered: deque[tuple[float, link.FromEdge]] = deque(maxlen=OFFERS)
        self._wake = asyncio.Event()
        self._hurried = asyncio.Event()
        self._beat_due = False
        self._heard_s = 0.0
        self._acknowledged = 0
        self._stub: Stub | None = None
        self.connected = False
        self.since_us = 0
        self.problem = ""
        self.full = False  # the relay keeps nothing at the moment
        self.copied = False  # somebody else speaks to the relay with our keys, or did: said until the next start
        self.clock_off_s = 0.0  # how far our clock is ahead of the relay's

    def news(self) -> None:
        """There is something in the outbox."""
        self._wake.set()

    def send(self, one: link.FromEdge) -> None:
        """Send something beside events; what cannot go now goes with the next stream, the newest ASIDE."""
        self._aside = [*self._aside[1 - ASIDE :], one]
        if one.WhichOneof("what") == "offer":
            self._offered.append((self._clock.mono_s(), one))
        self._wake.set()

    async def send_in_turn(self, one: link.FromEdge) -> None:
        """Send something of which there is much: while a relay is there, nothing is dropped for being too much at once."""
        while self.connected and len(self._aside) >= CROWDED:
            await self._clock.sleep(CROWDED_S)
        self.send(one)

    def hurry(self) -> None:
        """The relay's end of the tunnel was heard: call at once, however long the waits have grown meanwhile."""
        self._hurried.set()

    async def rotate(self, request: link.RotateRequest) -> link.RotateReply | None:
        """Ask for new keys; None where the relay is away or refuses."""
        if self._stub is None or not self.connected:
            return None
        try:
            reply: link.RotateReply = await self._stub.Rotate(request, timeout=CONNECT_S)
        except grpc.RpcError as error:
            self.problem = f"the relay did not rotate the keys: {error.code().name.lower()}"
            return None
        return reply

    async def run(self) -> None:
        """For ever: connect, speak until it breaks, wait."""
        wait_s = waits.FIRST_WAIT_S
        while True:
            began_s, asked_s = self._clock.mono_s(), 0.0
            try:
                asked_s = await self._speak()
            except grpc.RpcError as error:
                self.problem = f"the relay does not answer ({error.code().name.lower().replace('_', ' ')})"
            except (sqlite3.Error, OSError) as error:  # the disk is full, say: what waits is on it, and is tried again
                self.problem = f"what waits for the relay cannot be read or written ({error})"
            finally:
                self.connected, self._stub = False, None
            if self._clock.mono_s() - began_s > SETTLED_S:
                wait_s = waits.FIRST_WAIT_S
            wait_s = waits.next_wait(wait_s)
            if await self._waited(asked_s or wait_s):
                wait_s = waits.FIRST_WAIT_S

    async def _waited(self, seconds: float) -> bool:
        """Wait, and say whether there was reason to go on sooner."""
        ends = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._hurried.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in ends:
                one.cancel()
        hurried = self._hurried.is_set()
        self._hurried.clear()
        return hurried

    async def _speak(self) -> float:
        async with grpc.aio.insecure_channel(self._address, STREAM_OPTIONS) as channel:  # inside the tunnel
            stub = Stub(channel, LINK)
            call = stub.Exchange()
            since_us = await self._from(self._outbox.waits_since_us)
            hello = link.Hello(
                edge=self._joined.edge,
                version=self._version,
                outbox_first=await self._from(self._outbox.oldest),
                run=self._outbox.run,
                before=await self._from(self._outbox.runs),
            )
            await write(call, link.FromEdge(hello=hello))
            first = await call.read()
            if first is grpc.aio.EOF or first.WhichOneof("what") != "welcome":
                self.problem = "what answers is no relay"
                return 0.0
            await self._from(self._outbox.acknowledged, first.welcome.acknowledged)
            if first.welcome.run == self._outbox.run:
                await self._from(self._outbox.heard, first.welcome.run)
            self.copied = self.copied or first.welcome.copied
            self._acknowledged, self.full = first.welcome.acknowledged, False
            self._offer_again(self._heard_s)
            self._heard_s = self._clock.mono_s()
            self._stub, self.connected, self.problem = stub, True, ""
            self._hurried.clear()
            self.since_us = self._clock.now().utc_us
            own = Tasks()
            ways = [
                asyncio.ensure_future(self._send(call)),
                asyncio.ensure_future(self._beat(max(1, first.welcome.heartbeat_s))),
                asyncio.ensure_future(self._listen(call, stub, own)),
                asyncio.ensure_future(self._obey()),
            ]
            if self._reached is not None:
                own.spawn(self._reached(since_us), "clips that waited")
            try:
                done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                results = [way.result() for way in done]
                return max((one for one in results if isinstance(one, float)), default=0.0)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                await own.close(1.0)
                call.cancel()

    def _offer_again(self, heard_s: float) -> None:
        """What was offered when the line may have been dead already: the relay drops what it knows."""
        again = [one for at_s, one in self._offered if at_s > heard_s - SETTLED_S]
        self._aside = [*(one for one in again if one not in self._aside), *self._aside]

    async def _from(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.to_thread(work, *arguments)

    async def _send(self, call: Any) -> None:
        """Everything that goes up: gRPC ends a stream on which two write at once."""
        place = self._acknowledged
        await write(call, link.FromEdge(inventory=self._inventory()))
        for signed in self._statements():
            await write(call, link.FromEdge(statement=signed))
        while True:
            self._wake.clear()
            while self._aside:
                await write(call, self._aside[0])
                self._aside = self._aside[1:]
            if self._beat_due:
                self._beat_due = False
                await write(call, link.FromEdge(telemetry=self._telemetry()))
            if waiting := await self._from(self._outbox.health):
                for _, body in waiting:
                    sample = events.Telemetry.FromString(body)
                    sample.past = True
                    await write(call, link.FromEdge(telemetry=sample))
                await self._from(self._outbox.health_sent, waiting[-1][0])
                self._wake.set()
            if place - self._acknowledged < WINDOW:
                first, batch = await self._from(self._outbox.after, place)
                if batch:
                    await write(call, link.FromEdge(events=events.EventBatch(first=first, events=batch)))
                    place = first + len(batch) - 1
                    continue
            await self._wake.wait()

    async def _obey(self) -> float:
        """One command at a time, in the order in which they came."""
        while True:
            done = await self._command(await self._commands.get())
            if done is not None:
                self.send(link.FromEdge(done=done))
            if done is None or not done.ok:
                await self._clock.sleep(REFUSED_S)

    async def _beat(self, every_s: float) -> float:
        """Say how the home is; hang up on a relay that says nothing any more."""
        while True:
            self._beat_due = True
            self._wake.set()
            await self._clock.sleep(every_s)
            if self._clock.mono_s() - self._heard_s > MISSES * every_s:
                self.problem = "the relay has fallen silent"
                return 0.0

    async def _listen(self, call: Any, stub: Stub, own: Tasks) -> float:
        while (one := await call.read()) is not grpc.aio.EOF:
            self._heard_s = self._clock.mono_s()
            what = one.WhichOneof("what")
            if what == "ack":
                await self._from(self._outbox.acknowledged, one.ack.up_to)
                self._acknowledged = max(self._acknowledged, one.ack.up_to)
                self._wake.set()
            elif what == "command":
                if not self._commands.full():
                    self._commands.put_nowait(one.command)
            elif what == "fetch":
                own.spawn(self._deliver(stub, one.fetch), "deliver to the relay")
            elif what == "call":
                own.spawn(self._view(stub, one.call.ticket), "viewer")
            elif what == "heartbeat":
                self._take_heartbeat(one.heartbeat)
                if one.heartbeat.retry_after_s:
                    return float(one.heartbeat.retry_after_s)
        self.problem = "the relay has hung up"
        return 0.0

    def _take_heartbeat(self, beat: link.Heartbeat) -> None:
        self.full = beat.full
        if beat.time_ms:
            self.clock_off_s = self._clock.now().utc_us / 1e6 - beat.time_ms / 1000
