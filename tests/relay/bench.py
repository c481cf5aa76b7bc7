"""A relay's Link served on ::1, with everything real behind it but the tunnel."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace

import grpc
from guardian_relay.clips import ClipStore
from guardian_relay.edge import EdgeState
from guardian_relay.gateway import Viewers
from guardian_relay.index.clips import ClipIndex
from guardian_relay.index.joined import Joined, JoinStore
from guardian_relay.index.store import EventStore, make_tables, open_engine
from guardian_relay.keys import load_identity
from guardian_relay.link import LinkService
from guardian_relay.tunnel import Place

from guardian.platform.tasks import Tasks
from guardian.protocol.rpc import OPTIONS, Calls, Stub, handlers
from guardian.protocol.trust import Statements
from guardian.protocol.tunnel import Keys, KeySet, rotated
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.wireguard import make_private_key, public_key
from tests.support.relay import NOW_MS, Home, OwnClock

LINK = link.DESCRIPTOR.services_by_name["Link"]


class NoTunnel:
    """Keeps keys as the tunnel does."""

    def __init__(self, home, edge_address):
        self.place = Place("none", 0, "::1", edge_address)
        self.keys = Keys(KeySet(0, make_private_key(), public_key(home.tunnel), b"q" * 32))
        self.promised, self.done = [], []

    def promise(self, new):
        self.promised.append(new)

    async def rotate(self, new):
        assert self.promised[-1] == new
        self.keys = rotated(self.keys, new, 0.0)
        self.done.append(new)


class Told:
    """What the uplink was told."""

    def __init__(self):
        self.answers, self.statements, self.reports = [], [], 0

    def report(self):
        self.reports += 1

    async def done(self, done):
        self.answers.append(done)

    async def statement(self, signed):
        self.statements.append(signed)


@asynccontextmanager
async def relay(folder, *, edge_address="::1", heartbeat_s=30, quota=1 << 20, home=None):
    """Yield everything; `stub` speaks to it from ::1."""
    engine = open_engine(f"sqlite+aiosqlite:///{folder / 'relay.db'}")
    await make_tables(engine, NOW_MS * 1000)
    home, clock, tasks = home or Home(), OwnClock(), Tasks()
    identity, join_store = load_identity(folder, NOW_MS), JoinStore(engine)
    store = EventStore(engine, 1000, 5000, to_cloud=True)
    joined, said = (
        Joined(home.public, home.edge, b"\xfd" + bytes(7), NOW_MS),
        Statements(home.public, [home.edge_statement()]),
    )
    clips = ClipStore(folder / "clips", ClipIndex(engine), quota)
    tunnel, viewers, edge, told = NoTunnel(home, edge_address), Viewers(), EdgeState(), Told()
    service = LinkService(
        joined, said, identity, tunnel, store, join_store, clips, viewers, edge, clock, tasks,
        heartbeat_s=heartbeat_s, uplink=told,
    )  # fmt: skip
    viewers.call = lambda ticket: service.send(link.FromRelay(call=link.Call(ticket=ticket)))
    server, calls = grpc.aio.server(options=OPTIONS), Calls()
    server.add_generic_rpc_handlers((handlers(LINK, service, calls),))
    port = server.add_insecure_port("[::1]:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"[::1]:{port}", OPTIONS) as channel:
            yield SimpleNamespace(
                home=home, clock=clock, store=store, clips=clips, tunnel=tunnel, viewers=viewers, edge=edge, told=told,
                service=service, stub=Stub(channel, LINK), port=port, identity=identity, folder=folder, join_store=join_store,
            )  # fmt: skip
    finally:
        await server.stop(0)
        await calls.ended()
        await tasks.close()
        await engine.dispose()


async def hello(relay, edge=None):
    """Begin a stream; return it and the welcome."""
    call = relay.stub.Exchange()
    await call.write(link.FromEdge(hello=link.Hello(edge=edge or relay.home.edge, version="1")))
    first = await call.read()
    assert first is not grpc.aio.EOF, await call.code()
    return call, first.welcome


async def expect(call, what):
    """Return the next message of a kind; heartbeats in between say nothing."""
    while (answer := await call.read()) is not grpc.aio.EOF:
        if answer.WhichOneof("what") == what:
            return getattr(answer, what)
        assert answer.WhichOneof("what") == "heartbeat", answer
    raise AssertionError("the stream ended")
