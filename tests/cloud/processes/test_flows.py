"""The cloud as people and relays meet it, over HTTP and gRPC. The same tests run on SQLite here, and (tests/e2e) on PostgreSQL, Redis and RabbitMQ."""

import asyncio
import base64
import os

import grpc
import pytest

from guardian.protocol.v1.control_pb2 import CameraState, Fleet, FromRelay
from guardian.protocol.v1.events_pb2 import Command, CommandDone, Telemetry
from tests.support.cloud_people import Relay, Stream, batch, event_id, make_event, next_of


async def home_of(owner):
    return (await owner.post("/tenants", {"name": "Home"}))["tenant"]


async def relay_of(started, owner, tenant, name="Relay"):
    made = await owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": name})
    return await Relay.enrol(owner.base, made["code"])


async def test_an_invited_person_joins_once(people):
    owner, guest, other = await people("olga"), await people("vera"), await people("nora")
    tenant = await home_of(owner)
    made = await owner.post(f"/tenants/{tenant}/invitations", {"role": "viewer", "note": "Vera"})
    assert (await owner.get(f"/tenants/{tenant}/invitations"))["items"][0]["note"] == "Vera"
    assert (await guest.ask("GET", f"/tenants/{tenant}"))[0] == 404
    assert (await guest.post("/invitations/accepted", {"word": made["word"]}))["role"] == "viewer"
    assert (await guest.get(f"/tenants/{tenant}"))["name"] == "Home"
    status, problem = await other.ask("POST", "/invitations/accepted", {"word": made["word"]})
    assert (status, problem["field"]) == (400, "word")
    assert (await owner.get(f"/tenants/{tenant}/invitations"))["items"] == []
    names = {one["name"]: one["role"] for one in (await owner.get(f"/tenants/{tenant}/members"))["items"]}
    assert names == {"Olga": "owner", "Vera": "viewer"}


async def test_of_two_who_use_one_invitation_at_once_one_joins(people):
    owner = await people("olga")
    tenant = await home_of(owner)
    word = (await owner.post(f"/tenants/{tenant}/invitations", {"role": "guest"}))["word"]
    rivals = [await people(one) for one in ("vera", "nora", "gus")]
    answers = await asyncio.gather(*(one.ask("POST", "/invitations/accepted", {"word": word}) for one in rivals))
    assert sorted(status for status, _ in answers) == [201, 400, 400]


async def test_a_home_keeps_an_owner(people):
    owner, admin = await people("olga"), await people("adam")
    tenant = await home_of(owner)
    word = (await owner.post(f"/tenants/{tenant}/invitations", {"role": "owner"}))["word"]
    await admin.post("/invitations/accepted", {"word": word})
    assert (await owner.ask("PATCH", f"/tenants/{tenant}/members/{admin.user}", {"role": "admin"}))[0] == 204
    assert (await owner.ask("DELETE", f"/tenants/{tenant}/me"))[0] == 409
    assert (await owner.ask("PATCH", f"/tenants/{tenant}/members/{owner.user}", {"role": "viewer"}))[0] == 409
    assert (await owner.get(f"/tenants/{tenant}"))["role"] == "owner"
    assert (await owner.ask("DELETE", f"/tenants/{tenant}/members/{admin.user}"))[0] == 204
    assert (await admin.ask("GET", f"/tenants/{tenant}"))[0] == 404


async def test_a_relay_joins_with_a_code_once_and_its_events_are_kept_once(started, people):
    owner = await people("olga")
    tenant = await home_of(owner)
    made = await owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": "Relay"})
    relay = await Relay.enrol(owner.base, made["code"])
    with pytest.raises(AssertionError, match="does not open"):
        await Relay.enrol(owner.base, made["code"])
    assert relay.tenant == tenant
    call, welcome = await relay.open()
    assert (welcome.acknowledged, welcome.heartbeat_s) == (0, 1)
    events = [make_event(number) for number in range(1, 6)]
    await call.write(batch(1, *events[:3]))
    assert (await next_of(call, "ack")).up_to == 3
    await call.write(batch(2, *events[1:]))  # the acknowledgement was lost on the way: it sends again
    assert (await next_of(call, "ack")).up_to == 5
    await relay.close()
    found = (await owner.get(f"/tenants/{tenant}/events"))["items"]
    assert [one["event"] for one in found] == [one.id.hex() for one in reversed(events)]
    assert found[0]["kind"] == "alert"
    async with owner.http.get(f"{owner.base}/api/v1/tenants/{tenant}/events/{found[0]['event']}/sealed") as answer:
        assert await answer.read() == events[-1].sealed
    call, welcome = await relay.open()
    assert welcome.acknowledged == 5
    await relay.close()


async def test_malformed_events_hold_up_nothing(started, people):
    owner = await people("olga")
    tenant = await home_of(owner)
    relay = await relay_of(started, owner, tenant)
    call, _ = await relay.open()
    good, same = make_event(1), event_id()
    wrong = [
        make_event(2, id=b"short"),
        make_event(2, id=b"\0" * 16),
        make_event(2, camera=b"c"),
        make_event(2, kind=9),
        make_event(2, size=0),
        make_event(2, sealed=os.urandom(70_000)),
        make_event((1 << 63) + 1),
    ]
    await call.write(batch(1, *wrong, good, make_event(3, id=same), make_event(3, id=same)))
    assert (await next_of(call, "ack")).up_to == 10
    assert len((await owner.get(f"/tenants/{tenant}/events"))["items"]) == 2
    await call.write(batch(0, good))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await next_of(call, "ack")
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    await relay.close()


async def test_a_denied_relay_is_out_at_once_and_for_good(started, people):
    owner = await people("olga")
    tenant = await home_of(owner)
    relay = await relay_of(started, owner, tenant)
    call, _ = await relay.open()
    assert (await owner.ask("DELETE", f"/tenants/{tenant}/devices/{relay.device}"))[0] == 204
    async with asyncio.timeout(10):  # by the word of it, without waiting for anything; a busy machine takes a while
        assert await call.code() == grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await relay.open()
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await relay.renew()
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert (await owner.get(f"/tenants/{tenant}/devices"))["items"][0]["state"] == "denied"
    await relay.close()


async def test_a_certificate_is_renewed_while_the_stream_goes_on(started, people):
    owner = await people("olga")
    tenant = await home_of(owner)
    relay = await relay_of(started, owner, tenant)
    call, _ = await relay.open()
    second = Relay(relay.control, relay.root, relay.key, relay.chain, relay.device, tenant)
    await second.renew()
    assert second.chain[0] != relay.chain[0]
    await call.write(batch(1, make_event()))
    assert (await next_of(call, "ack")).up_to == 1
    newer, welcome = await second.open()
    assert welcome.acknowledged == 1
    assert await call.code() == grpc.StatusCode.ABORTED  # of one device one stream lives: the newer
    await newer.write(batch(2, make_event(2)))
    assert (await next_of(newer, "ack")).up_to == 2
    await relay.close()
    await second.close()


async def test_what_a_relay_says_is_of_the_tenant_of_its_certificate(started, people):
    first, second = await people("olga"), await people("otto")
    mine, theirs = await home_of(first), await home_of(second)
    relay = await relay_of(started, first, mine)
    call, _ = await relay.open()
    shared = make_event()
    await call.write(batch(1, shared))
    await next_of(call, "ack")
    other = await relay_of(started, second, theirs)
    call2, _ = await other.open()
    await call2.write(batch(1, shared))  # the same id in another home is another event
    await next_of(call2, "ack")
    assert len((await first.get(f"/tenants/{mine}/events"))["items"]) == 1
    assert len((await second.get(f"/tenants/{theirs}/events"))["items"]) == 1
    assert (await first.ask("GET", f"/tenants/{theirs}/events"))[0] == 404
    assert (await first.ask("DELETE", f"/tenants/{mine}/devices/{other.device}"))[0] == 404
    await relay.close()
    await other.close()


async def test_the_fleets_state_is_known(started, people):
    owner = await people("olga")
    tenant = await home_of(owner)
    relay = await relay_of(started, owner, tenant)
    call, _ = await relay.open("1.2.3")
    async with Stream(owner, tenant) as stream:
        readings = {"uptime_s": 5, "what_it_saw": 3}
        cameras = [
            CameraState(camera=b"c" * 16, state="recording", sealed=b"x"),
            CameraState(camera=b"d" * 16, state="naked"),
        ]
        await call.write(
            FromRelay(fleet=Fleet(time_s=1, edge_connected=True, edge=Telemetry(readings=readings), cameras=cameras))
        )
        await stream.next("fleet")
    one = (await owner.get(f"/tenants/{tenant}/devices"))["items"][0]
    assert (one["state"], one["version"], one["edge_connected"]) == ("connected", "1.2.3", True)
    assert one["readings"]["edge"] == {"uptime_s": 5.0}
    assert one["cameras"] == {(b"c" * 16).hex(): "recording"}
    await relay.close()
    for _ in range(100):
        one = (await owner.get(f"/tenants/{tenant}/devices"))["items"][0]
        if one["state"] == "away":
            break
        await asyncio.sleep(0.05)
    assert one["state"] == "away"


async def test_a_command_goes_down_as_it_came_and_its_end_comes_up(started, people):
    owner = await people("olga")
    tenant = await home_of(owner)
    relay = await relay_of(started, owner, tenant)
    now_ms = started.cloud.clock.now().utc_us // 1000
    sent = Command(
        id=event_id(), issued_ms=now_ms, expires_ms=now_ms + 60_000, verb="reload", body=b"{}", signature=b"s" * 64
    )
    body = {"device": relay.device, "message": base64.b64encode(sent.SerializeToString()).decode()}
    made = await owner.post(f"/tenants/{tenant}/commands", body, expect=202)
    assert (made["verb"], made["state"]) == ("reload", "waiting")
    assert (await owner.ask("POST", f"/tenants/{tenant}/commands", body))[0] == 409
    call, _ = await relay.open()  # it waited while the relay was away
    assert await next_of(call, "command") == sent
    second = Command(id=event_id(), issued_ms=now_ms, expires_ms=now_ms + 60_000, verb="status")
    body["message"] = base64.b64encode(second.SerializeToString()).decode()
    await owner.post(f"/tenants/{tenant}/commands", body, expect=202)
    assert await next_of(call, "command") == second
    await call.write(FromRelay(done=CommandDone(id=sent.id, ok=False, code="not_signed", message="the front door's camera")))
    for _ in range(100):
        found = await owner.get(f"/tenants/{tenant}/commands/{made['command']}")
        if found["state"] != "waiting":
            break
        await asyncio.sleep(0.05)
    assert (found["state"], found["code"]) == ("failed", "not_signed")
    stale = Command(id=event_id(), issued_ms=1, expires_ms=now_ms - 1, verb="status")
    body["message"] = base64.b64encode(stale.SerializeToString()).decode()
    assert (await owner.ask("POST", f"/tenants/{tenant}/commands", body))[0] == 400
    await relay.close()


async def test_a_stream_hears_what_comes_and_replays_what_it_missed(started, people):
    owner, stranger = await people("olga"), await people("otto")
    tenant, other = await home_of(owner), await home_of(stranger)
    relay = await relay_of(started, owner, tenant)
    call, _ = await relay.open()
    async with Stream(owner, tenant) as stream, Stream(stranger, other) as foreign:
        events = [make_event(number) for number in range(1, 4)]
        for number, one in enumerate(events, 1):
            await call.write(batch(number, one))
            await next_of(call, "ack")
        heard = [await stream.next() for _ in events]
        assert [one[2]["event"] for one in heard] == [one.id.hex() for one in events]
        assert foreign.events.empty()
    later = [make_event(number) for number in range(4, 7)]
    await call.write(batch(4, *later))
    await next_of(call, "ack")
    async with Stream(owner, tenant, last=heard[1][1]) as stream:
        again = [await stream.next() for _ in range(4)]
        assert [one[2]["event"] for one in again] == [one.id.hex() for one in [events[2], *later]]
        await call.write(batch(7, make_event(7)))
        assert (await stream.next())[1] > again[-1][1]
    await relay.close()


async def test_the_audit_log_tells_and_is_whole(started, people):
    owner = await people("olga")
    tenant = await home_of(owner)
    relay = await relay_of(started, owner, tenant)
    await owner.ask("DELETE", f"/tenants/{tenant}/devices/{relay.device}")
    page = await owner.get(f"/tenants/{tenant}/audit")
    assert [one["action"] for one in page["items"]] == [
        "device.denied",
        "relay.enrolled",
        "code.made_for_relay",
        "tenant.made",
    ]
    assert page["items"][0]["actor"] == owner.user
    assert page["items"][0]["origin"] == "127.0.0.0/24"
    checked = await owner.get(f"/tenants/{tenant}/audit/check")
    assert (checked["entries"], checked["whole"], checked["head"]) == (4, True, page["items"][0]["digest"])


async def test_a_request_without_a_fit_key_uses_up_no_code(started, people):
    owner = await people("olga")
    tenant = await home_of(owner)
    code = (await owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": "Relay"}))["code"]
    status, problem = await owner.ask(
        "POST", "/enrolments", {"code": code, "certificate_request": base64.b64encode(b"no").decode()}
    )
    assert (status, problem["field"]) == (400, "certificate_request")
    assert (await Relay.enrol(owner.base, code)).tenant == tenant


async def test_two_relays_at_once_and_no_listener_misses_or_hears_twice(started, people):
    owner = await people("olga")
    tenant = await home_of(owner)
    relays = [await relay_of(started, owner, tenant, f"Relay {number}") for number in range(2)]
    sent = [[make_event(number) for number in range(1, 31)] for _ in relays]

    async def send(relay, events):
        call, _ = await relay.open()
        for number, one in enumerate(events, 1):
            await call.write(batch(number, one))
        while (await next_of(call, "ack")).up_to < len(events):
            pass

    async with Stream(owner, tenant) as stream, Stream(owner, tenant, last=0) as from_the_start:
        await asyncio.gather(*(send(*one) for one in zip(relays, sent, strict=True)))
        for listener in (stream, from_the_start):
            heard = [await listener.next() for _ in range(60)]
            numbers = [one[1] for one in heard]
            assert numbers == sorted(set(numbers))
            assert {one[2]["event"] for one in heard} == {one.id.hex() for events in sent for one in events}
    for relay in relays:
        await relay.close()
