// Events as they happen, put on top of the list.
import { localise, offsetsOf } from "./time.js";

const list = document.querySelector("[data-shots]");
const state = document.querySelector("[data-stream]");
const filters = document.querySelector("[data-filters]");
const empty = document.querySelector("[data-empty]");

const search = document.querySelector("[data-search]");
search.elements.tz.value = new Date().getTimezoneOffset();
search.addEventListener("submit", (event) => {
  event.preventDefault();
  location.assign(search.elements.q.value.trim() ? `/events?${new URLSearchParams(new FormData(search))}` : "/events");
});

if (filters) {
  filters.addEventListener("change", () => send());
  filters.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  filters.querySelector("[data-apply]").hidden = true;
}

function send() {
  const { date, tz, tz_end: tzEnd } = filters.elements;
  if (date.value) [tz.value, tzEnd.value] = offsetsOf(date.value);
  const values = [...new FormData(filters)].filter(([name, value]) => value && (!name.startsWith("tz") || filters.elements.date.value));
  location.assign(`/events?${new URLSearchParams(values)}`.replace(/\?$/, ""));
}

const chosen = (name) => filters?.elements[name]?.value ?? "";
const fitsZone = (event) => {
  const [zone, what] = [chosen("zone"), chosen("happening")];
  if (!what) return !zone || event.happenings.some((one) => one.zone === zone);
  return event.happenings.some((one) => one.what === what && (!zone || one.zone === zone));
};
// What was searched for stays as it was found.
const fits = (event) => filters && (!chosen("camera") || chosen("camera") === event.camera) && (!chosen("label") || chosen("label") === event.label) && fitsZone(event) && !chosen("date") && ["", "none"].includes(chosen("verdict"));
const cardOf = (id) => document.getElementById(`event-${id}`);

function tell(word, tone) {
  state.textContent = word;
  state.dataset.tone = tone;
}

async function put(event) {
  const response = await fetch(`/events/${event.id}/card`, { headers: { "HX-Request": "true" } });
  if (!response.ok) return;
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  const card = template.content.querySelector(".shot");
  const old = cardOf(event.id);
  localise(template.content);
  window.htmx?.process(card);
  if (old) old.replaceWith(card);
  else {
    card.classList.add("fresh");
    list.prepend(card);
    if (empty) empty.hidden = true;
  }
}

// A thing that moves changes several times a second; its card need not.
const waiting = new Map();
function later(event) {
  if (!cardOf(event.id) || waiting.has(event.id)) return;
  waiting.set(event.id, setTimeout(() => { waiting.delete(event.id); put(event); }, 3000));
}

function drop(id) {
  clearTimeout(waiting.get(id));
  waiting.delete(id);
  cardOf(id)?.remove();
  empty.hidden = list.querySelector(".shot") !== null;
}

const source = new EventSource("/api/v1/events/stream");
source.onopen = () => tell("Up to date", "good");
source.onerror = () => tell("Connecting", "wait");
source.addEventListener("start", ({ data }) => { const event = JSON.parse(data); if (fits(event)) put(event); });
source.addEventListener("update", ({ data }) => {
  const event = JSON.parse(data);
  if (!cardOf(event.id) && chosen("zone") + chosen("happening") && fits(event)) put(event); // it has come there only now
  else later(event);
});
source.addEventListener("end", ({ data }) => { const event = JSON.parse(data); if (cardOf(event.id)) put(event); });
source.addEventListener("delete", ({ data }) => drop(JSON.parse(data).id));
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// A picture that cannot be had leaves a calm surface, not a broken icon.
list.addEventListener("error", ({ target }) => {
  if (target.tagName === "IMG") target.replaceWith(Object.assign(document.createElement("div"), { className: "placeholder", textContent: "No picture" }));
}, true);
