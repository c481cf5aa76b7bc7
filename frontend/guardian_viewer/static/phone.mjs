// The page by which a device comes to be told: it makes keys, shows what home and cloud need, and asks the browser for its push address.
import { sayWhoSigned } from "./build.mjs";
import { forget, fromText, kept, make, subjectText, toText } from "./phone_keys.mjs";
import { encodeQR } from "./qr/index.js";

const $ = (id) => document.getElementById(id);
const MARGIN = 4; // modules: ISO/IEC 18004, 9.1
let own = null;

class Trouble extends Error {
  constructor(message, cure) {
    super(message);
    this.cure = cure;
  }
}

function problem(error) {
  const box = $("problem");
  box.replaceChildren();
  box.hidden = !error;
  for (const text of error ? [error.message, error.cure] : []) if (text) box.append(Object.assign(document.createElement("p"), { textContent: text }));
  if (error) box.scrollIntoView({ block: "nearest" });
}

const say = (text) => { $("status").textContent = text; };

/** Runs what a button does; what goes wrong is said. */
function does(button, work) {
  return async (event) => {
    event?.preventDefault();
    problem(null);
    say("");
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      problem(error instanceof Trouble ? error : new Trouble(`This did not work: ${error.message}`, "Try again; a private window may not keep keys."));
    } finally {
      button.disabled = false;
    }
  };
}

function lacks() {
  const phone = /iPhone|iPad/.test(navigator.userAgent) && !navigator.standalone;
  if (phone) return "On an iPhone or iPad, first put this page on the Home Screen (Share, Add to Home Screen) and open it from there.";
  if (!isSecureContext) return "This page was not reached over TLS: a browser keeps keys and takes pushes on https pages only.";
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) return "This browser takes no pushes. A current Chrome, Edge, Firefox or Safari does.";
  return "";
}

function drawCode(text) {
  const cells = encodeQR(text, "raw", { ecc: "low" });
  const size = cells.length + 2 * MARGIN;
  const path = cells.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + MARGIN} ${y + MARGIN}h1v1h-1z` : ""))).join("");
  const made = (name, values) => {
    const one = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) one.setAttribute(key, value);
    return one;
  };
  const drawing = made("svg", { viewBox: `0 0 ${size} ${size}`, "shape-rendering": "crispEdges" });
  drawing.append(made("rect", { width: size, height: size, fill: "#fff" }), made("path", { d: path, fill: "#000" }));
  $("code").replaceChildren(drawing);
}

/** Go to a text, and show where it begins. */
function begin(id) {
  $(id).focus();
  $(id).setSelectionRange(0, 0);
  $(id).scrollTop = 0;
}

function show() {
  for (const id of ["step-home", "step-cloud", "forget"]) $(id).hidden = !own;
  $("make").hidden = Boolean(own);
  $("make-note").textContent = own ? "Done: this device has keys." : "They are made here and stay in this browser.";
  $("device").value = own?.text ?? "";
  $("code-box").open = false;
  $("code").replaceChildren();
  if (!own) $("reached").hidden = true;
}

async function makeKeys() {
  const missing = lacks();
  if (missing) throw new Trouble("This device cannot be told from here.", missing);
  await navigator.serviceWorker.register("phone_worker.mjs", { type: "module", updateViaCache: "none" });
  await navigator.storage?.persist?.();
  own = await make();
  show();
  begin("device");
}

/** Of the console's text: the key that its pushes are signed by, and where its page is. */
function readCloud(text) {
  try {
    const { key, page } = JSON.parse(new TextDecoder().decode(fromText(text.trim().replace(/^guardian-cloud:/, ""))));
    const [bytes, url] = [fromText(key), new URL(page)];
    if (bytes.length === 65 && ["https:", "http:"].includes(url.protocol)) return { key: bytes, page: url };
  } catch {
    // told below
  }
  throw new Trouble("This is not the console's text.", "Copy all of it, from guardian-cloud: on.");
}

async function reach() {
  const cloud = readCloud($("cloud").value);
  if ((await Notification.requestPermission()) !== "granted") throw new Trouble("Notifications are not allowed for this page.", "Allow them in the browser's settings of this site, and try again.");
  const worker = await navigator.serviceWorker.ready;
  const before = await worker.pushManager.getSubscription();
  await before?.unsubscribe(); // another cloud's key may be in it
  let made;
  try {
    made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: cloud.key });
  } catch (error) {
    throw new Trouble(`The browser got no push address: ${error.message}`, "Its push service has to be reachable; some browsers have to be told to use one.");
  }
  const key = (name) => toText(new Uint8Array(made.getKey(name)));
  const value = { member: subjectText(own), endpoint: made.endpoint, p256dh: key("p256dh"), auth: key("auth") };
  const text = `guardian-push:${toText(new TextEncoder().encode(JSON.stringify(value)))}`;
  $("push").value = text;
  cloud.page.hash = text;
  $("to-console").href = cloud.page.href;
  $("reached").hidden = false;
  begin("push");
}

async function forgetKeys() {
  $("sure").close();
  const worker = await navigator.serviceWorker.getRegistration();
  await (await worker?.pushManager.getSubscription())?.unsubscribe();
  await worker?.unregister();
  await forget();
  own = null;
  show();
  say("Forgotten.");
  $("make").focus();
}

async function copy(id) {
  await navigator.clipboard.writeText($(id).value);
  say("Copied.");
}

$("make").addEventListener("click", does($("make"), makeKeys));
$("subscribe").addEventListener("submit", does($("subscribe").querySelector("button"), reach));
$("copy-device").addEventListener("click", does($("copy-device"), () => copy("device")));
$("copy-push").addEventListener("click", does($("copy-push"), () => copy("push")));
$("code-box").addEventListener("toggle", () => $("code-box").open && drawCode(own.text));
$("forget").addEventListener("click", () => $("sure").showModal());
$("sure-no").addEventListener("click", () => $("sure").close());
$("sure-yes").addEventListener("click", does($("sure-yes"), forgetKeys));
sayWhoSigned();
kept().then((had) => { own = had ?? null; show(); }, (error) => problem(new Trouble(`This browser keeps no keys: ${error.message}`, "A private window does not.")));
