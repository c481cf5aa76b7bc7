// The service worker: a push comes sealed, is opened here with this device's key, and shown. It answers no fetch and keeps no page.
import { kept, read } from "./phone_keys.mjs";

const NOTHING = "Something happened at home. This device could not read what: make it known at home anew.";
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const LATE_MS = 5 * 60_000;

function upper(word) {
  return word ? word[0].toUpperCase() + word.slice(1) : "";
}

/** Title and the rest, of what home said. */
function words(said) {
  const at = said.start ? Date.parse(said.start) : NaN;
  const when = Number.isNaN(at) ? "" : clock.format(at);
  const late = Date.now() - at > LATE_MS ? " (told late)" : "";
  const body = [said.camera, when && `${when}${late}`].filter(Boolean).join(", ");
  return [upper(said.label) || "Something happened", { body, tag: said.event, timestamp: Number.isNaN(at) ? undefined : at, data: { event: said.event } }];
}

async function tell(data) {
  let [title, more] = ["Guardian", { body: NOTHING, tag: "unread" }];
  try {
    const own = await kept();
    if (own && data) [title, more] = words(await read(own, data.text()));
  } catch {
    // what cannot be opened says nothing but that it came
  }
  await self.registration.showNotification(title, { lang: "en", ...more });
}

/** Go to the page, to that event. Its id stands behind #, which is sent to nobody. */
async function look(event) {
  const there = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = new URL("./", self.registration.scope);
  const open = there.find(({ url }) => new URL(url).pathname === page.pathname);
  if (!open) return self.clients.openWindow(`${page.href}${event ? `#event=${encodeURIComponent(event)}` : ""}`);
  open.postMessage({ event });
  return open.focus();
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("push", (event) => event.waitUntil(tell(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(look(event.notification.data?.event));
});
