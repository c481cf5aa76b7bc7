// Zones, lines and masks, drawn over the live picture and saved through the API.
import { call, toast } from "./api.js";
import { Live } from "./live.js";
import { KINDS, fresh } from "./shapes.js";
import { Sketch } from "./sketch.js";
import { editor } from "./zone_form.js";
import { sentence } from "./words.js";

const page = document.querySelector("[data-zones]");
const form = page.querySelector("[data-form]");
const list = page.querySelector("[data-shapes]");
const problem = page.querySelector("[data-problem]");
const video = page.querySelector("video");
const address = `/api/v1/cameras/${page.dataset.camera}/rules`;
const LABEL_FIELDS = { min_score: 1, event_min_score: 1, min_area: 100, max_area: 100, min_frames: 1 };

let shapes = [];
let loaded = null;
let selected = null;
let changed = false;

const sketch = new Sketch(page.querySelector("[data-sketch]"), video, {
  choose: (shape) => select(shape),
  change: () => touch(),
});

function touch() {
  changed = true;
  tell("Not saved yet", "warn");
}

function tell(word, tone) {
  const mark = page.querySelector("[data-saved]");
  mark.textContent = word;
  mark.dataset.tone = tone;
  page.querySelector("[data-save]").disabled = !loaded;
  page.querySelector("[data-revert]").disabled = !changed;
}

function select(shape) {
  selected = shape;
  sketch.show(shapes, selected);
  showList();
  const box = page.querySelector("[data-edit]");
  box.hidden = !shape;
  box.replaceChildren();
  if (shape) box.append(...editor(shape, loaded.labels, { change: () => { touch(); sketch.show(shapes, selected); showList(); }, remove }));
}

function showList() {
  page.querySelector("[data-none]").hidden = shapes.length > 0;
  list.replaceChildren(...shapes.map((shape) => {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", className: "shape-pick" });
    button.dataset.kind = shape.kind;
    button.setAttribute("aria-pressed", String(shape === selected));
    button.append(
      Object.assign(document.createElement("strong"), { textContent: shape.name || "No name" }),
      Object.assign(document.createElement("span"), { className: "quiet", textContent: KINDS[shape.kind].title }),
    );
    button.addEventListener("click", () => select(shape));
    item.append(button);
    return item;
  }));
}

function remove() {
  const at = shapes.indexOf(selected);
  shapes = shapes.filter((shape) => shape !== selected);
  touch();
  select(shapes[Math.min(at, shapes.length - 1)] ?? null);
}

function add(kind) {
  const count = shapes.filter((shape) => shape.kind === kind).length;
  const taken = new Set(shapes.map((shape) => shape.name));
  let number = count + 1;
  while (taken.has(`${KINDS[kind].title} ${number}`)) number += 1;
  const shape = { kind, name: `${KINDS[kind].title} ${number}`, points: fresh(kind, shapes.length), labels: [] };
  if (kind === "zones") Object.assign(shape, { loiter_s: 0, makes_event: "enter", schedule: [] });
  if (kind === "lines") Object.assign(shape, { direction: "both", makes_event: "cross", schedule: [] });
  shapes.push(shape);
  touch();
  select(shape);
  page.querySelector("[data-edit] input")?.select();
}

const hours = (text) => text.split(";").map((part) => part.trim()).filter(Boolean);

function take(rules) {
  loaded = rules;
  shapes = Object.keys(KINDS).flatMap((kind) => rules[kind].map((one, i) => (
    kind === "motion_masks" ? { kind, name: `${KINDS[kind].title} ${i + 1}`, points: one } : { ...one, kind }
  )));
  form.elements.require_zone.checked = rules.require_zone;
  form.elements.schedule.value = rules.schedule.join("; ");
  for (const box of page.querySelectorAll("[data-label]")) {
    const own = rules.rules.find((rule) => rule.label === box.dataset.label) ?? {};
    for (const [name, times] of Object.entries(LABEL_FIELDS)) {
      const value = own[name] ?? null;
      const plain = value === null || (name === "min_area" && value === 0) || (name === "max_area" && value === 1);
      box.querySelector(`[name=${name}]`).value = plain ? "" : Number((value * times).toPrecision(6));
    }
  }
  changed = false;
  select(null);
}

// What is different for a label; what this page does not show stays as it was.
function labelRules() {
  const known = new Map(loaded.rules.map((rule) => [rule.label, { ...rule }]));
  for (const box of page.querySelectorAll("[data-label]")) {
    const rule = known.get(box.dataset.label) ?? { label: box.dataset.label };
    for (const [name, times] of Object.entries(LABEL_FIELDS)) {
      const field = box.querySelector(`[name=${name}]`);
      if (field.value === "") delete rule[name];
      else rule[name] = Number((field.valueAsNumber / times).toPrecision(9));
    }
    if (Object.keys(rule).some((name) => name !== "label" && rule[name] !== null)) known.set(rule.label, rule);
    else known.delete(rule.label);
  }
  return [...known.values()];
}

function body() {
  const told = { require_zone: form.elements.require_zone.checked, schedule: hours(form.elements.schedule.value), rules: labelRules() };
  for (const kind of Object.keys(KINDS)) {
    const own = shapes.filter((shape) => shape.kind === kind);
    told[kind] = kind === "motion_masks" ? own.map((shape) => shape.points) : own.map(({ kind: _, ...rest }) => rest);
  }
  return told;
}

async function save(event) {
  event.preventDefault();
  problem.hidden = true;
  tell("Saving", "wait");
  try {
    const name = selected?.name;
    const rules = await call(address, { method: "PATCH", body: body() });
    take(rules);
    select(shapes.find((shape) => shape.name === name) ?? null);
    tell(rules.kept ? "Saved, and in force" : "In force until Guardian ends", "good");
    toast(rules.kept ? "Saved. It holds from now on." : "It holds until Guardian ends: config.toml does not know this camera.");
  } catch (error) {
    problem.textContent = `${sentence(error.message)} ${sentence(error.cure ?? "")}`;
    problem.hidden = false;
    problem.scrollIntoView({ block: "nearest" });
    tell("Not saved", "bad");
  }
}

form.addEventListener("submit", save);
form.addEventListener("input", ({ target }) => { if (!target.closest("[data-edit]")) touch(); });
page.querySelector("[data-add]").addEventListener("click", ({ target }) => {
  const button = target.closest("[data-kind]");
  if (button && loaded) add(button.dataset.kind);
});
page.querySelector("[data-revert]").addEventListener("click", () => { take(loaded); tell("As it was", "off"); });
addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });

const live = new Live(video, page.dataset.camera, {
  prefer: "main",
  say: (state, message = "", cure = "") => {
    const line = page.querySelector("[data-say]");
    line.hidden = state === "play";
    if (state === "fail") line.textContent = `${sentence(message)} ${sentence(cure)} A plain grid stands for the picture.`;
    page.querySelector("[data-screen]").dataset.picture = state === "play" ? "yes" : "no";
    sketch.draw();
  },
});
live.start();
addEventListener("pagehide", () => live.stop());

call(address).then((rules) => { take(rules); tell("Up to date", "good"); }, (error) => {
  problem.textContent = `${sentence(error.message)} ${sentence(error.cure ?? "")}`;
  problem.hidden = false;
});
