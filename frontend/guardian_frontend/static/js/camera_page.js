// One camera: live, and back in time along the strip.
import { call } from "./api.js";
import { followStates } from "./camera_state.js";
import { Exports } from "./exports.js";
import { Holds } from "./holds.js";
import { Live, fallbackNote, sayOn } from "./live.js";
import { Player } from "./player.js";
import { dateInput, fillMoment, format } from "./time.js";
import { Timeline } from "./timeline.js";
import { sentence } from "./words.js";

const page = document.querySelector(".watch[data-camera]");
const find = (name) => page.querySelector(`[data-${name}]`);
const { camera } = page.dataset;
const video = page.querySelector("video");
const say = sayOn(find("say"));
const showNote = (text) => { find("note").textContent = text; find("note").hidden = !text; };
const live = new Live(video, camera, { say: (...words) => mode === "live" && say(...words), note: showNote });
const player = new Player(video, camera, { say: (...words) => mode === "past" && say(...words), note: showNote, ended: () => goLive() });
let mode = "";
let scrub = 0;

function setMode(next) {
  mode = next;
  const mark = find("mark");
  mark.dataset.mode = next;
  mark.textContent = next === "live" ? "Live" : "Recording";
  find("back-to-live").hidden = next === "live";
}

function goLive() {
  if (mode === "live") return;
  player.stop();
  setMode("live");
  showNote("");
  live.start();
}

function goTo(ms) {
  if (mode !== "past") {
    live.stop();
    setMode("past");
  }
  showNote("");
  player.play(ms);
}

const timeline = new Timeline(find("timeline"), {
  live: goLive,
  chosen: (ms) => { clearTimeout(scrub); goTo(ms); },
  moving: (ms) => {
    showTime(ms);
    refreshSoon();
    clearTimeout(scrub);
    scrub = setTimeout(() => { if (Date.now() - ms > 1500) goTo(ms); }, 250);
  },
});
if (page.dataset.first) timeline.first = Date.parse(page.dataset.first);

function showTime(ms) {
  find("now").textContent = mode === "live" && Date.now() - ms < 2500 ? `Live · ${format(ms, "time")}` : format(ms, "time");
  find("now").title = format(ms);
  if (document.activeElement !== find("date")) find("date").value = dateInput(ms);
}

setInterval(() => {
  const now = mode === "live" ? Date.now() : player.now;
  if (timeline.drag || timeline.waiting || !now) return;
  timeline.show(now);
  showTime(now);
}, 500);

// What is on the strip, with as much again on both sides.
let loaded = { start: 0, end: 0, at: 0 };
let refreshing = 0;
function refreshSoon() {
  const inside = timeline.start >= loaded.start && Math.min(timeline.end, Date.now()) <= loaded.end + 10_000;
  if (inside && Date.now() - loaded.at < 10_000) return;
  clearTimeout(refreshing);
  refreshing = setTimeout(refresh, 200);
}

async function refresh() {
  const width = timeline.zoom * 1000;
  const [start, end] = [timeline.start - width, Math.min(timeline.end + width, Date.now() + 1000)];
  if (end <= start) return;
  loaded = { start, end, at: Date.now() };
  const query = `start=${new Date(start).toISOString()}&end=${new Date(end).toISOString()}`;
  const note = find("timeline-note");
  try {
    const [spans, events, held] = await Promise.all([
      call(`/api/v1/cameras/${camera}/recordings?${query}`), call(`/api/v1/events?camera=${camera}&limit=200&${query}`),
      call(`/api/v1/holds?camera=${camera}&${query}`),
    ]);
    timeline.set({
      spans: spans.items.map((one) => ({ start: Date.parse(one.start), end: Date.parse(one.end), open: one.open })),
      events: events.items.map((one) => ({ at: Date.parse(one.start), end: one.end ? Date.parse(one.end) : Date.now(), id: one.id })),
      holds: held.items.map((one) => ({ start: Date.parse(one.start), end: one.end ? Date.parse(one.end) : Date.now() })),
    });
    note.hidden = true;
  } catch (error) {
    note.textContent = `${sentence(error.message)} ${sentence(error.cure)}`;
    note.hidden = false;
  }
}
setInterval(() => { if (!document.hidden) refreshSoon(); }, 2000);

for (const button of page.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => {
    for (const other of page.querySelectorAll("[data-zoom]")) other.setAttribute("aria-pressed", String(other === button));
    timeline.set({ zoom: Number(button.dataset.zoom) });
    loaded.at = 0;
    refreshSoon();
  });
}
find("date").addEventListener("change", ({ target }) => {
  const day = new Date(`${target.value}T00:00:00`);
  const now = new Date(timeline.at);
  day.setHours(now.getHours(), now.getMinutes(), now.getSeconds());
  if (!Number.isNaN(day.getTime())) timeline.choose(timeline.clamp(day.getTime()));
  target.blur();
  refreshSoon();
});

find("back-to-live").addEventListener("click", goLive);
find("play").addEventListener("click", () => (video.paused ? video.play().catch(() => {}) : video.pause()));
find("mute").addEventListener("click", () => { video.muted = !video.muted; });
find("full").addEventListener("click", () => {
  const screen = find("screen");
  if (document.fullscreenElement) document.exitFullscreen();
  else if (screen.requestFullscreen) screen.requestFullscreen();
  else video.webkitEnterFullscreen?.();
});
const showButtons = () => {
  find("play").toggleAttribute("data-on", video.paused);
  find("play").setAttribute("aria-label", video.paused ? "Play" : "Pause");
  find("mute").toggleAttribute("data-on", !video.muted);
  find("mute").setAttribute("aria-label", video.muted ? "Sound on" : "Sound off");
};
for (const name of ["play", "pause", "volumechange"]) video.addEventListener(name, showButtons);
find("switch")?.addEventListener("change", ({ target }) => location.assign(target.value));

const exports = new Exports(page.querySelector("form[data-export]"), find("exports"), camera);
find("export-open").addEventListener("click", ({ currentTarget }) => {
  const card = document.getElementById("export");
  card.hidden = !card.hidden;
  currentTarget.setAttribute("aria-expanded", String(!card.hidden));
  if (card.hidden) return;
  fillMoment(exports.form.elements.start, timeline.at - 60_000);
  fillMoment(exports.form.elements.end, timeline.at);
  exports.refresh();
  card.scrollIntoView({ block: "nearest" });
});

const holds = new Holds(page.querySelector("form[data-protect]"), find("holds"), camera, () => refresh());
find("protect-open").addEventListener("click", ({ currentTarget }) => {
  const card = document.getElementById("protect");
  card.hidden = !card.hidden;
  currentTarget.setAttribute("aria-expanded", String(!card.hidden));
  if (card.hidden) return;
  fillMoment(holds.form.elements.start, timeline.at - 60_000);
  fillMoment(holds.form.elements.end, timeline.at);
  holds.refresh();
  card.scrollIntoView({ block: "nearest" });
});

followStates(() => call(`/api/v1/cameras/${camera}`), (one) => [[page, one]]);
addEventListener("pagehide", () => { live.stop(); player.stop(); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

const at = Date.parse(page.dataset.at);
if (Number.isNaN(at)) goLive();
else {
  timeline.at = at;
  goTo(at);
}
if (mode === "live" && fallbackNote()) showNote(fallbackNote());
refresh();
