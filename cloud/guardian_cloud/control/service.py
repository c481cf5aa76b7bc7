"""The gRPC service Control. Who calls is what the certificate says, and no field of a message is ever asked for it.

A stream ends at once when its device is denied, and when its certificate has: what was let in by it goes with it. A newer stream of the
same device replaces an older one, which may hang on a line that is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import grpc
import structlog

from guardian.platform.clock import Clock, new_id
from guardian.platform.tasks import Tasks
from guardian.protocol.v1.control_pb2 import FromCloud, FromRelay, Heartbeat, RenewReply, RenewRequest, Welcome
from guardian.protocol.v1.events_pb2 import Ack, Command
from guardian_cloud.ca.authority import Authority, Identity, identity_of
from guardian_cloud.ephemeral.contract import Ephemeral
from guardian_cloud.model.errors import BadRequest, BadSetting, CloudError, NotAllowed, Unavailable
from guardian_cloud.services.fleet import Fleet, channel
from guardian_cloud.services.happenings import Happenings
from guardian_cloud.services.homes import Homes
from guardian_cloud.settings.schema import Control as ControlSettings

_log = structlog.get_logger(__name__)
SERVICE: Final = "guardian.control.v1.Control"
MOST_MESSAGE: Final = 16 * 1024 * 1024
WAITING: Final = 64  # messages for a relay; full: we stop reading from it
COME_BACK_S: Final = 30  # when we end: relays spread over this time
_HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class _End:
    status: grpc.StatusCode
    words: str


_Out = asyncio.Queue[FromCloud | _End]


class ControlService:
    """Answers relays."""

    def __init__(
        self,
        fleet: Fleet,
        homes: Homes,
        happenings: Happenings,
        ephemeral: Ephemeral,
        settings: ControlSettings,
        clock: Clock,
    ) -> None:
        self._fleet, self._homes, self._happenings, self._ephemeral = fleet, homes, happenings, ephemeral
        self._settings, self._clock = settings, clock
        self._streams: set[_Out] = set()
        self._calls: set[asyncio.Task[Any]] = set()

    @property
    def streams(self) -> int:
        """How many relays are connected to this process."""
        return len(self._streams)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return it for a server."""
        methods = {
            "Exchange": grpc.stream_stream_rpc_method_handler(
                self.exchange, request_deserializer=FromRelay.FromString, response_serializer=FromCloud.SerializeToString
            ),
            "Renew": grpc.unary_unary_rpc_method_handler(
                self.renew, request_deserializer=RenewRequest.FromString, response_serializer=RenewReply.SerializeToString
            ),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def renew(self, request: RenewRequest, context: Any) -> RenewReply:
        """Sign a new certificate."""
        identity = await _identity(context)
        try:
            issued = await self._fleet.renew(identity, request.certificate_request)
        except CloudError as error:
            await _abort(context, error)
            raise
        return RenewReply(chain=list(issued.chain))

    async def exchange(self, messages: AsyncIterator[FromRelay], context: Any) -> None:
        """One relay's stream."""
        call = asyncio.current_task()
        assert call is not None
        self._calls.add(call)
        try:
            await self._exchange(messages, context)
        finally:
            self._calls.discard(call)

    async def wait_ended(self, seconds: float) -> None:
        """Wait for calls that have ended at the relay's side, and still write so into the store."""
        if self._calls:
            await asyncio.wait(set(self._calls), timeout=seconds)

    async def _exchange(self, messages: AsyncIterator[FromRelay], context: Any) -> None:
        identity = await _identity(context)
        out: _Out = asyncio.Queue(WAITING)  # full: the reader waits, and so does the relay
        try:
            await self._fleet.admitted(identity)
            hello = await anext(messages, None)
            if hello is None or hello.WhichOneof("what") != "hello":
                raise BadRequest("the first message must be hello", field="hello", cure="Send it first.")
            mine = new_id(self._clock).encode()
            await self._ephemeral.tell(channel(identity.tenant, identity.device), b"newer " + mine)
            async with self._ephemeral.listen(channel(identity.tenant, identity.device)) as words:
                acknowledged = await self._fleet.hello(identity, hello.hello.version)
                welcome = Welcome(acknowledged=acknowledged, heartbeat_s=self._settings.heartbeat_s)
                await context.write(FromCloud(welcome=welcome))
                await self._run(identity, messages, context, out, words, mine)
        except CloudError as error:
            await _abort(context, error)

    async def _run(self, identity: Identity, messages: Any, context: Any, out: _Out, words: Any, mine: bytes) -> None:
        tasks, stored = Tasks(), asyncio.Lock()  # a task that works with the store holds it: none is cancelled in the middle
        self._streams.add(out)
        tasks.spawn(self._guarded(self._read(identity, messages, out, stored), out), "control reader")
        tasks.spawn(self._guarded(self._hear(identity, words, out, stored, mine), out), "control words")
        tasks.spawn(self._guarded(self._beat(identity, out, stored), out), "control heartbeat")
        replaced = False
        try:
            while not isinstance(one := await out.get(), _End):
                await context.write(one)
            replaced = one.status is grpc.StatusCode.ABORTED
            if one.status is not grpc.StatusCode.OK:
                await context.abort(one.status, one.words)
        finally:
            self._streams.discard(out)
            async with stored:
                await tasks.close()
            if not replaced:
                await self._fleet.gone(identity)

    async def _guarded(self, work: Any, out: _Out) -> None:
        """Run one of the stream's tasks; whatever ends it ends the stream."""
        try:
            end = await work
        except CloudError as error:
            end = _End(_status(error), error.message)
        except grpc.aio.BaseError:  # the stream was ended meanwhile
            end = _come_back()
        except Exception as error:  # noqa: BLE001 - ours: the relay gets to know that it is, and comes back
            _log.error("control_bug", error=type(error).__name__, exc_info=error)
            end = _End(grpc.StatusCode.INTERNAL, "something went wrong here")
        _put_last(out, end)

    async def _read(self, identity: Identity, messages: Any, out: _Out, stored: asyncio.Lock) -> _End:
        async for message in messages:
            match message.WhichOneof("what"):
                case "events":
                    async with stored:
                        taken = await self._happenings.take(identity, message.events)
                    await out.put(FromCloud(ack=Ack(up_to=taken.up_to)))
                case "fleet":
                    async with stored:
                        await self._fleet.report(identity, message.fleet)
                        await self._homes.was(identity, list(message.fleet.edge_past))
                case "done":
                    async with stored:
                        await self._fleet.done(identity, message.done)
                case "statement":
                    async with stored:
                        await self._homes.stated(identity, message.statement)
                case _:  # a newer relay may say more than we know
                    continue
        return _End(grpc.StatusCode.OK, "")

    async def _hear(self, identity: Identity, words: Any, out: _Out, stored: asyncio.Lock, mine: bytes) -> _End:
        sent = await self._send_commands(identity, out, stored, frozenset())
        async for word in words:
            if word == b"denied" or word is None:
                async with stored:
                    await self._fleet.admitted(identity)  # raises where it was denied
            if word is not None and word.startswith(b"newer ") and word != b"newer " + mine:
                return _End(grpc.StatusCode.ABORTED, "a newer stream of this relay replaces this one")
            sent = await self._send_commands(identity, out, stored, sent)
        return _come_back()

    async def _send_commands(
        self, identity: Identity, out: _Out, stored: asyncio.Lock, sent: frozenset[str]
    ) -> frozenset[str]:
        async with stored:
            waiting = await self._fleet.waiting(identity)
        for one in waiting:
            if one.id not in sent:
                await out.put(FromCloud(command=Command.FromString(one.message)))
        return frozenset(one.id for one in waiting)

    async def _beat(self, identity: Identity, out: _Out, stored: asyncio.Lock) -> _End:
        while True:
            left_s = identity.expires_us / 1e6 - self._clock.now().utc_us / 1e6
            await self._clock.sleep(max(0.0, min(self._settings.heartbeat_s, left_s)))
            with suppress(Unavailable):
                async with stored:
                    await self._fleet.admitted(identity)  # again, should a word have been lost
            await out.put(FromCloud(heartbeat=Heartbeat(time_ms=self._clock.now().utc_us // 1000)))

    def end_all(self) -> None:
        """Tell all relays that we are about to end, and when to come back: not all at once."""
        for number, out in enumerate(list(self._streams)):
            if not out.full():
                beat = Heartbeat(time_ms=self._clock.now().utc_us // 1000, retry_after_s=1 + number % COME_BACK_S)
                out.put_nowait(FromCloud(heartbeat=beat))
            _put_last(out, _come_back())


def _put_last(out: _Out, end: _End) -> None:
    if out.full():
        out.get_nowait()  # the end goes before an acknowledgement, which is told again in the next welcome
    out.put_nowait(end)


def _come_back() -> _End:
    return _End(grpc.StatusCode.UNAVAILABLE, "come back")


async def _identity(context: Any) -> Identity:
    pem = context.auth_context().get("x509_pem_cert", [b""])[0]
    identity = identity_of(pem)
    if identity is None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "this certificate is of no relay")
        raise AssertionError
    return identity


def _status(error: CloudError) -> grpc.StatusCode:
    if isinstance(error, NotAllowed):
        return grpc.StatusCode.PERMISSION_DENIED
    if isinstance(error, Unavailable):
        return grpc.StatusCode.UNAVAILABLE
    return grpc.StatusCode.INVALID_ARGUMENT if error.status < 500 else grpc.StatusCode.INTERNAL


async def _abort(context: Any, error: CloudError) -> None:
    await context.abort(_status(error), error.message)


def make_server(
    service: ControlService, authority: Authority, settings: ControlSettings, clock: Clock
) -> tuple[grpc.aio.Server, int]:
    """Return a server, and the port it is bound to. It asks for a certificate of our authority, and changes its own before it ends."""
    made_at_s = clock.mono_s()
    current = _credentials(authority, settings.names)

    def renewed() -> Any:
        nonlocal made_at_s, current
        if clock.mono_s() - made_at_s < 24 * _HOUR_S:
            return None  # unchanged
        made_at_s = clock.mono_s()
        current = _credentials(authority, settings.names)
        return current

    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MOST_MESSAGE),
            ("grpc.max_concurrent_streams", 8),  # of one connection: a relay needs one, and another to renew
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
            ("grpc.so_reuseport", 0),
        ]
    )
    server.add_generic_rpc_handlers((service.handler(),))
    credentials = grpc.dynamic_ssl_server_credentials(current, renewed, require_client_authentication=True)
    try:
        return server, server.add_secure_port(settings.listen, credentials)
    except RuntimeError as error:
        raise BadSetting(
            f"control.listen: {settings.listen} cannot be listened on", field="control.listen", cure="Choose a free port."
        ) from error


def _credentials(authority: Authority, names: tuple[str, ...]) -> Any:
    return grpc.ssl_server_certificate_configuration([authority.server(names)], root_certificates=authority.root_pem)
