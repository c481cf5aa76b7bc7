"""The owner's phone: the page of the viewer's bundle that makes its keys, in Chromium, and the service worker that opens what is pushed.

No push service of a browser's maker can be reached from here. Where a test says so, the browser's `subscribe` gives the address of the push
service for tests; what that one was sent is handed to the service worker as Chromium hands it over, by `ServiceWorker.deliverPushMessage`.
"""

from __future__ import annotations

import json
import time

from tests.support.program import wait_for

AGAIN_S = 15.0
SUBSCRIBED = """({endpoint, p256dh, auth}) => {
  const raw = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer;
  PushManager.prototype.subscribe = async function ({ userVisibleOnly, applicationServerKey }) {
    window.subscribedWith = { userVisibleOnly, key: Array.from(new Uint8Array(applicationServerKey)) };
    return { endpoint, getKey: (name) => raw({ p256dh, auth }[name]) };
  };
}"""
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(
  ({title, body, tag, timestamp, data}) => ({title, body, tag, timestamp, data}))"""


class Phone:
    """A page at `phone.html`."""

    def __init__(self, page, base):
        self.page, self.base = page, base
        self._newest = None
        page.context.grant_permissions(["notifications", "clipboard-read", "clipboard-write"], origin=base)
        page.goto(f"{base}/phone.html")

    def make_keys(self):
        """Return what it shows for home."""
        self.page.click("#make")
        self.page.locator("#device").wait_for()
        self.page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        return self.page.input_value("#device")

    def subscribed_at(self, service, who="phone"):
        """The browser's push service is this one."""
        self.page.evaluate(SUBSCRIBED, service.subscription(who, b""))

    def deliver(self, text):
        """A push comes."""
        self._newest = text
        cdp = self.page.context.new_cdp_session(self.page)
        found = []
        cdp.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
        cdp.send("ServiceWorker.enable")

        def registration():
            self.page.wait_for_timeout(50)
            return [one for one in found if one["scopeURL"].startswith(self.base) and not one["isDeleted"]]

        (one, *_) = wait_for(registration, 60, "the service worker")
        values = {"origin": f"{self.base}/", "registrationId": one["registrationId"], "data": text}
        cdp.send("ServiceWorker.deliverPushMessage", values)
        cdp.detach()

    def shown(self, count=1):
        """Return the notifications, once there are so many. On a busy machine what DevTools hands to a worker that is just being started is
        lost without a word: it is handed over again then. Twice shown it is one notification, by its tag.
        """
        handed_s = time.monotonic()

        def found():
            nonlocal handed_s
            self.page.wait_for_timeout(50)
            notes = self.page.evaluate(SHOWN)
            if len(notes) < count and time.monotonic() - handed_s > AGAIN_S:
                self.deliver(self._newest)
                handed_s = time.monotonic()
            return notes if len(notes) >= count else None

        return wait_for(found, 60, "a notification")

    def kept(self):
        """Return what a script of the page can read of the keys, as JSON has it."""
        return json.loads(self.page.evaluate(KEPT))


KEPT = """async () => {
  const { kept } = await import('./phone_keys.mjs');
  const own = await kept();
  const tried = {};
  for (const [name, key] of [['x25519', own?.pair.x25519], ['signing', own?.signing]]) {
    if (!key) continue;
    tried[name] = { extractable: key.extractable };
    for (const form of ['raw', 'jwk', 'pkcs8']) {
      try { await crypto.subtle.exportKey(form, key); tried[name][form] = 'given'; } catch (error) { tried[name][form] = error.name; }
    }
  }
  return JSON.stringify({ there: Boolean(own), tried });
}"""
