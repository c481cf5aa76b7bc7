"""The edge's end against the relay's real services: joining, the stream, clips and viewers; and what it refuses."""

import asyncio
import json
import os
import sqlite3
import uuid
from types import SimpleNamespace

import aiohttp
import grpc
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from guardian_relay.gateway import gateway_app
from guardian_relay.index.joined import JoinStore
from guardian_relay.index.store import make_tables, open_engine
from guardian_relay.keys import load_identity
from guardian_relay.pairing import PairingService
from guardian_relay.settings import GatewaySettings
from guardian_wireguard import exchange as exchange_module
from guardian_wireguard.clips import Clips, header_size
from guardian_wireguard.config import WireGuardConfig
from guardian_wireguard.exchange import Exchange
from guardian_wireguard.join import begin, finish, trusted
from guardian_wireguard.link import WireGuardLink
from guardian_wireguard.outbox import Outbox
from guardian_wireguard.state import StateFile
from guardian_wireguard.viewers import answer

from guardian.model.errors import BadRequest, ServiceUnavailable
from guardian.model.event import Event, EventState
from guardian.model.ids import uuid7
from guardian.model.segment import ContentKind, SegmentHeader, SegmentRecord
from guardian.platform.clock import SystemClock
from guardian.platform.tasks import Tasks
from guardian.protocol.pairing import invitation_text
from guardian.protocol.rpc import handlers
from guardian.protocol.trust import STATEMENT_CONTEXT, Statements, Untrusted
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.sdk import PluginContext
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer
from tests.relay.bench import hello, relay
from tests.support.relay import NOW_MS, Home, OwnClock, event
from tests.support.writers import watched

CODE = b"k" * 32
home_key = Ed25519PrivateKey.generate()
HOME = home_key.public_key().public_bytes_raw()


def sign(body):
    return home_key.sign(STATEMENT_CONTEXT + body)


@pytest.fixture
async def joining(tmp_path):
    """A relay's Pairing on loopback, and invitations to it."""
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'relay.db'}")
    await make_tables(engine, NOW_MS * 1000)
    identity, store, opened = load_identity(tmp_path, NOW_MS), JoinStore(engine), []

    async def took(joined, said, keys):
        opened.append((joined, said, keys))

    service = PairingService(
        identity, store, OwnClock(), endpoint="relay.example:51820", link_port=7444, version="1", opened=took
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handlers(link.DESCRIPTOR.services_by_name["Pairing"], service),))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(identity.key_pem, identity.certificate_pem)]))
    await server.start()
    await store.invite(CODE, NOW_MS + 60_000, NOW_MS)

    def invitation(**fields):
        values = {"address": f"127.0.0.1:{port}", "certificate_sha256": identity.certificate_sha256, "code": CODE}
        return invitation_text(link.Invitation(**(values | fields)))

    yield SimpleNamespace(invitation=invitation, store=store, opened=opened, service=service)
    await server.stop(0)
    await engine.dispose()


async def test_both_ends_show_the_same_digits_and_hold_each_others_keys(joining, tmp_path):
    pairing = await begin(joining.invitation(), HOME, "1")
    assert (await joining.store.pairing(CODE)).short_code == pairing.short_code
    joined = await finish(pairing, sign, NOW_MS, NOW_MS * 1000)
    ((there, said, keys),) = joining.opened
    assert there.home == HOME
    assert keys.current.preshared == joined.keys.current.preshared
    assert trusted(joined, NOW_MS).digest() == said.digest()
    state = StateFile(tmp_path / "edge")
    state.write(joined)
    assert state.read(0.0) == joined
    assert (tmp_path / "edge/relay.json").stat().st_mode & 0o077 == 0


async def test_another_certificate_gets_not_even_the_code(joining):
    with pytest.raises(ServiceUnavailable, match="not the relay of the invitation"):
        await begin(joining.invitation(certificate_sha256=b"x" * 32), HOME, "1")
    await begin(joining.invitation(), HOME, "1")  # the code was not used up


async def test_what_is_wrong_with_an_invitation_is_said(joining):
    with pytest.raises(BadRequest, match="begins with"):
        await begin("hello", HOME, "1")
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        await begin(joining.invitation(address="127.0.0.1:1"), HOME, "1")
    await begin(joining.invitation(), HOME, "1")
    with pytest.raises(BadRequest, match="was used, or has ended"):
        await begin(joining.invitation(), HOME, "1")


@pytest.mark.parametrize(
    "fields",
    [
        {"relay_address": "8.8.8.8"},
        {"edge_address": "fd00::1\nPostUp = x"},
        {"endpoint": "x:1\nPrivateKey = y"},
        {"endpoint": "x"},
        {"link_port": 0},
    ],
)
async def test_a_relay_that_says_what_no_relay_says_is_not_joined(joining, fields):
    real = joining.service.Enrol

    async def lies(request, context):
        reply = await real(request, context)
        for name, value in fields.items():
            setattr(reply, name, value)
        return reply

    from guardian_wireguard.join import _check

    reply = await lies(Home().request(CODE), None)
    with pytest.raises(ServiceUnavailable, match="makes no sense"):
        _check(reply)


async def test_keys_that_the_home_has_not_signed_open_nothing(joining):
    """Somebody with the data folder puts their own relay into the state."""
    from dataclasses import replace

    joined = await finish(await begin(joining.invitation(), HOME, "1"), sign, NOW_MS, 0)
    current = joined.keys.current
    with pytest.raises(Untrusted, match="tunnel's keys"):
        trusted(replace(joined, keys=replace(joined.keys, current=replace(current, peer=b"x" * 32))), NOW_MS)
    with pytest.raises(Untrusted, match="not signed"):
        trusted(replace(joined, relay=b"z" * 16), NOW_MS)
    with pytest.raises(Untrusted):
        trusted(replace(joined, home=b"h" * 32), NOW_MS)
    with pytest.raises(Untrusted):
        trusted(replace(joined, statements=joined.statements[:1]), NOW_MS)


def home_and_stream(one, tmp_path, **callbacks):
    """The edge's end of a stream to a bench relay."""
    outbox = Outbox(tmp_path / "edge" / "outbox.db", 1_000_000, NOW_MS * 1000)
    tasks = Tasks()
    given = {
        "telemetry": lambda: events.Telemetry(time_s=1, readings={"cameras": 1}),
        "inventory": lambda: link.Inventory(cameras=[link.Camera(camera=b"c" * 16, state="recording")]),
        "deliver": None,
        "view": None,
        "command": None,
    }
    joined = SimpleNamespace(edge=one.home.edge, relay_address="::1", link_port=one.port)
    exchange = Exchange(
        joined, outbox, SystemClock(), tasks, version="1", address=f"[::1]:{one.port}", **(given | callbacks)
    )  # fmt: skip
    tasks.spawn(exchange.run(), "exchange")
    return outbox, exchange, tasks


async def until(condition, what="it"):
    for _ in range(500):
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not happen")


async def test_events_go_up_and_are_forgotten_once_they_are_there(tmp_path):
    async with relay(tmp_path) as one:
        outbox, exchange, tasks = home_and_stream(one, tmp_path)
        for number in range(3):
            outbox.put(b"c" * 16, lambda serial, number=number: event(number, serial=serial))
        exchange.news()
        await until(lambda: outbox.waiting().events == 0, "the acknowledgement")
        assert await one.store.count() == 3
        await until(lambda: dict(one.edge.telemetry.readings) == {"cameras": 1.0}, "telemetry")
        await until(lambda: len(one.edge.cameras) == 1, "inventory")
        await tasks.close()
        outbox.close()


async def test_what_goes_up_goes_one_after_the_other(tmp_path, monkeypatch):
    overlaps = watched(monkeypatch, exchange_module)
    async with relay(tmp_path) as one:
        outbox, exchange, tasks = home_and_stream(one, tmp_path)
        for number in range(3):
            outbox.put(b"c" * 16, lambda serial, number=number: event(number, serial=serial))
        exchange.news()
        await until(lambda: outbox.waiting().events == 0, "the acknowledgement")
        await until(lambda: dict(one.edge.telemetry.readings) == {"cameras": 1.0}, "telemetry")
        await tasks.close()
        outbox.close()
    assert overlaps == []


async def test_a_stream_that_breaks_loses_and_doubles_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("guardian.protocol.waits.FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("guardian.protocol.waits.LONGEST_WAIT_S", 0.2)
    async with relay(tmp_path) as one:
        outbox, exchange, tasks = home_and_stream(one, tmp_path)
        for number in range(60):
            outbox.put(b"c" * 16, lambda serial, number=number: event(number, serial=serial))
            exchange.news()
            if number % 25 == 10:
                await until(lambda: exchange.connected)
                other, _ = await hello(one)  # takes the stream away
                other.cancel()
        await until(lambda: outbox.waiting().events == 0, "everything")
        assert await one.store.count() == 60
        await tasks.close()
        outbox.close()


async def test_a_tunnel_that_is_heard_again_ends_the_wait(tmp_path, monkeypatch):
    monkeypatch.setattr("guardian.protocol.waits.FIRST_WAIT_S", 60.0)
    async with relay(tmp_path) as one:
        outbox, exchange, tasks = home_and_stream(one, tmp_path)
        await until(lambda: exchange.connected)
        other, _ = await hello(one)  # takes the stream away
        await until(lambda: not exchange.connected)
        other.cancel()
        await asyncio.sleep(0.3)
        assert not exchange.connected
        exchange.hurry()
        await until(lambda: exchange.connected)
        await tasks.close()
        outbox.close()


async def test_a_relay_that_lacks_what_the_home_said_is_told_it_anew(tmp_path):
    async with relay(tmp_path) as one:
        held = one.home.edge_statement()
        phone = one.home.state(subject=b"p" * 16, role=trust.ROLE_MEMBER, number=9, signing_key=b"k" * 32, sealing_key=b"s")
        said = Statements(one.home.public, [held, phone])
        outbox, _, tasks = home_and_stream(one, tmp_path, statements=said.all)
        await until(lambda: one.told.statements == [phone], "the statement that was new")
        assert one.service.said.digest() == said.digest()
        assert (await one.join_store.statements(one.home.public)).of(b"p" * 16, trust.ROLE_MEMBER, NOW_MS)
        await tasks.close()
        outbox.close()


async def test_a_command_is_given_on_whole_and_its_answer_goes_back(tmp_path):
    given = []

    async def command(one):
        given.append(one)
        return events.CommandDone(id=one.id, ok=True) if one.verb == "ping" else None

    async with relay(tmp_path) as one:
        outbox, exchange, tasks = home_and_stream(one, tmp_path, command=command)
        await until(lambda: exchange.connected)
        sent = [
            events.Command(id=bytes([n]) * 16, verb=verb, signature=b"s" * 64) for n, verb in enumerate(["noise", "ping"])
        ]
        for each in sent:
            assert one.service.send(link.FromRelay(command=each))
        await until(lambda: one.told.answers, "the answer")
        assert given == sent
        assert [(done.id, done.ok) for done in one.told.answers] == [
            (b"\x01" * 16, True)
        ]  # who gets no answer is told nothing
        await tasks.close()
        outbox.close()


async def test_health_that_waited_goes_up_with_its_time_and_is_forgotten(tmp_path):
    async with relay(tmp_path) as one:
        outbox, exchange, tasks = home_and_stream(one, tmp_path)
        for minutes in (0, 5, 10):
            sample = events.Telemetry(time_s=600 + minutes * 60, readings={"cameras": minutes})
            outbox.put_health(sample.SerializeToString())
        exchange.news()
        await until(lambda: len(one.edge.past) == 4, "all of it, and how the home is")
        assert [one.edge.past[at].readings["cameras"] for at in (2, 3, 4)] == [0, 5, 10]
        await until(lambda: not outbox.health(), "that it is forgotten")
        await tasks.close()
        outbox.close()


async def test_a_segment_goes_without_the_header_that_names_the_camera(tmp_path):
    keyring = Keyring.create(tmp_path / "vault", "correct horse battery", now_us=NOW_MS * 1000)
    name = uuid7(NOW_MS, bytes(10))
    header = SegmentHeader(name, name, "canarydoor", "main", ContentKind.VIDEO, NOW_MS * 1000, 0, 0, "avc1.640028", 640, 480)
    sealing = VaultSealer(keyring.public_key, keyring.epoch).begin(header)
    body = b"".join(
        bytes(sealing.seal(os.urandom(100_000), start_90k=n, duration_90k=1, start_utc_us=0, is_key=True, video_frames=1)[1])
        for n in range(7)
    )
    data = sealing.header_bytes + body + sealing.finish()
    assert header_size(data) == len(sealing.header_bytes)
    with pytest.raises(ValueError, match="longer"):
        header_size(data[: len(sealing.header_bytes) - 1])
    record = SegmentRecord(header, 1, "x", NOW_MS * 1000 + 1, 7, len(data), 7, 7, True)

    async def footage(_):
        for at in range(0, len(data), 65536):
            yield data[at : at + 65536]

    sealed_texts = []

    def seal(_name, text, sizes, _utc_us):
        sealed_texts.append(text)
        return bytes(sizes[0])

    async with relay(tmp_path) as one:
        clips = Clips(footage, seal)
        offer = await clips.offer(record, b"c" * 16)
        outbox, exchange, tasks = home_and_stream(one, tmp_path, deliver=clips.deliver)
        exchange.send(link.FromEdge(offer=offer))
        path = one.clips.path(offer.segment)
        await until(lambda: path.exists() and path.stat().st_size == offer.size, "the clip")

        async def kept():  # and written down: the store is not closed in the middle of that
            return not await one.clips.wanted()

        await until(kept, "the clip in the index")
        assert path.read_bytes() == data[len(sealing.header_bytes) :]
        assert b"canarydoor" not in b"".join(p.read_bytes() for p in (tmp_path / "clips").iterdir())
        assert json.loads(sealed_texts[0])["header"]
        await tasks.close()
        outbox.close()


def sealed_segment(keyring, number):
    """A small sealed segment of the camera `front`, and its record."""
    name = uuid7(NOW_MS + number * 1000, bytes(10))
    start_us = (NOW_MS + number * 1000) * 1000
    header = SegmentHeader(name, name, "front", "main", ContentKind.VIDEO, start_us, 0, 0, "avc1.640028", 640, 480)
    sealing = VaultSealer(keyring.public_key, keyring.epoch).begin(header)
    row = {"start_90k": 0, "duration_90k": 1, "start_utc_us": 0, "is_key": True, "video_frames": 1}
    data = sealing.header_bytes + bytes(sealing.seal(os.urandom(500), **row)[1]) + sealing.finish()
    return SegmentRecord(header, 1, "x", start_us + 900_000, 1, len(data), 1, 1, True), data


@pytest.mark.parametrize("kind", ["outage", "start"])
async def test_clips_of_events_from_before_the_relay_was_reached_come_too(tmp_path, kind):
    """More of them than go aside at once. They ended while the relay was away; or with an earlier program, within the hour."""
    keyring = Keyring.create(tmp_path / "vault", "correct horse battery", now_us=NOW_MS * 1000)
    segments = [sealed_segment(keyring, number) for number in range(70)]
    happened = [
        Event(str(number), "front", "person", 0.9, record.header.start_utc_us, record.end_utc_us, EventState.ENDED)
        for number, (record, _) in enumerate(segments)
    ]
    asked = []

    async def footage(record):
        yield next(data for one, data in segments if one is record)

    async def within(camera, stream, start_us, end_us):
        assert (camera, stream) == ("front", "main")
        return tuple(one for one, _ in segments if one.header.start_utc_us <= end_us and one.end_utc_us >= start_us)

    async def since(start_us):
        asked.append(start_us)
        return tuple(happened)

    def seal(_name, _text, sizes, _utc_us):
        return bytes(sizes[0])

    clock = OwnClock()
    context = PluginContext("wireguard", tmp_path, tuple, footage, seal, clock, segments=within, events=since)
    home = WireGuardLink(WireGuardConfig(), context)
    home._camera_key, home._reached_once = b"k" * 32, kind == "outage"
    async with relay(tmp_path) as one:
        outbox = Outbox(tmp_path / "edge" / "outbox.db", 1_000_000, NOW_MS * 1000)
        if kind == "outage":
            outbox.put(b"c" * 16, lambda serial: event(0, serial=serial))
        outbox.close()
        outbox, home._exchange, tasks = home_and_stream(
            one, tmp_path, deliver=home._clips.deliver, reached=home._offer_what_waited
        )
        await until(lambda: len(list((tmp_path / "clips").iterdir())) == len(segments), "all clips")

        async def whole():
            return not await one.clips.wanted()

        await until(whole, "that all are whole")
        assert len(asked) == 1
        assert asked[0] <= happened[0].start_us
        for record, data in segments:
            path = one.clips.path(uuid.UUID(record.header.segment_id).bytes)
            assert data.endswith(path.read_bytes())
        await tasks.close()
        outbox.close()


async def test_viewers_are_taken_by_the_desk_or_turned_away_at_once(tmp_path):
    async def desk(call):
        while (frame := await call.read()) is not None:
            await call.write(frame[::-1])

    for taken in (desk, None):
        async with relay(tmp_path) as one, aiohttp.ClientSession() as session:
            runner = web.AppRunner(gateway_app(one.viewers, GatewaySettings()))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            outbox, exchange, tasks = home_and_stream(
                one, tmp_path, view=lambda stub, ticket, taken=taken: answer(stub, ticket, taken)
            )
            await until(lambda exchange=exchange: exchange.connected)
            async with session.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/view") as viewer:
                if taken is not None:
                    await viewer.send_bytes(b"abc")
                    assert await viewer.receive_bytes() == b"cba"
                else:
                    closed = await asyncio.wait_for(viewer.receive(), 5)
                    assert closed.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            await tasks.close()
            await runner.cleanup()
            outbox.close()


async def test_a_disk_that_is_full_at_home_ends_no_link(tmp_path, monkeypatch):
    monkeypatch.setattr("guardian.protocol.waits.FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("guardian.protocol.waits.LONGEST_WAIT_S", 0.2)
    async with relay(tmp_path) as one:
        outbox, exchange, tasks = home_and_stream(one, tmp_path)
        await until(lambda: exchange.connected)
        real = outbox.acknowledged

        def full(_):
            raise sqlite3.OperationalError("database or disk is full")

        outbox.acknowledged = full
        outbox.put(b"c" * 16, lambda serial: event(1, serial=serial))
        exchange.news()
        await until(lambda: "is full" in exchange.problem, "that it is said")
        outbox.acknowledged = real
        await until(lambda: outbox.waiting().events == 0, "everything")
        assert (await one.store.count(), exchange.connected) == (1, True)
        await tasks.close()
        outbox.close()


async def test_what_was_offered_into_a_dead_line_is_offered_again(tmp_path, monkeypatch):
    monkeypatch.setattr("guardian.protocol.waits.FIRST_WAIT_S", 0.05)
    async with relay(tmp_path) as one:
        outbox, exchange, tasks = home_and_stream(one, tmp_path, deliver=nothing)
        await until(lambda: exchange.connected)
        offers, real = [], one.clips.offered

        async def offered(offer):
            offers.append(offer.segment)
            return await real(offer) if len(offers) > 1 else None  # the first goes nowhere, as in a line that is cut

        one.clips.offered = offered
        exchange.send(link.FromEdge(offer=link.Offer(segment=b"1" * 16, camera=b"c" * 16, size=100, sealed=b"s")))
        await until(lambda: offers)
        one.service._down.put_nowait(link.FromRelay())  # the line ends
        await until(lambda: len(offers) == 2, "the offer again")
        assert set(offers) == {b"1" * 16}
        await tasks.close()
        outbox.close()


async def nothing(*_):
    return None


async def test_a_full_relay_and_clocks_that_are_apart_are_noticed(tmp_path):
    async with relay(tmp_path, heartbeat_s=1) as one:
        outbox, exchange, tasks = home_and_stream(one, tmp_path)
        await until(lambda: exchange.connected)
        beat = link.Heartbeat(time_ms=SystemClock().now().utc_us // 1000 - 3_600_000, full=True)
        one.service._heartbeat = lambda _: link.FromRelay(heartbeat=beat)
        await until(lambda: exchange.full, "that it is full")
        assert 3599 < exchange.clock_off_s < 3700
        await tasks.close()
        outbox.close()
