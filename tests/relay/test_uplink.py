"""The way to the cloud over real mTLS: everything once, nothing lost over breaks, certificates renewed, commands down."""

import asyncio
import contextlib

import grpc
import pytest
from guardian_relay import uplink as uplink_module
from guardian_relay.certificate import Certificate
from guardian_relay.edge import EdgeState
from guardian_relay.errors import Unkept
from guardian_relay.index.store import EventStore, make_tables, open_engine
from guardian_relay.uplink import Uplink

from guardian.platform.clock import SystemClock
from guardian.platform.tasks import Tasks
from guardian.protocol.rpc import OPTIONS, handlers
from guardian.protocol.v1 import control_pb2 as control
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import trust_pb2 as trust
from tests.support.authority import DER, Authority
from tests.support.relay import NOW_MS, event
from tests.support.writers import watched


class Cloud:
    """Keeps what comes, as the real one: by id, and acknowledges."""

    def __init__(self, authority):
        self.statements = []
        self.authority, self.kept, self.up_to, self.fleets, self.answers = authority, {}, 0, [], []
        self.hang_up_after, self.acknowledge, self.send, self.renewed, self.streams, self.refuse = (
            None,
            True,
            [],
            0,
            0,
            False,
        )

    async def Exchange(self, _, context):
        if self.refuse:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "denied")
        self.streams += 1
        self.call = asyncio.current_task()
        first = await context.read()
        assert first.WhichOneof("what") == "hello"
        await context.write(control.FromCloud(welcome=control.Welcome(acknowledged=self.up_to, heartbeat_s=1)))
        for one in self.send:
            await context.write(one)
        while (one := await context.read()) is not grpc.aio.EOF:
            what = one.WhichOneof("what")
            if what == "events":
                for at, each in enumerate(one.events.events):
                    self.kept.setdefault(each.id, []).append(one.events.first + at)
                if self.hang_up_after is not None and len(self.kept) >= self.hang_up_after:
                    self.hang_up_after = None
                    return  # taken, and never acknowledged
                if self.acknowledge:
                    self.up_to = one.events.first + len(one.events.events) - 1
                    await context.write(control.FromCloud(ack=events.Ack(up_to=self.up_to)))
            elif what == "fleet":
                self.fleets.append(one.fleet)
            elif what == "done":
                self.answers.append(one.done)
            elif what == "statement":
                self.statements.append(one.statement)

    def hang_up(self):
        self.call.cancel()

    async def Renew(self, request, context):
        self.renewed += 1
        return control.RenewReply(chain=self.authority.sign(request.certificate_request))


@contextlib.asynccontextmanager
async def bench(tmp_path, *, hours=24.0, begin=-1.0, device_authority=None):
    authority = Authority()
    cloud, tasks, clock = Cloud(authority), Tasks(), SystemClock()
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((handlers(control.DESCRIPTOR.services_by_name["Control"], cloud),))
    pair = authority.server("localhost")
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair], authority.root_pem, True))
    await server.start()
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'relay.db'}")
    await make_tables(engine, NOW_MS * 1000)
    store = EventStore(engine, 1000, 5000, to_cloud=True)
    certificate = Certificate(tmp_path, "", clock)
    key, request = certificate.request()
    certificate.keep(key, (device_authority or authority).sign(request, hours, begin), authority.root.public_bytes(DER))
    sent = []
    uplink = Uplink(
        f"localhost:{port}", certificate, store, EdgeState(), clock, tasks,
        version="1", fleet=lambda: control.Fleet(time_s=7), command=lambda one: sent.append(one) is None and cloud.refuse is False,
    )  # fmt: skip
    uplink.sent = sent
    tasks.spawn(uplink.run(), "uplink")
    try:
        yield cloud, store, uplink
    finally:
        await tasks.close()
        await server.stop(0)
        await engine.dispose()


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Streams that break are there again soon."""
    monkeypatch.setattr("guardian.protocol.waits.FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("guardian.protocol.waits.LONGEST_WAIT_S", 0.2)


async def until(condition, what):
    for _ in range(400):
        value = condition()
        if await value if asyncio.iscoroutine(value) else value:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(what)


async def test_events_reach_the_cloud_and_are_acknowledged(tmp_path):
    async with bench(tmp_path) as (cloud, store, uplink):
        await store.take([event(n) for n in range(3)], 3)
        await until(lambda: len(cloud.kept) == 3, "the first events")
        await store.take([event(3)], 4)
        await until(lambda: len(cloud.kept) == 4, "the next one")

        async def none_waiting():
            return await store.waiting() == 0

        await until(none_waiting, "the acknowledgement")
        assert uplink.connected
        assert cloud.fleets[0].time_s == 7


async def test_what_waits_and_reports_that_are_due_go_up_one_after_the_other(tmp_path, monkeypatch):
    overlaps = watched(monkeypatch, uplink_module)
    async with bench(tmp_path) as (cloud, store, uplink):
        for number in range(20):
            await uplink.done(events.CommandDone(id=number.to_bytes(16, "big"), ok=True))
        await store.take([event(1)], 1)
        await until(lambda: len(cloud.answers) == 20 and cloud.kept and cloud.fleets, "what waited")
        assert (cloud.streams, uplink.tries) == (1, 0)
    assert overlaps == []


async def test_what_was_not_acknowledged_comes_again_in_the_same_place(tmp_path):
    async with bench(tmp_path) as (cloud, store, _):
        cloud.hang_up_after = 2
        await store.take([event(1), event(2)], 2)
        await until(lambda: all(len(places) == 2 for places in cloud.kept.values()) and len(cloud.kept) == 2, "again")
        assert all(places[0] == places[1] for places in cloud.kept.values())
        assert cloud.streams >= 2


async def test_a_cloud_that_refuses_is_asked_again_and_said(tmp_path):
    async with bench(tmp_path) as (cloud, store, uplink):
        cloud.refuse = True
        cloud.hang_up_after = 0
        await store.take([event(1)], 1)
        await until(lambda: "refuses" in uplink.problem, "the refusal")
        cloud.refuse = False
        await until(lambda: len(cloud.kept) == 1, "the event, after all")


async def test_a_certificate_is_renewed_at_two_thirds_of_its_life(tmp_path):
    async with bench(tmp_path, hours=0.9, begin=-2.0) as (cloud, store, _):  # 69 % gone
        await store.take([event(1)], 1)
        await until(lambda: len(cloud.kept) == 1, "the event")
        assert cloud.renewed == 1
        assert Certificate(tmp_path, "", SystemClock()).left() > 0.9


async def test_a_foreign_certificate_opens_nothing(tmp_path):
    async with bench(tmp_path, device_authority=Authority()) as (cloud, store, uplink):
        await store.take([event(1)], 1)
        await until(lambda: "away" in uplink.problem, "the handshake's failure")
        assert (cloud.kept, cloud.streams) == ({}, 0)


async def test_commands_go_down_as_they_came_and_one_that_cannot_is_answered(tmp_path):
    async with bench(tmp_path) as (cloud, store, uplink):
        command = events.Command(id=b"i" * 16, verb="ping", signature=b"s")
        cloud.send = [control.FromCloud(command=command)]
        cloud.hang_up_after = 1
        await store.take([event(1)], 1)
        await until(lambda: uplink.sent, "the command")
        assert uplink.sent[0].command == command
        await until(
            lambda: cloud.streams == 2, "the stream after the one that broke"
        )  # with that an answer may go: it is asked again
        await uplink.done(events.CommandDone(id=b"i" * 16, ok=True))
        await until(lambda: cloud.answers, "its answer")
        assert cloud.answers[0].ok
        uplink._command = lambda one: False
        uplink._pass_on(command)
        await until(lambda: len(cloud.answers) > 1, "the refusal")
        assert cloud.answers[-1].code == "edge_away"


def test_a_chain_of_another_key_is_not_kept(tmp_path):
    certificate = Certificate(tmp_path, "", SystemClock())
    key, _ = certificate.request()
    _, other = certificate.request()
    with pytest.raises(ValueError, match="not of the key"):
        certificate.keep(key, Authority().sign(other))
    assert not certificate.there


async def test_each_stream_begins_with_what_the_home_has_stated_and_tells_the_past_once(tmp_path):
    async with bench(tmp_path) as (cloud, _store, uplink):
        await until(lambda: cloud.fleets, "the first stream")
        stated, told = [trust.Signed(body=b"one"), trust.Signed(body=b"two")], []
        edge = uplink._edge
        edge.took(events.Telemetry(time_s=600))
        edge.took(events.Telemetry(time_s=900))

        def fleet():
            told.append(control.Fleet(time_s=8, edge_past=edge.past.values()))
            if len(told) == 1:
                edge.took(events.Telemetry(time_s=1200))  # meanwhile
            return told[-1]

        uplink._statements, uplink._fleet = lambda: stated, fleet
        streams = cloud.streams
        cloud.hang_up()
        await until(lambda: cloud.streams > streams and len(cloud.statements) == 2, "the statements")
        assert cloud.statements == stated
        await until(lambda: len(told) >= 2, "the reports")
        assert [[one.time_s for one in each.edge_past] for each in told[:2]] == [[600, 900], [1200]]


async def test_a_store_that_takes_nothing_ends_no_uplink(tmp_path, monkeypatch):
    async with bench(tmp_path) as (cloud, store, uplink):
        await until(lambda: uplink.connected, "connected")
        real = store.acknowledged

        async def full(up_to):
            raise Unkept("the store's disk is full")

        monkeypatch.setattr(store, "acknowledged", full)
        await store.take([event(1)], 1)
        await until(lambda: uplink.problem == "the store's disk is full", "that it is said")
        monkeypatch.setattr(store, "acknowledged", real)

        async def none_waiting():
            return uplink.connected and not uplink.problem and await store.waiting() == 0

        await until(none_waiting, "all is well again")
        assert [len(places) for places in cloud.kept.values()] != []


async def test_certificates_that_are_not_in_force_are_put_down_to_the_clock(tmp_path):
    async with bench(tmp_path, begin=5.0) as (_, _, uplink):
        await until(lambda: "a clock is wrong" in uplink.problem, "that it is said")
        assert "this relay's certificate begins in 5 hours" in uplink.problem


async def test_a_clock_that_is_ahead_renews_no_certificate_that_is_young(tmp_path):
    async with bench(tmp_path) as (cloud, _, uplink):
        await until(lambda: uplink.connected, "connected")
        uplink._certificate.ahead_s = 86_400.0 * 3
        assert uplink._certificate.left() == 1.0
        assert cloud.renewed == 0


def test_a_disk_that_is_full_leaves_the_pair_of_before(tmp_path, monkeypatch):
    authority, certificate = Authority(), Certificate(tmp_path, "", SystemClock())
    key, request = certificate.request()
    certificate.keep(key, authority.sign(request), authority.root.public_bytes(DER))
    before, written = certificate.credentials(), []

    def fails(path, data):
        written.append(path.name)
        raise OSError("no space left on device")

    monkeypatch.setattr("guardian_relay.certificate.replace_file", fails)
    key, request = certificate.request()
    with pytest.raises(OSError, match="no space"):
        certificate.keep(key, authority.sign(request))
    assert (certificate.credentials(), written) == (before, ["cloud.pem"]), "key and chain change at once, or not at all"


def test_a_home_whose_clock_was_set_back_is_heard_at_once():
    edge, now_s = EdgeState(), NOW_MS // 1000
    edge.took(events.Telemetry(time_s=now_s + 86_400, readings={"queue_events": 1}))
    edge.took(events.Telemetry(time_s=now_s, readings={"queue_events": 2}))
    assert edge.telemetry.readings["queue_events"] == 2
    edge.took(events.Telemetry(time_s=now_s - 600, readings={"queue_events": 3}), past=True)
    assert edge.telemetry.readings["queue_events"] == 2


async def test_a_cloud_that_falls_silent_or_hangs_up_is_said_at_once(tmp_path, monkeypatch):
    async with bench(tmp_path) as (cloud, _, uplink):
        await until(lambda: uplink.connected, "connected")

        async def never():
            await asyncio.sleep(60)

        monkeypatch.setattr(uplink, "_speak", never)  # the next one hangs, as into a line that is cut
        monkeypatch.setattr(uplink_module, "MISSES", 0.5)
        await until(lambda: not uplink.connected, "that it is noticed")
        assert uplink.problem == "the cloud has fallen silent"
        assert cloud.streams == 1
