"""The stream to the cloud: events that it does not have, how home and relay are, commands down. Sealed things stay sealed.

The store is the queue: what the cloud has not acknowledged is sent again after every break, and the relay waits longer and
longer, with chance, between tries, so that a cloud that comes back is not run over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import structlog

from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks
from guardian.protocol import clocks, waits
from guardian.protocol.rpc import OPTIONS, Stub, write
from guardian.protocol.v1 import control_pb2 as control
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust
from guardian_relay.certificate import Certificate, RenewalDue
from guardian_relay.edge import PAST_EACH_S, EdgeState
from guardian_relay.errors import Unkept
from guardian_relay.index.store import EventStore

_log = structlog.get_logger(__name__)
CONTROL = control.DESCRIPTOR.services_by_name["Control"]
MISSES = 3
ASIDE = 256  # answers and statements that wait while the cloud is away; full: the oldest goes, the cloud asks again
WINDOW = 1000  # events sent and not acknowledged
STREAM_OPTIONS = (
    *OPTIONS,
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.initial_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class Uplink:
    """Implements `link.Outgoing`. `fleet()` says how all is; `command(...)` sends one down and says
    whether it went; `statements()` are those that the home has made: each stream begins with them, so the cloud misses none.
    """

    def __init__(
        self,
        address: str,
        certificate: Certificate,
        store: EventStore,
        edge: EdgeState,
        clock: Clock,
        tasks: Tasks,
        *,
        version: str,
        fleet: Callable[[], control.Fleet],
        command: Callable[[link.FromRelay], bool],
        statements: Callable[[], Sequence[trust.Signed]] = tuple,
    ) -> None:
        self._address, self._certificate, self._store, self._edge = address, certificate, store, edge
        self._clock, self._tasks, self._version = clock, tasks, version
        self._fleet, self._command, self._statements = fleet, command, statements
        self._aside: list[control.FromRelay] = []
        self._wake = asyncio.Event()
        self._report_due = False
        self._heard_s = 0.0
        self._acknowledged = 0
        self.connected = False
        self.problem = ""
        self.clock_off_s = 0.0  # how far our clock is ahead of the cloud's
        self.tries = 0

    async def done(self, done: events.CommandDone) -> None:
        """An answer of the edge."""
        self._put_aside(control.FromRelay(done=done))

    async def statement(self, signed: trust.Signed) -> None:
        """The home has stated something new."""
        self._put_aside(control.FromRelay(statement=signed))

    def report(self) -> None:
        """Something about the fleet is news: do not wait for the heartbeat."""
        self._report_due = True
        self._wake.set()

    def _put_aside(self, one: control.FromRelay) -> None:
        self._aside = [*self._aside[-ASIDE + 1 :], one]
        self._wake.set()

    async def run(self) -> None:
        """For ever: connect, speak until it breaks, wait."""
        wait_s = waits.FIRST_WAIT_S
        while True:
            began_s = self._clock.mono_s()
            asked_s = 0.0
            try:
                asked_s = await self._speak()
            except RenewalDue:
                wait_s = waits.FIRST_WAIT_S  # a new certificate: come back with it at once
                continue
            except grpc.RpcError as error:
                self._failed(error)
            except Unkept as error:  # what the cloud has is told anew in its next welcome
                self.problem = str(error)
                _log.warning("store_full", reason=str(error))
            except (OSError, ValueError) as error:
                self.problem = f"the certificate cannot be used: {type(error).__name__}"
                _log.warning("cloud_gone", problem=self.problem)
            finally:
                self.connected = False
            if self._clock.mono_s() - began_s > 60.0:
                wait_s = waits.FIRST_WAIT_S
            wait_s = waits.next_wait(wait_s)
            self.tries += 1
            await self._clock.sleep(max(wait_s, asked_s))

    def _failed(self, error: grpc.RpcError) -> None:
        code = error.code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN
        refused = code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
        self.problem = f"the cloud {'refuses this relay' if refused else 'is away'} ({code.name.lower()})"
        if why := self._why_by_clock(error, refused=refused):
            self.problem += f": {why}"
        _log.warning("cloud_refused" if refused else "cloud_gone", code=code.name.lower())

    def _why_by_clock(self, error: grpc.RpcError, *, refused: bool) -> str:
        """Where a certificate's time is why: which, and by whose clock."""
        try:
            own = self._certificate.out_of_force()
        except (OSError, ValueError):
            own = ""
        said = str(error.details() or "") if hasattr(error, "details") else ""
        if own:
            return own
        if "not yet valid" in said or "has expired" in said:
            return "by the clock here the cloud's certificate is not in force: a clock is wrong"
        if refused and "ended" in said:
            return "by its clock this relay's certificate has ended, by the clock here it has not: a clock is wrong"
        if "Socket closed" in said or "Connection reset" in said:
            return "it hangs up at once; does it take this relay's certificate, by its clock?"
        return clocks.apart(self.clock_off_s, "the cloud")

    async def _speak(self) -> float:
        """One connection. Returns how long the cloud asked to stay away, 0 when it did not."""
        credentials = grpc.ssl_channel_credentials(*self._certificate.credentials())
        async with grpc.aio.secure_channel(self._address, credentials, STREAM_OPTIONS) as channel:
            stub = Stub(channel, CONTROL)
            await self._certificate.renew_when_due(stub)
            call = stub.Exchange()
            hello = control.Hello(version=self._version, outbox_first=await self._store.oldest())
            await write(call, control.FromRelay(hello=hello))
            first = await call.read()
            if first is grpc.aio.EOF or first.WhichOneof("what") != "welcome":
                self.problem = "what answers is no cloud"
                return 0.0
            await self._store.acknowledged(first.welcome.acknowledged)
            self._acknowledged, self._heard_s = first.welcome.acknowledged, self._clock.mono_s()
            self.connected, self.problem = True, ""
            _log.info("cloud_connected", up_to=first.welcome.acknowledged)
            ways = [
                self._tasks.spawn(self._send(call), "events to the cloud"),
                self._tasks.spawn(self._report(stub, max(1, first.welcome.heartbeat_s)), "reports to the cloud"),
                self._tasks.spawn(self._listen(call), "from the cloud"),
            ]
            try:
                done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                results = [way.result() for way in done]
                return max((one for one in results if isinstance(one, float)), default=0.0)
            finally:
                for way in ways:
                    way.cancel()
                call.cancel()

    async def _send(self, call: Any) -> None:
        """Everything that goes up: gRPC ends a stream on which two write at once."""
        place = self._acknowledged
        for signed in self._statements():
            await write(call, control.FromRelay(statement=signed))
        while True:
            self._wake.clear()
            self._store.news.clear()
            while self._aside:
                await write(call, self._aside[0])
                self._aside = self._aside[1:]
            if self._report_due:
                self._report_due = False
                fleet = self._fleet()
                await write(call, control.FromRelay(fleet=fleet))
                for one in fleet.edge_past:
                    self._edge.past.pop(one.time_s // PAST_EACH_S, None)
            if place - self._acknowledged < WINDOW:
                first, bodies = await self._store.after(place)
                if bodies:
                    batch = events.EventBatch(first=first, events=[events.Event.FromString(body) for body in bodies])
                    await write(call, control.FromRelay(events=batch))
                    place = first + len(bodies) - 1
                    continue
            await self._news()

    async def _news(self) -> None:
        """Wait until there is something to send, or to look again."""
        waits = [asyncio.ensure_future(one.wait()) for one in (self._wake, self._store.news)]
        try:
            await asyncio.wait(waits, timeout=5.0, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _report(self, stub: Stub, every_s: float) -> None:
        while True:
            self._report_due = True
            self._wake.set()
            await self._clock.sleep(every_s)
            if self._clock.mono_s() - self._heard_s > MISSES * every_s:
                self.problem = "the cloud has fallen silent"
                _log.warning("cloud_gone", reason="silent")
                return
            if await self._certificate.renew_when_due(stub):
                raise RenewalDue

    async def _listen(self, call: Any) -> float:
        while (one := await call.read()) is not grpc.aio.EOF:
            self._heard_s = self._clock.mono_s()
            what = one.WhichOneof("what")
            if what == "ack":
                await self._store.acknowledged(one.ack.up_to)
                self._acknowledged = max(self._acknowledged, one.ack.up_to)
                self._wake.set()
            elif what == "command":
                self._pass_on(one.command)
            elif what == "heartbeat":
                if one.heartbeat.time_ms:
                    self.clock_off_s = (self._clock.now().utc_ms - one.heartbeat.time_ms) / 1000
                    self._certificate.ahead_s = self.clock_off_s
                if one.heartbeat.retry_after_s:
                    self.problem = "the cloud is about to be started anew"
                    return float(one.heartbeat.retry_after_s)
        self.problem = "the cloud has hung up"
        return 0.0

    def _pass_on(self, command: events.Command) -> None:
        """Give a command to the edge as it came: only the edge can tell whether it is to be done."""
        if self._command(link.FromRelay(command=command)):
            _log.info("command_down")
            return
        done = events.CommandDone(id=command.id, ok=False, code="edge_away", message="The home is not connected.")
        self._put_aside(control.FromRelay(done=done))
