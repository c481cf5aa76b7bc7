"""The link inside the tunnel: who may speak, what is acknowledged when, and what never gets further."""

import asyncio

import grpc
import pytest
from guardian_relay.errors import Unkept
from guardian_relay.link import address_of

from guardian.protocol.trust import make_tunnel_key, read_tunnel_key
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.protocol.wireguard import public_key
from tests.relay.bench import expect, hello, relay
from tests.support.relay import Home, event


def batch(first, *numbers, **fields):
    return link.FromEdge(events=events.EventBatch(first=first, events=[event(n, **fields) for n in numbers]))


async def test_events_are_acknowledged_once_they_are_kept(tmp_path):
    async with relay(tmp_path) as one:
        call, welcome = await hello(one)
        assert (welcome.acknowledged, welcome.heartbeat_s) == (0, 30)
        await call.write(batch(5, 5, 6, 7))
        assert (await expect(call, "ack")).up_to == 7
        assert await one.store.count() == 3
        call.cancel()
        call, welcome = await hello(one)
        assert welcome.acknowledged == 7
        await call.write(batch(6, 6, 7, 8))  # a break: some come again
        assert (await expect(call, "ack")).up_to == 8
        assert await one.store.count() == 4
        call.cancel()


async def test_who_is_not_the_edge_gets_nothing(tmp_path):
    async with relay(tmp_path, edge_address="fd00::2") as one:
        for call in (one.stub.Exchange(), one.stub.Deliver(), one.stub.View()):
            assert await call.code() is grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(grpc.aio.AioRpcError, match="PERMISSION_DENIED"):
            await one.stub.Rotate(link.RotateRequest())


async def test_an_edge_that_the_home_has_taken_out_gets_nothing(tmp_path):
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        await call.write(link.FromEdge(statement=one.home.edge_statement(2, revoked=True)))
        for _ in range(100):
            if one.told.statements:
                break
            await asyncio.sleep(0.02)
        call.cancel()
        assert await one.stub.Exchange().code() is grpc.StatusCode.PERMISSION_DENIED


async def test_another_edge_in_the_same_place_is_refused(tmp_path):
    async with relay(tmp_path) as one:
        call = one.stub.Exchange()
        await call.write(link.FromEdge(hello=link.Hello(edge=b"z" * 16)))
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_welcome_is_first_however_slow_the_store_is(tmp_path, monkeypatch):
    async with relay(tmp_path) as one:
        real = one.store.edge_up_to

        async def slow():
            await asyncio.sleep(0.3)  # some heartbeats of this clock, and a viewer's call
            one.service.send(link.FromRelay(call=link.Call(ticket=1)))
            return await real()

        monkeypatch.setattr(one.store, "edge_up_to", slow)
        call = one.stub.Exchange()
        await call.write(link.FromEdge(hello=link.Hello(edge=one.home.edge)))
        assert (await call.read()).WhichOneof("what") == "welcome"
        call.cancel()


async def test_a_newer_stream_takes_the_place_of_the_older_one(tmp_path):
    async with relay(tmp_path) as one:
        old, _ = await hello(one)
        new, _ = await hello(one)
        while await old.read() is not grpc.aio.EOF:
            pass
        await new.write(batch(1, 1))
        assert (await expect(new, "ack")).up_to == 1
        assert one.edge.connected
        new.cancel()


@pytest.mark.parametrize(
    "fields",
    [
        {"id": b"short"},
        {"camera": b"front door"},  # no id that means nothing
        {"kind": events.KIND_CLASS_UNSPECIFIED},
        {"sealed": b"person at the front door"},
        {"sealed": bytes(4097)},
        {"size": events.SIZE_CLASS_UNSPECIFIED},
        {"push": [events.Push(member=b"m" * 16, sealed=bytes(4097))]},
        {"push": [events.Push(member=b"m" * 16)] * 17},
    ],
)
async def test_an_event_of_another_shape_goes_no_further_and_stops_none(tmp_path, fields):
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        both = link.FromEdge(events=events.EventBatch(first=1, events=[event(1, **fields), event(2)]))
        await call.write(both)
        assert (await expect(call, "ack")).up_to == 2
        assert (await one.store.count(), one.service.refused_events) == (1, 1)
        call.cancel()


async def test_telemetry_is_cut_to_the_list(tmp_path):
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        said = events.Telemetry(time_s=1, readings={"cameras": 2, "persons at home": 3})
        await call.write(link.FromEdge(telemetry=said))
        await call.write(batch(1, 1))
        await expect(call, "ack")
        assert dict(one.edge.telemetry.readings) == {"cameras": 2.0}
        call.cancel()


async def test_the_homes_statements_are_kept_and_nobody_elses(tmp_path):
    async with relay(tmp_path) as one:
        call, welcome = await hello(one)
        assert welcome.statements_sha256 == one.service.said.digest()
        phone = {
            "subject": b"p" * 16,
            "role": trust.ROLE_MEMBER,
            "number": 5,
            "signing_key": b"s" * 32,
            "sealing_key": b"h" * 1216,
        }
        await call.write(link.FromEdge(statement=Home().state(**phone)))  # another home's
        await call.write(link.FromEdge(statement=one.home.state(**phone)))
        await call.write(batch(1, 1))
        await expect(call, "ack")
        assert [trust.Statement.FromString(s.body).number for s in one.told.statements] == [5]
        kept = await one.join_store.statements(one.home.public)
        assert kept.of(b"p" * 16, trust.ROLE_MEMBER, 0).sealing_key == b"h" * 1216
        call.cancel()


async def test_keys_rotate_by_the_edges_own_word(tmp_path):
    async with relay(tmp_path) as one:
        new = make_tunnel_key(one.home.public, one.home.edge, 1, b"n" * 32, one.home.signing.sign)
        reply = await one.stub.Rotate(link.RotateRequest(edge=new, preshared_key=b"w" * 32))
        said = trust.Statement(
            home=one.home.public,
            subject=one.identity.subject,
            signing_key=one.identity.signing.public_key().public_bytes_raw(),
        )
        key = read_tunnel_key(reply.relay, said, 1)
        for _ in range(100):
            if one.tunnel.done:
                break
            await asyncio.sleep(0.02)
        current = one.tunnel.keys.current
        assert (current.number, current.peer, current.preshared) == (1, b"n" * 32, b"w" * 32)
        assert public_key(current.private) == key


@pytest.mark.parametrize("who", ["stranger", "number", "none"])
async def test_a_rotation_that_is_not_the_edges_next_changes_nothing(tmp_path, who):
    async with relay(tmp_path) as one:
        key = Home().signing if who == "stranger" else one.home.signing
        signed = make_tunnel_key(one.home.public, one.home.edge, 2 if who == "number" else 1, b"n" * 32, key.sign)
        request = link.RotateRequest(edge=signed if who != "none" else None, preshared_key=b"w" * 32)
        with pytest.raises(grpc.aio.AioRpcError, match="INVALID_ARGUMENT"):
            await one.stub.Rotate(request)
        assert one.tunnel.promised == []


async def test_a_silent_edge_is_hung_up_on(tmp_path):
    async with relay(tmp_path, heartbeat_s=1) as one:
        call, _ = await hello(one)
        assert (await call.read()).WhichOneof("what") == "heartbeat"
        one.clock.ms += 4000
        while (answer := await call.read()) is not grpc.aio.EOF:
            assert answer.WhichOneof("what") == "heartbeat"
        assert not one.edge.connected


async def test_a_relay_that_ends_says_when_to_come_back(tmp_path):
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        one.service.end_stream()
        last = None
        while (answer := await call.read()) is not grpc.aio.EOF:
            last = answer
        assert last.heartbeat.retry_after_s == 1


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv6:%5Bfd00::2%5D:4711", "fd00::2"),
        ("ipv6:[fd00:0:0::2]:1", "fd00::2"),
        ("ipv4:127.0.0.1:1", "127.0.0.1"),
        ("unix:/tmp/x", None),
        ("ipv6:nonsense", None),
    ],
)
def test_who_calls_is_read_from_grpcs_words(peer, address):
    assert (str(address_of(peer)) if address else address_of(peer)) == address


async def clip(one, call, segment, data, offered=None):
    offer = link.Offer(segment=segment, camera=b"c" * 16, time_s=segment[0], size=offered or len(data), sealed=b"header")
    await call.write(link.FromEdge(offer=offer))
    return await expect(call, "fetch")


async def test_a_clip_is_fetched_and_resumed_where_it_broke_off(tmp_path):
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        data = bytes(range(256)) * 400
        fetch = await clip(one, call, b"1" * 16, data)
        assert (fetch.segment, fetch.offset) == (b"1" * 16, 0)
        await one.stub.Deliver(iter([link.Piece(ticket=fetch.ticket, data=data[:50_000])]))
        call.cancel()
        call, _ = await hello(one)
        fetch = await expect(call, "fetch")
        assert fetch.offset == 50_000
        delivered = await one.stub.Deliver(iter([link.Piece(ticket=fetch.ticket, data=data[50_000:])]))
        assert delivered.received == len(data) - 50_000
        assert one.clips.path(b"1" * 16).read_bytes() == data
        assert await one.clips.wanted() == []
        call.cancel()


async def test_a_clip_whose_last_word_was_lost_is_whole_at_the_next_greeting(tmp_path):
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        fetch = await clip(one, call, b"1" * 16, bytes(1000))

        async def full(_):
            raise Unkept("the store's disk is full")

        real, one.clips._index.whole = one.clips._index.whole, full
        await one.stub.Deliver(iter([link.Piece(ticket=fetch.ticket, data=bytes(1000))]))
        one.clips._index.whole = real
        assert len(await one.clips._index.incomplete()) == 1
        assert await one.clips.wanted() == []
        assert await one.clips._index.incomplete() == []


async def test_a_disk_that_is_short_keeps_room_for_events(tmp_path, monkeypatch):
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        fetch = await clip(one, call, b"1" * 16, bytes(1000))
        await one.stub.Deliver(iter([link.Piece(ticket=fetch.ticket, data=bytes(1000))]))
        monkeypatch.setattr("guardian_relay.clips.RESERVE_BYTES", 1 << 60)
        monkeypatch.setattr("guardian_relay.clips.RESERVE_SHARE", 1.0)
        offer = link.Offer(segment=b"2" * 16, camera=b"c" * 16, size=1000, sealed=b"s")
        assert await one.clips.offered(offer) is None
        assert await one.clips.usage() == (0, 0), "what was there has made room, and the new one does not come"


async def test_the_oldest_clips_make_room_and_archived_ones_first(tmp_path):
    async with relay(tmp_path, quota=250_000) as one:
        call, _ = await hello(one)
        for number in (1, 2):
            fetch = await clip(one, call, bytes([number]) * 16, bytes(100_000))
            await one.stub.Deliver(iter([link.Piece(ticket=fetch.ticket, data=bytes(100_000))]))
        await one.clips.archived(b"\x02" * 16)
        fetch = await clip(one, call, b"\x03" * 16, bytes(100_000))
        await one.stub.Deliver(iter([link.Piece(ticket=fetch.ticket, data=bytes(100_000))]))
        assert (one.clips.path(b"\x01" * 16).exists(), one.clips.path(b"\x02" * 16).exists()) == (True, False)
        await clip(one, call, b"\x04" * 16, bytes(100_000))
        assert not one.clips.path(b"\x01" * 16).exists()
        call.cancel()


async def test_more_than_was_offered_and_what_nobody_asked_for_is_not_kept(tmp_path):
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        fetch = await clip(one, call, b"1" * 16, bytes(1000))
        assert (await one.stub.Deliver(iter([link.Piece(ticket=fetch.ticket, data=bytes(1001))]))).received == 0
        assert not one.clips.path(b"1" * 16).exists()
        assert (await one.stub.Deliver(iter([link.Piece(ticket=99, data=b"x")]))).received == 0
        assert list((tmp_path / "clips").iterdir()) == []
        call.cancel()


async def test_of_the_inventory_words_are_taken_and_nothing_longer(tmp_path):
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        plugins = [events.Plugin(name=name, state="running") for name in ("plates", "<b>", "x" * 33, "")]
        cameras = [link.Camera(camera=b"c" * 16, state="off"), link.Camera(camera=b"short", state="off")]
        said = link.Inventory(cameras=cameras, version="2.0", plugins=plugins, other_plugins=3)
        await call.write(link.FromEdge(inventory=said))
        await call.write(batch(1, 1))
        await expect(call, "ack")
        assert [each.name for each in one.edge.plugins] == ["plates"]
        assert (one.edge.other_plugins, one.edge.version, len(one.edge.cameras)) == (3, "2.0", 1)
        assert one.told.reports == 1, "the cloud is told at once"
        call.cancel()


async def test_health_of_the_past_is_kept_by_its_time_and_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("guardian_relay.edge.MOST_PAST", 3)
    async with relay(tmp_path) as one:
        call, _ = await hello(one)
        for time_s in (3000, 3010, 600, 900, 1200):  # how it is now, and then what had waited
            sample = events.Telemetry(time_s=time_s, readings={"cameras": time_s}, past=time_s < 3000)
            await call.write(link.FromEdge(telemetry=sample))
        await call.write(batch(1, 1))
        await expect(call, "ack")
        assert one.edge.telemetry.time_s == 3010, "the past does not pass for now"
        assert {at: each.time_s for at, each in one.edge.past.items()} == {10: 3010, 3: 900, 4: 1200}
        call.cancel()
