"""What the cloud knows of a home itself: the home's own word for its keys, verified and never made here; how it was; what it was asked."""

import asyncio
import time

import pytest

from guardian.model.command import REASONS
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.protocol.v1.control_pb2 import Fleet, FromRelay
from guardian.protocol.v1.events_pb2 import CommandDone, Plugin, Telemetry
from tests.support.cloud_people import Relay, next_of
from tests.support.relay import Home

PHONE = {"subject": b"p" * 16, "role": trust.ROLE_MEMBER, "signing_key": b"s" * 32, "sealing_key": b"h" * 1216}


@pytest.fixture
async def fleet(started, people):
    """An owner, their tenant, and a relay with a stream."""
    owner = await people("olga")
    tenant = (await owner.post("/tenants", {"name": "Home"}))["tenant"]
    made = await owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": "Relay"})
    relay = await Relay.enrol(owner.base, made["code"])
    call, _ = await relay.open()
    yield owner, tenant, relay, call
    await relay.close()


async def until(look, wanted):
    for _ in range(100):
        found = await look()
        if wanted(found):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


def looking(owner, tenant):
    async def look():
        return (await owner.get(f"/tenants/{tenant}/devices"))["items"][0]

    return look


async def test_what_the_homes_key_has_signed_is_shown_and_nothing_else(fleet):
    owner, tenant, _, call = fleet
    home, stranger = Home(), Home()
    await call.write(FromRelay(statement=home.edge_statement(1)))
    await call.write(FromRelay(statement=home.state(number=5, **PHONE)))
    forged = trust.Signed(body=home.state(number=9, **PHONE).body, signature=stranger.key.sign(b"x"))
    for one in (
        forged,
        trust.Signed(body=b"\xff", signature=b"s" * 64),
        stranger.state(number=7, **PHONE),  # its own word, of its own home: not of this one
        home.state(number=4, **PHONE),
        home.edge_statement(1, subject=b"x" * 16, role=trust.ROLE_UNSPECIFIED),
    ):
        await call.write(FromRelay(statement=one))
    await call.write(FromRelay(fleet=Fleet(time_s=1, home=home.public)))
    one = await until(looking(owner, tenant), lambda one: one["home"])
    assert one["home"] == home.public.hex()
    assert [(each["role"], each["number"], each["revoked"]) for each in one["statements"]] == [
        ("edge", 1, False), ("member", 5, False),
    ]  # fmt: skip
    await call.write(FromRelay(statement=home.state(subject=b"p" * 16, role=trust.ROLE_MEMBER, number=6, revoked=True)))
    await until(looking(owner, tenant), lambda one: [each["revoked"] for each in one["statements"]] == [False, True])
    actions = [one["action"] for one in (await owner.get(f"/tenants/{tenant}/audit"))["items"]]
    assert actions[0] == "home.took_out_member"
    assert actions.count("home.signed_member") == 2  # of both homes, once each
    page = (await owner.page(f"/t/{tenant}"))[1]
    assert "Signed by the home" in page
    assert "taken out" in page


async def test_a_relay_that_makes_up_members_fills_no_disk(fleet, monkeypatch):
    monkeypatch.setattr("guardian_cloud.services.homes.MOST_STATEMENTS", 3)
    owner, tenant, _, call = fleet
    home = Home()
    for number in range(1, 7):
        await call.write(FromRelay(statement=home.state(number=number, **(PHONE | {"subject": bytes([number]) * 16}))))
    await call.write(FromRelay(fleet=Fleet(time_s=1, home=home.public)))
    one = await until(looking(owner, tenant), lambda one: one["home"])
    assert [each["number"] for each in one["statements"]] == [1, 2, 3]


async def test_versions_and_plugins_are_words_and_health_has_its_time(fleet):
    owner, tenant, relay, call = fleet
    now_s = int(time.time())
    plugins = [Plugin(name="plates", state="running"), Plugin(name="<b>", state="running"), Plugin(name="x" * 99, state="y")]
    past = [
        Telemetry(time_s=now_s - 3600 + 10, readings={"cameras": 1, "who": 5}),
        Telemetry(time_s=now_s - 3600 + 11, readings={"cameras": 2}),
        Telemetry(time_s=now_s - 90 * 86_400, readings={"cameras": 3}),
        Telemetry(time_s=now_s + 90 * 86_400, readings={"cameras": 4}),
    ]
    said = Fleet(time_s=1, home=b"h" * 32, edge_version="1.2\x00<", plugins=plugins, other_plugins=2, edge_past=past)
    for _ in range(2):  # the acknowledgement of a stream is lost: it is told again
        await call.write(FromRelay(fleet=said))
    one = await until(looking(owner, tenant), lambda one: one["plugins"])
    assert (one["plugins"], one["other_plugins"], one["edge_version"]) == ({"plates": "running"}, 2, "1.2<")

    async def look():
        return (await owner.get(f"/tenants/{tenant}/devices/{relay.device}/health?hours=2"))["items"]

    found = await until(look, lambda found: found)
    assert sum(one["readings"].get("cameras", 0) for one in found) in (2, 3), "the newest of each five minutes"
    assert all(set(one["readings"]) == {"cameras"} for one in found)
    assert (await owner.ask("GET", f"/tenants/{tenant}/devices/{relay.device}/health?hours=0"))[0] == 400


async def test_the_cloud_makes_what_needs_no_signature_and_says_why_others_failed(fleet):
    owner, tenant, relay, call = fleet
    body = {"device": relay.device, "verb": "ping"}
    status, problem = await owner.ask("POST", f"/tenants/{tenant}/commands", body)
    assert (status, "guardian relay join" in problem["cure"]) == (409, True)
    await call.write(FromRelay(fleet=Fleet(time_s=1, home=b"h" * 32)))
    await until(looking(owner, tenant), lambda one: one["home"])
    made = await owner.post(f"/tenants/{tenant}/commands", body, expect=202)
    command = await next_of(call, "command")
    assert (command.verb, command.home, command.signature) == ("ping", b"h" * 32, b"")
    await call.write(FromRelay(done=CommandDone(id=command.id, ok=False, code="busy", message="the front door")))

    async def look():
        return (await owner.get(f"/tenants/{tenant}/commands"))["items"][0]

    found = await until(look, lambda one: one["state"] != "waiting")
    assert (found["command"], found["state"], found["reason"], found["signed"]) == (
        made["command"], "failed", REASONS["busy"], False,
    )  # fmt: skip
    page = (await owner.page(f"/t/{tenant}"))[1]
    assert REASONS["busy"] in page
    assert "front door" not in page
    for form, words in [
        ({"verb": "report"}, ""),
        ({"message": "n.o"}, "no signed command"),
        ({"message": "AAAA"}, "no Command"),
        ({"verb": "set"}, "without a signature"),
    ]:
        status, page = await owner.page(f"/t/{tenant}/ask", {"device": relay.device, **form})
        assert status == 200
        assert words in page
    assert (await next_of(call, "command")).verb == "report"
