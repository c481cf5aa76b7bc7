"""The running relay, wired: read this to see what it consists of, and in which order it begins and ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import grpc
import structlog

from guardian import __version__
from guardian.platform.clock import Clock, SystemClock
from guardian.platform.limits import harden
from guardian.platform.memory import resident_bytes
from guardian.platform.tasks import Tasks
from guardian.protocol import clocks
from guardian.protocol.rpc import OPTIONS, Calls, handlers
from guardian.protocol.trust import Statements
from guardian.protocol.tunnel import Keys
from guardian.protocol.v1 import control_pb2 as control
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian_relay import silence
from guardian_relay.certificate import Certificate
from guardian_relay.clips import ClipStore
from guardian_relay.detours import Detours
from guardian_relay.edge import EdgeState
from guardian_relay.errors import RelayError
from guardian_relay.gateway import Viewers, open_gateway
from guardian_relay.health import open_health
from guardian_relay.index.clips import ClipIndex
from guardian_relay.index.joined import Joined, JoinStore
from guardian_relay.index.store import EventStore, make_tables, open_engine
from guardian_relay.keys import keep_tunnel, load_identity, load_tunnel, make_state
from guardian_relay.link import LinkService
from guardian_relay.logs import set_up_logs
from guardian_relay.pairing import PairingService, addresses
from guardian_relay.settings import MIB, RelaySettings
from guardian_relay.tunnel import Place, Tunnel
from guardian_relay.uplink import Uplink

_log = structlog.get_logger(__name__)
GRACE_S = 1.0
MOST_PAST_AT_ONCE = 300  # samples of 300 bytes in one report
# The edge pings its relay every 20 s, to notice one that is gone; by default gRPC takes that for an attack.
LINK_OPTIONS = (("grpc.so_reuseport", 0), ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000))


def run(settings: RelaySettings) -> None:
    """Run until SIGINT or SIGTERM. RelayError when it cannot begin."""
    set_up_logs(settings.log.level)
    os.umask(0o077)
    harden()
    asyncio.run(_run(settings))


async def _run(settings: RelaySettings) -> None:
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    async with AsyncExitStack() as stack:
        relay = Relay(settings, SystemClock())
        stack.push_async_callback(relay.close)
        await relay.start()
        _log.info("relay_started", version=__version__)
        await ending.wait()
        _log.info("relay_ending")


class Relay:
    """Everything of one relay."""

    def __init__(self, settings: RelaySettings, clock: Clock) -> None:
        self.settings, self.clock, self.tasks = settings, clock, Tasks()
        self.edge, self.viewers = EdgeState(), Viewers()
        self.tunnel: Tunnel | None = None
        self.link: LinkService | None = None
        self.uplink: Uplink | None = None
        self._link_server: Any = None
        self._calls = Calls()
        self._closers = AsyncExitStack()
        self._began_s = clock.mono_s()
        self._clip_usage = (0, 0)

    async def start(self) -> None:
        """Open everything: the store first, what others may call last."""
        settings, now_ms = self.settings, self.clock.now().utc_ms
        make_state(settings.state)
        self.identity = load_identity(settings.state, now_ms)
        self.engine = open_engine(settings.store_url)
        self._closers.push_async_callback(self.engine.dispose)
        await make_tables(self.engine, now_ms * 1000)
        self.certificate = Certificate(settings.state, settings.cloud.ca_file, self.clock)
        self.cloud_address = settings.cloud.address or self.certificate.address
        to_cloud = bool(self.cloud_address)
        self.store = EventStore(self.engine, settings.store.keep_events, settings.store.max_events, to_cloud=to_cloud)
        self.join_store = JoinStore(self.engine)
        quota = settings.clips.quota_mib * MIB
        self.clips = ClipStore(settings.state / "clips", ClipIndex(self.engine), quota)
        self._clip_usage = await self.clips.usage()
        self._start_uplink()
        await self._reopen()
        await self._listen_for_pairing()
        if settings.gateway.listen:
            self.viewers.call = self._call
            detours = Detours(lambda: settings.tunnel.listen_port if self.tunnel is not None else None)
            runner = await open_gateway(self.viewers, settings.gateway, detours)
            self._closers.push_async_callback(runner.cleanup)
        runner = await open_health(settings.health.listen, self.status)
        self._closers.push_async_callback(runner.cleanup)

    def _call(self, ticket: int) -> bool:
        return self.link is not None and self.link.send(link.FromRelay(call=link.Call(ticket=ticket)))

    def _start_uplink(self) -> None:
        if not self.cloud_address:
            return
        if not self.certificate.there:
            raise RelayError("this relay has no certificate of its cloud", cure="Join it: guardian-relay enrol")
        self.uplink = Uplink(
            self.cloud_address,
            self.certificate,
            self.store,
            self.edge,
            self.clock,
            self.tasks,
            version=__version__,
            fleet=self._fleet,
            command=lambda one: self.link is not None and self.link.send(one),
            statements=lambda: self.link.said.all() if self.link is not None else (),
        )
        self.tasks.spawn(self.uplink.run(), "uplink")

    async def _reopen(self) -> None:
        """Open the tunnel for the home that joined before."""
        joined, keys = await self.join_store.joined(), load_tunnel(self.settings.state, self.clock.mono_s())
        if joined is not None and keys is not None:
            await self._open(joined, await self.join_store.statements(joined.home), keys)

    async def _listen_for_pairing(self) -> None:
        settings, identity = self.settings, self.identity
        service = PairingService(
            identity,
            self.join_store,
            self.clock,
            endpoint=settings.endpoint,
            link_port=settings.tunnel.link_port,
            version=__version__,
            opened=self._joined,
        )
        server = grpc.aio.server(options=(*OPTIONS, ("grpc.so_reuseport", 0)), maximum_concurrent_rpcs=64)
        server.add_generic_rpc_handlers((handlers(link.DESCRIPTOR.services_by_name["Pairing"], service, self._calls),))
        credentials = grpc.ssl_server_credentials([(identity.key_pem, identity.certificate_pem)])
        await _bind(server, settings.pairing.listen, credentials, "pairing.listen")
        await server.start()
        self._closers.push_async_callback(self._calls.ended)
        self._closers.push_async_callback(server.stop, GRACE_S)

    async def _joined(self, joined: Joined, said: Statements, keys: Keys) -> None:
        """A home has joined: keep it, then open the tunnel."""
        await self.join_store.join(joined, said)
        await self.store.forget_edge_place()
        keep_tunnel(self.settings.state, keys)
        await self._open(joined, said, keys)
        if self.uplink is not None:
            for signed in said.all():
                await self.uplink.statement(signed)
            self.uplink.report()

    async def _open(self, joined: Joined, said: Statements, keys: Keys) -> None:
        relay_address, edge_address = addresses(joined.network)
        wish = self.settings.tunnel
        place = Place(wish.interface, wish.listen_port, relay_address, edge_address, wish.link_port)
        if self._link_server is not None:
            await self._link_server.stop(0)
        if self.tunnel is None:
            self.tunnel = Tunnel(place, keys, self.clock, lambda keys: keep_tunnel(self.settings.state, keys))
            await self.tunnel.up()
            self.tasks.spawn(self.tunnel.watch(), "tunnel")
        else:
            await self.tunnel.use_peer(keys, place)
        self.link = LinkService(
            joined,
            said,
            self.identity,
            self.tunnel,
            self.store,
            self.join_store,
            self.clips,
            self.viewers,
            self.edge,
            self.clock,
            self.tasks,
            heartbeat_s=self.settings.heartbeat_s,
            uplink=self.uplink,
        )
        server = grpc.aio.server(options=(*OPTIONS, *LINK_OPTIONS), maximum_concurrent_rpcs=128)
        server.add_generic_rpc_handlers((handlers(link.DESCRIPTOR.services_by_name["Link"], self.link, self._calls),))
        await _bind(server, f"[{relay_address}]:{self.settings.tunnel.link_port}", None, "tunnel.link_port")
        await server.start()
        self._link_server = server

    def _fleet(self) -> control.Fleet:
        """How home and relay are, for the cloud."""
        return control.Fleet(
            time_s=self.clock.now().utc_ms // 1000,
            edge_connected=self.edge.connected,
            edge_seen_s=self.edge.seen_ms // 1000,
            edge=self.edge.telemetry,
            relay=events.Telemetry(time_s=self.clock.now().utc_ms // 1000, readings=self._readings()),
            cameras=[control.CameraState(camera=c.camera, state=c.state, sealed=c.sealed) for c in self.edge.cameras],
            home=self.link.said.home if self.link is not None else b"",
            edge_version=self.edge.version,
            plugins=self.edge.plugins,
            other_plugins=self.edge.other_plugins,
            edge_past=[self.edge.past[at] for at in sorted(self.edge.past)][:MOST_PAST_AT_ONCE],
        )

    def _readings(self) -> dict[str, float]:
        disk = shutil.disk_usage(self.settings.state)
        readings: dict[str, float] = {
            "uptime_s": self.clock.mono_s() - self._began_s,
            "disk_free_bytes": disk.free,
            "disk_total_bytes": disk.total,
            "memory_bytes": resident_bytes(),
            "clips": self._clip_usage[0],
            "clip_bytes": self._clip_usage[1],
        }
        if (age := self._handshake_age_s()) is not None:
            readings["handshake_age_s"] = age
        if self.uplink is not None:
            readings["clock_off_s"] = round(self.uplink.clock_off_s)
        return readings

    def _handshake_age_s(self) -> float | None:
        handshake_s = self.tunnel.silence.handshake_s if self.tunnel is not None else 0
        return max(0.0, self.clock.now().utc_ms / 1000 - handshake_s) if handshake_s else None

    async def status(self) -> Mapping[str, Any]:
        """Everything that health, metrics and `guardian-relay status` say."""
        problems = []
        try:
            kept, waiting = await self.store.count(), await self.store.waiting()
            answers = True
        except Exception as error:  # noqa: BLE001 - the database's driver: whatever it raises, the store does not answer
            kept = waiting = 0
            answers = False
            problems.append(f"the store does not answer: {type(error).__name__}")
        joined = self.link is not None
        if self.link is not None and self.link.trouble:
            problems.append(f"{self.link.trouble}: what happens waits at the home")
        if joined and self.tunnel is not None and self.tunnel.hidden:
            problems.append("the tunnel cannot be looked at")
        self._clip_usage = await self.clips.usage() if answers else self._clip_usage
        seen = self.tunnel.seen if self.tunnel is not None else None
        pairing = await self.join_store.pairing() if answers else None
        return {
            "version": __version__,
            "problems": problems,
            "clock_problem": self._clock_problem(),
            "tunnel_problem": self._tunnel_problem(),
            "edge_copied": self.link is not None and self.link.copied,
            "joined": joined,
            "short_code": pairing.short_code if pairing is not None else "",
            "tunnel": self.tunnel.kind if self.tunnel is not None else "",
            "edge_connected": self.edge.connected,
            "edge_silent_seconds": self.clock.mono_s() - self.edge.seen_s if self.edge.seen_ms else None,
            "edge_version": self.edge.version,
            "cloud": bool(self.cloud_address),
            "cloud_connected": self.uplink is not None and self.uplink.connected,
            "cloud_problem": self.uplink.problem if self.uplink is not None else "",
            "cloud_tries": self.uplink.tries if self.uplink is not None else 0,
            "clock_ahead_of_cloud_seconds": self.uplink.clock_off_s if self.uplink is not None else None,
            "clock_behind_edge_seconds": self._behind_edge_s(),
            "certificate_left": self.certificate.left() if self.certificate.there else None,
            "events": kept,
            "events_waiting": waiting if self.cloud_address else 0,
            "events_dropped": self.store.dropped,
            "events_refused": self.link.refused_events if self.link is not None else 0,
            "clips": self._clip_usage[0],
            "clip_bytes": self._clip_usage[1],
            "viewers": self.viewers.count,
            "viewers_refused": self.viewers.refused,
            "handshake_age_seconds": self._handshake_age_s(),
            "tunnel_received_bytes": seen.received if seen is not None else None,
            "tunnel_sent_bytes": seen.sent if seen is not None else None,
            "tunnel_restarts": self.tunnel.restarts if self.tunnel is not None else 0,
            "tunnel_forgotten": self.tunnel.forgotten if self.tunnel is not None else 0,
            "tunnel_rotation": self.tunnel.keys.current.number if self.tunnel is not None else None,
            "memory_bytes": resident_bytes(),
            "disk_free_bytes": shutil.disk_usage(self.settings.state).free,
        }

    def _behind_edge_s(self) -> float | None:
        readings: Mapping[str, float] = self.edge.telemetry.readings
        return readings.get("clock_off_s")

    def _clock_problem(self) -> str:
        """Whose clock ours does not agree with; empty where all agree."""
        found = [clocks.apart(-(self._behind_edge_s() or 0.0), "the home")]
        if self.uplink is not None:
            found.append(clocks.apart(self.uplink.clock_off_s, "the cloud"))
        return "; ".join(one for one in found if one)

    def _tunnel_problem(self) -> str:
        return silence.problem(self.tunnel.silence, self.clock.mono_s()) if self.tunnel is not None else ""

    async def close(self) -> None:
        """Say that we end, hang up, close."""
        if self.link is not None:
            self.link.end_stream()
        if self._link_server is not None:
            await self._link_server.stop(GRACE_S)
        await self.tasks.close()
        await self._calls.ended()
        await self._closers.aclose()  # the store last
        if self.tunnel is not None:
            await self.tunnel.down()


async def _bind(server: Any, place: str, credentials: Any, field: str) -> None:
    try:
        port = server.add_secure_port(place, credentials) if credentials is not None else server.add_insecure_port(place)
    except RuntimeError:
        port = 0
    if not port:
        raise RelayError(
            f"{field}: nothing can listen at {place}", cure="Is the port taken, or the address not ours?", field=field
        )
