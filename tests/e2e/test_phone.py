"""The owner's phone is told: its page makes the keys, home seals to them, the cloud pushes, and the service worker alone can read it.

Real are the page, the keys, the statement, the sealing, web push with its encryption and signature, and Chromium's service worker. The one
link that is not there is the push service of the browser's maker (tests/support/phone.py).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from guardian_cloud.push.web_push import Receiver, Sent, WebPush, ensure_key
from guardian_relay.gateway import Viewers, gateway_app
from guardian_relay.settings import GatewaySettings
from guardian_wireguard import devices

from guardian.platform.clock import SystemClock
from guardian.protocol.push import seal_push
from guardian.protocol.trust import STATEMENT_CONTEXT, Statements
from guardian.protocol.v1 import trust_pb2 as trust
from tests.support.browser import browser
from tests.support.phone import Phone
from tests.support.push_service import PushService

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
PICTURES = os.environ.get("GUARDIAN_TEST_PICTURES")
SMALL = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "color_scheme": "dark"}
WIDE = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
EVENT = {"id": "01a221f0-419b-7a5b-881d-deacce32a174", "label": "person", "start": "2026-11-28T11:35:38.475Z"}
CONSOLE = "https://cloud.example.org/t/0123/phone"


class Home:
    """What home does with a device: takes its text, signs it, seals to it."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.said, self.secrets = Statements(self.key.public_key().public_bytes_raw()), {}

    def add(self, text):
        one = devices.device_of(text)
        body = devices.adding(self.said, one, self.now_ms)
        self.said.accept(trust.Signed(body=body, signature=self.key.sign(STATEMENT_CONTEXT + body)))
        self.secrets[one.subject.hex()] = one.secret
        return one

    @property
    def now_ms(self):
        return SystemClock().now().utc_us // 1000

    def tell(self, event, camera):
        (push,) = devices.told(self.said, {"what": "start", "event": event}, camera, self.secrets, self.now_ms)
        return push.sealed


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway that serves the page, a cloud's web push and a push service, on a loop of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def do(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    async def start():
        runner = web.AppRunner(gateway_app(Viewers(), GatewaySettings()))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        service = await PushService().start()
        return runner, f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}", service

    folder = tmp_path_factory.mktemp("vapid")
    ensure_key(folder)
    runner, base, service = do(start())
    push = WebPush(folder, "mailto:operator@example.org", SystemClock())
    yield SimpleNamespace(base=base, service=service, push=push, do=do)
    for one in (push.close(), service.stop(), runner.cleanup()):
        do(one)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def picture(page, name):
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def from_text(word, text):
    assert text.startswith(word)
    letters = text.removeprefix(word)
    return json.loads(base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4)))


def of_console(key):
    value = json.dumps({"key": key, "page": CONSOLE}).encode()
    return "guardian-cloud:" + base64.urlsafe_b64encode(value).decode().rstrip("=")


def pushed(place, given, sealed):
    """The cloud pushes it; return the message as the browser gets it."""
    raw = {name: base64.urlsafe_b64decode(given[name] + "=" * (-len(given[name]) % 4)) for name in ("p256dh", "auth")}
    sent = place.do(place.push.send(Receiver(given["endpoint"], raw["p256dh"], raw["auth"]), sealed, os.urandom(8)))
    assert sent is Sent.DONE
    return place.service.texts[-1]


def test_a_phone_makes_keys_is_let_in_and_reads_alone_what_it_is_told(place):
    home = Home()
    with browser(**SMALL) as page:
        phone = Phone(page, place.base)
        assert page.is_visible("#unsigned"), "this build is signed by nobody"
        picture(page, "phone-make")
        device = home.add(phone.make_keys())
        page.click("#copy-device")
        assert page.evaluate("navigator.clipboard.readText()") == page.input_value("#device")
        page.click("summary")
        page.locator("#code svg").wait_for()
        picture(page, "phone-home")
        phone.subscribed_at(place.service)
        page.fill("#cloud", "guardian-cloud:rubbish")
        page.click("#subscribe button")
        page.locator("#problem", has_text="not the console's text").wait_for()
        page.fill("#cloud", of_console(place.push.public_key))
        page.click("#subscribe button")
        page.locator("#push").wait_for()
        picture(page, "phone-cloud")
        given = from_text("guardian-push:", page.input_value("#push"))
        assert given["member"] == device.subject.hex()
        assert page.get_attribute("#to-console", "href") == f"{CONSOLE}#{page.input_value('#push')}"
        with_ = page.evaluate("subscribedWith")
        assert with_["userVisibleOnly"] is True
        assert base64.urlsafe_b64encode(bytes(with_["key"])).decode().rstrip("=") == place.push.public_key

        text = pushed(place, given, home.tell(EVENT, "Front door"))
        assert "Front" not in text
        phone.deliver(text)
        (note,) = phone.shown()
        assert (note["title"], note["tag"], note["data"]) == ("Person", EVENT["id"], {"event": EVENT["id"]})
        assert note["body"].startswith("Front door, ")
        assert note["body"].endswith("(told late)")
        phone.deliver(text)
        assert phone.shown() == [note], "the same event does not ring twice"

        # what a relay or a cloud could make: it has all that the home has signed, and not the secret
        forged = seal_push({"what": "start", "label": "forged"}, device.subject, device.sealing_key, os.urandom(32))
        phone.deliver(base64.urlsafe_b64encode(forged).decode())
        unread = next(one for one in phone.shown(2) if one["tag"] == "unread")
        assert "could not read" in unread["body"]
        assert "orged" not in json.dumps(phone.shown(2))

        keys = phone.kept()
        assert {name: one["extractable"] for name, one in keys["tried"].items()} == {"x25519": False, "signing": False}
        assert {one[form] for one in keys["tried"].values() for form in ("raw", "jwk", "pkcs8")} == {"InvalidAccessError"}
        page.reload()
        page.locator("#device").wait_for()
        assert devices.device_of(page.input_value("#device")) == device, "it is the same after a reload"
        page.click("#forget")
        page.click("#sure-yes")
        page.locator("#status", has_text="Forgotten").wait_for()
        assert phone.kept()["there"] is False
        assert page.problems == []


def test_where_the_browser_gives_no_push_address_the_page_says_so(place):
    with browser(**WIDE) as page:
        phone = Phone(page, place.base)
        phone.make_keys()
        page.fill("#cloud", of_console(place.push.public_key))
        page.click("#subscribe button")
        page.locator("#problem", has_text="got no push address").wait_for(timeout=60_000)
        page.evaluate("scrollTo(0, 0)")
        picture(page, "desk-no-push-address")


def test_the_page_is_walked_by_keyboard_and_read_aloud(place):
    with browser(**WIDE) as page:
        Phone(page, place.base)
        seen = []
        for _ in range(3):
            page.keyboard.press("Tab")
            seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        assert seen == ["To the content", "Look at home", "make"]
        page.focus("#make")
        page.keyboard.press("Enter")
        page.locator("#device").wait_for()
        assert page.evaluate("document.activeElement.id") == "device"
        said = page.locator("main").aria_snapshot()
        for line in (
            'heading "Have this device told"',
            'textbox "This device"',
            'button "Copy"',
            'button "Allow notifications"',
        ):
            assert line in said, said
        picture(page, "desk-steps")
