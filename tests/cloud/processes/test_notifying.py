"""From a relay's event to a browser's push and a mail, over a real push protocol and a real mail server."""

import asyncio
import base64
import json
import os
import re
import uuid

import pytest
from aiosmtpd.controller import Controller
from guardian_cloud.index import happenings
from guardian_cloud.processes.cloud import running
from guardian_cloud.settings.schema import Mail, Push
from pydantic import SecretStr

from guardian.protocol.v1.events_pb2 import Push as WirePush
from tests.cloud.conftest import complete
from tests.support.cloud_people import Browser, Relay, batch, make_event, next_of
from tests.support.postgres import free_port
from tests.support.push_service import PushService

MEMBER = b"m" * 16


class Mailbox:
    def __init__(self):
        self.got = []
        self.refuse = 0

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            self.refuse -= 1
            return "451 later"
        self.got.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
async def push_service():
    one = await PushService().start()
    yield one
    await one.stop()


@pytest.fixture
def mailbox():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    box.port = controller.port
    yield box
    controller.stop()


@pytest.fixture
async def started(settings, provider, push_service, mailbox):
    mail = Mail(host="127.0.0.1", port=mailbox.port, security="none", sender="guardian@example.org", password=SecretStr(""))
    push = Push(contact="mailto:operator@example.org", hosts=(f"http://127.0.0.1:{push_service.port}",))
    async with running(complete(settings, provider, mail=mail, push=push)) as found:
        yield found


async def until(true, seconds=20):
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


async def left(started, tenant):
    async with started.store.look(tenant) as connection:
        pushes = await happenings.pushes_of(connection, tenant, 0, 1 << 40)
    async with started.store.jobs() as connection:
        return len(pushes), await happenings.waiting_work(connection)


async def all_done(started, tenant):
    async with asyncio.timeout(20):
        while await left(started, tenant) != (0, 0):
            await asyncio.sleep(0.05)


@pytest.fixture
async def home(started, provider):
    owner = await Browser(f"http://127.0.0.1:{started.web_port}", provider, "olga").login()
    tenant = (await owner.post("/tenants", {"name": "Canary Villa"}))["tenant"]
    code = (await owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": "Relay"}))["code"]
    relay = await Relay.enrol(owner.base, code)
    call, _ = await relay.open()
    yield owner, tenant, call
    await relay.close()
    await owner.close()


async def test_what_the_home_sealed_arrives_as_it_was_and_a_mail_says_nothing(started, home, push_service, mailbox):
    owner, tenant, call = home
    await owner.post(f"/tenants/{tenant}/subscriptions", push_service.subscription("phone", MEMBER))
    assert (await owner.ask("PUT", f"/tenants/{tenant}/me/mail", {"mail": True}))[0] == 204
    sealed = os.urandom(2672)
    await call.write(
        batch(1, make_event(push=[WirePush(member=MEMBER, sealed=sealed), WirePush(member=b"n" * 16, sealed=b"x")]))
    )
    await next_of(call, "ack")
    await until(lambda: push_service.got and mailbox.got)
    assert [(who, plain) for who, plain, _ in push_service.got] == [("phone", sealed)]
    receivers, text = mailbox.got[0]
    assert receivers == ["olga@example.org"]
    assert "Subject: Guardian: something happened" in text
    for word in ("Canary", "Villa", tenant, "camera:", "person", (b"c" * 16).hex()):
        assert word not in text
    await all_done(started, tenant)
    await call.write(batch(2, make_event(2), make_event(3, kind=2)))
    await next_of(call, "ack")
    await all_done(started, tenant)
    assert len(mailbox.got) == 1  # quiet for a while


async def test_a_phone_is_brought_in_and_out_by_the_console(started, home, push_service):
    owner, tenant, call = home
    page = (await owner.page(f"/t/{tenant}/phone"))[1]
    text = re.search(r"guardian-cloud:([\w-]+)", page)[1]
    told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert told["key"] == (await owner.get("/push/key"))["key"]
    assert told["page"].endswith(f"/t/{tenant}/phone")
    value = json.dumps(push_service.subscription("phone", MEMBER)).encode()
    shown = "guardian-push:" + base64.urlsafe_b64encode(value).decode().rstrip("=")
    owner.csrf, csrf = "wrong", owner.csrf
    assert (await owner.page(f"/t/{tenant}/phone", {"push": shown}))[0] == 403
    owner.csrf = csrf
    assert "not what the phone shows" in (await owner.page(f"/t/{tenant}/phone", {"push": "hello"}))[1]
    page = (await owner.page(f"/t/{tenant}/phone", {"push": shown}))[1]
    assert "Done." in page
    assert MEMBER.hex()[:8] in page
    sealed = os.urandom(2672)
    await call.write(batch(1, make_event(push=[WirePush(member=MEMBER, sealed=sealed)])))
    await next_of(call, "ack")
    await until(lambda: push_service.got)
    assert push_service.got[0][1] == sealed
    one = re.search(r"/phone/([^/]+)/forget", page)[1]
    page = (await owner.page(f"/t/{tenant}/phone/{one}/forget", {}))[1]
    assert MEMBER.hex()[:8] not in page


async def test_what_fails_is_tried_again_and_a_browser_that_is_gone_is_forgotten(started, home, push_service, mailbox):
    owner, tenant, call = home
    await owner.post(f"/tenants/{tenant}/subscriptions", push_service.subscription("phone", MEMBER))
    push_service.answers = [503, 429]
    await call.write(batch(1, make_event(push=[WirePush(member=MEMBER, sealed=b"first")])))
    await next_of(call, "ack")
    await until(lambda: push_service.got)
    assert push_service.tried == 3
    await all_done(started, tenant)
    push_service.answers = [410]
    await call.write(batch(2, make_event(2, push=[WirePush(member=MEMBER, sealed=b"second")])))
    await next_of(call, "ack")
    await until(lambda: push_service.tried == 4)
    await all_done(started, tenant)
    await call.write(batch(3, make_event(3, push=[WirePush(member=MEMBER, sealed=b"third")])))
    await next_of(call, "ack")
    await all_done(started, tenant)
    assert [plain for _, plain, _ in push_service.got] == [b"first"]
    assert push_service.tried == 4


async def test_who_was_put_out_is_pushed_to_no_more(started, home, push_service, provider):
    owner, tenant, call = home
    word = (await owner.post(f"/tenants/{tenant}/invitations", {"role": "viewer"}))["word"]
    vera = await Browser(owner.base, provider, "vera").login()
    await vera.post("/invitations/accepted", {"word": word})
    await vera.post(f"/tenants/{tenant}/subscriptions", push_service.subscription("hers", MEMBER))
    await owner.ask("DELETE", f"/tenants/{tenant}/members/{vera.user}")
    await call.write(batch(1, make_event(push=[WirePush(member=MEMBER, sealed=b"secret")])))
    await next_of(call, "ack")
    await all_done(started, tenant)
    assert push_service.tried == 0
    await vera.close()


async def test_only_push_services_of_the_operators_list_are_called(started, home, push_service):
    owner, tenant, _ = home
    good = push_service.subscription("phone", MEMBER)
    for endpoint in (
        "http://127.0.0.1:1/push/x",
        "https://169.254.169.254/latest",
        f"http://127.0.0.1:{push_service.port}@evil.example/",
        "https://fcm.googleapis.com.evil.example/x",
        "file:///etc/passwd",
        "https://[::1",
    ):
        status, problem = await owner.ask("POST", f"/tenants/{tenant}/subscriptions", {**good, "endpoint": endpoint})
        assert (status, problem["field"]) == (400, "endpoint"), endpoint
    for field, value in (("p256dh", "AAAA"), ("auth", "AAAA"), ("member", "00")):
        status, problem = await owner.ask("POST", f"/tenants/{tenant}/subscriptions", {**good, field: value})
        assert (status, problem["field"]) == (400, field)
    made = await owner.post(f"/tenants/{tenant}/subscriptions", good)
    assert (await owner.ask("DELETE", f"/tenants/{tenant}/subscriptions/{uuid.uuid4()}"))[0] == 404
    assert (await owner.ask("DELETE", f"/tenants/{tenant}/subscriptions/{made['subscription']}"))[0] == 204


async def test_what_waited_while_we_were_away_goes_out_afterwards(settings, provider, push_service, mailbox):
    push = Push(contact="mailto:operator@example.org", hosts=(f"http://127.0.0.1:{push_service.port}",))
    whole = complete(settings, provider, push=push)
    async with running(whole) as first:
        owner = await Browser(f"http://127.0.0.1:{first.web_port}", provider, "olga").login()
        tenant = (await owner.post("/tenants", {"name": "Home"}))["tenant"]
        await owner.post(f"/tenants/{tenant}/subscriptions", push_service.subscription("phone", MEMBER))
        code = (await owner.post(f"/tenants/{tenant}/devices/codes", {"role": "relay", "name": "Relay"}))["code"]
        relay = await Relay.enrol(owner.base, code)
        push_service.answers = [503]
        call, _ = await relay.open()
        await call.write(batch(1, make_event(push=[WirePush(member=MEMBER, sealed=b"late")])))
        await next_of(call, "ack")
        await until(lambda: push_service.tried == 1)
        await relay.close()
        await owner.close()
    assert push_service.got == []
    async with running(whole) as second:
        await until(lambda: push_service.got)
        await all_done(second, tenant)
    assert [plain for _, plain, _ in push_service.got] == [b"late"]
