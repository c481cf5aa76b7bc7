// The page: what it shows comes from the worker, opened. It sees no key, keeps nothing, and forgets all when it locks.
import { sayWhoSigned } from "./build.mjs";
import { Clip, LivePicture, canPlay } from "./playing.mjs";

const AGAIN_MS = 3000; // until an interrupted live picture is asked for again
const LOCK_AFTER_MS = 10 * 60_000; // out of sight
const PROGRESS = { connecting: "Connecting…", unlocking: "Opening the vault: some seconds…", proving: "Showing home who you are…", again: "The connection was lost. Trying again…", silent: "Home is silent: what you see stands still. Waiting…", heard: "" };
const SIDE_BY_SIDE = 4; // pictures
const $ = (id) => document.getElementById(id);
const when = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
let worker = null;
let calls = new Map();
let streams = new Map();
let number = 0;
let cameras = [];
let cursor = null;
let playing = null;
let watched = null; // the camera that is looked at live
let hiddenAt = 0;
let pictures = [];
let turn = 0; // of the list: answers to an older one are dropped
let told = takeTold(); // the event of the notification that was tapped

function begin() {
  worker?.terminate();
  [calls, streams] = [new Map(), new Map()];
  worker = new Worker("worker.mjs", { type: "module" });
  worker.onmessage = ({ data }) => {
    if ("progress" in data) $("status").textContent = PROGRESS[data.progress];
    else if (data.lost) lock(data.lost);
    else if (data.again) back(data.again);
    else if (data.stream) streams.get(data.stream)?.(data);
    else {
      const [done, failed] = calls.get(data.id);
      calls.delete(data.id);
      if (data.error) failed(data.error);
      else done(data.result);
    }
  };
}

/** The event's id stands behind #, which browsers send to nobody; it goes from the address bar at once. */
function takeTold() {
  const event = new URLSearchParams(location.hash.slice(1)).get("event");
  if (location.hash) history.replaceState(null, "", location.pathname);
  return event;
}

function playTold(events) {
  const event = told && events.find(({ id }) => id === told);
  told = null;
  if (event) play(event, nameOf(event));
}

const nameOf = (event) => `${event.label[0].toUpperCase()}${event.label.slice(1)}`;

function call(work, what = {}) {
  number += 1;
  worker.postMessage({ id: number, work, ...what });
  return new Promise((done, failed) => { calls.set(number, [done, failed]); });
}

function problem(error) {
  const box = $("problem");
  box.replaceChildren();
  box.hidden = !error;
  for (const text of error ? [error.message, error.cure] : []) if (text) box.append(Object.assign(document.createElement("p"), { textContent: text }));
}

function leavePictures() {
  for (const url of pictures) URL.revokeObjectURL(url);
  pictures = [];
}

// The connection was lost, and is there again: who looked live looks on.
function back(home) {
  const before = watched;
  cameras = home.cameras;
  $("status").textContent = "";
  if ($("player").open) $("player").close();
  show($("live").hidden ? "events" : "live");
  const at = cameras.findIndex(({ id }) => id === before);
  if (at >= 0) look(cameras[at], $("cameras").children[at]);
}

function stopPlaying() {
  playing?.close();
  playing = watched = null;
}

// Forget everything: the worker, and every key with it, ends.
function lock(error = null) {
  stopPlaying();
  if ($("player").open) $("player").close();
  worker?.terminate();
  worker = null;
  [cameras, cursor] = [[], null];
  turn += 1;
  leavePictures();
  $("list").replaceChildren();
  $("cameras").replaceChildren();
  for (const id of ["events", "live", "tabs", "lock", "more", "live-stage"]) $(id).hidden = true;
  $("gate").hidden = false;
  $("status").textContent = "";
  problem(error);
}

async function open(event) {
  event.preventDefault();
  const button = event.submitter ?? $("open").querySelector("button");
  button.disabled = true;
  problem(null);
  begin();
  try {
    const url = new URL("view", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    ({ cameras } = await call("open", { url: url.href, key: $("key").value, passphrase: $("passphrase").value }));
    $("passphrase").value = "";
    $("key").value = "";
    $("status").textContent = "";
    $("gate").hidden = true;
    $("tabs").hidden = $("lock").hidden = false;
    show("events");
  } catch (error) {
    worker?.terminate();
    worker = null;
    $("status").textContent = "";
    problem(error);
  } finally {
    button.disabled = false;
  }
}

function show(tab) {
  stopPlaying();
  problem(null);
  for (const button of $("tabs").children) {
    if (button.dataset.tab === tab) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  $("events").hidden = tab !== "events";
  $("live").hidden = tab !== "live";
  if (tab === "events") listAnew();
  else listCameras();
  $("main").focus({ preventScroll: true });
}

const cameraName = (id) => cameras.find((one) => one.id === id)?.name ?? id;

async function listAnew() {
  turn += 1;
  cursor = null;
  leavePictures();
  $("list").replaceChildren();
  await listMore();
}

async function listMore() {
  const mine = turn;
  try {
    const page = await call("events", { cursor });
    if (mine !== turn) return;
    cursor = page.cursor;
    $("more").hidden = !cursor;
    $("status").textContent = page.events.length || $("list").children.length ? "" : "Nothing has happened yet.";
    const cards = page.events.map(card);
    $("list").append(...cards.map(({ item }) => item));
    const waiting = cards.filter(({ event }) => event.picture);
    for (let side = 0; side < SIDE_BY_SIDE; side += 1) fillAll(waiting, mine);
    playTold(page.events);
  } catch (error) {
    if (mine === turn) problem(error);
  }
}

function card(event) {
  const item = document.createElement("li");
  const button = Object.assign(document.createElement("button"), { type: "button", className: "card" });
  const picture = Object.assign(document.createElement("span"), { className: "blank", textContent: event.picture ? "" : "No picture" });
  const line = (className, textContent) => Object.assign(document.createElement("span"), { className, textContent });
  const zones = event.zones.length ? ` (${event.zones.join(", ")})` : "";
  const name = nameOf(event);
  button.append(picture, line("what", `${name}${zones}`), line("when quiet", `${cameraName(event.camera)}, ${when.format(event.start_us / 1000)}`));
  button.addEventListener("click", () => play(event, name));
  item.append(button);
  return { item, event, picture };
}

async function fillAll(waiting, mine) {
  while (waiting.length && mine === turn) {
    const { event, picture } = waiting.shift();
    await fill(event, picture, mine);
  }
}

async function fill(event, picture, mine) {
  try {
    const jpeg = await call("picture", { event: event.id });
    if (mine !== turn) return;
    const url = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
    pictures.push(url);
    picture.replaceWith(Object.assign(document.createElement("img"), { src: url, alt: "" }));
  } catch (error) {
    picture.textContent = error.message;
  }
}

function play(event, name) {
  stopPlaying();
  $("player-title").textContent = `${name}, ${cameraName(event.camera)}, ${when.format(event.start_us / 1000)}`;
  const note = (text) => { $("clip-note").textContent = text; };
  note("Fetching…");
  $("player").showModal();
  playing = new Clip($("clip-video"), event, call, note);
}

function listCameras() {
  const buttons = cameras.map((camera) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: camera.name });
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => look(camera, button));
    return button;
  });
  $("cameras").replaceChildren(...buttons);
  $("live-stage").hidden = true;
}

function look(camera, button) {
  stopPlaying();
  for (const one of $("cameras").children) one.setAttribute("aria-pressed", String(one === button));
  $("live-stage").hidden = false;
  $("live-video").setAttribute("aria-label", `Live picture of ${camera.name}`);
  number += 1;
  const stream = number;
  const note = (text) => { $("live-note").textContent = text; };
  note("Connecting…");
  const ended = () => {
    streams.delete(stream);
    if (worker) call("stop", { stream }).catch(() => {});
  };
  const picture = new LivePicture($("live-video"), note, ended);
  streams.set(stream, (said) => {
    picture.take(said);
    if (said.error) setTimeout(() => playing === picture && look(camera, button), AGAIN_MS);
  });
  playing = picture;
  watched = camera.id;
  call("live", { stream, camera: camera.id, can: canPlay() }).catch(problem);
}

$("open").addEventListener("submit", open);
$("more").addEventListener("click", listMore);
$("lock").addEventListener("click", () => lock());
$("close").addEventListener("click", () => $("player").close());
$("player").addEventListener("close", stopPlaying);
$("tabs").addEventListener("click", ({ target }) => target.dataset.tab && show(target.dataset.tab));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = Date.now();
  else if (worker && hiddenAt && Date.now() - hiddenAt > LOCK_AFTER_MS) lock();
});
navigator.serviceWorker?.addEventListener("message", ({ data }) => {
  told = data.event ?? null;
  if (worker && told) show("events");
});
addEventListener("pagehide", () => lock());
sayWhoSigned();
