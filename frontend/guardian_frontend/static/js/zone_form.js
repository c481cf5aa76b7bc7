// The fields of one shape: name, labels, conditions, hours.
import { KINDS } from "./shapes.js";

function make(name, values = {}, ...children) {
  const element = Object.assign(document.createElement(name), values);
  element.append(...children);
  return element;
}

const labelled = (text, field) => make("label", {}, text, field);

function choice(value, options, take) {
  const field = make("select", {}, ...Object.entries(options).map(([key, text]) => make("option", { value: key, textContent: text, selected: key === value })));
  field.addEventListener("change", () => take(field.value));
  return field;
}

function labelChoices(shape, labels, change) {
  const box = make("fieldset", { className: "choices" }, make("legend", { textContent: KINDS[shape.kind].title.startsWith("Mask") ? "Ignore only" : "Only for" }));
  for (const label of labels) {
    const tick = make("input", { type: "checkbox", checked: shape.labels.includes(label) });
    tick.addEventListener("change", () => {
      shape.labels = labels.filter((one) => (one === label ? tick.checked : shape.labels.includes(one)));
      change();
    });
    box.append(make("label", { className: "check" }, tick, label));
  }
  return [box, make("p", { className: "quiet", textContent: "None ticked: everything." })];
}

function zoneFields(shape, change) {
  const loiter = make("input", { type: "number", min: 0, max: 600, step: 1, inputMode: "numeric", value: shape.loiter_s || "", placeholder: "Never" });
  loiter.addEventListener("input", () => { shape.loiter_s = loiter.value === "" ? 0 : loiter.valueAsNumber; change(); });
  const makes = { enter: "Somebody enters", loiter: "Somebody loiters", never: "Never: only name it" };
  return [
    labelled("Loiters after seconds", loiter),
    labelled("Makes an event when", choice(shape.makes_event, makes, (value) => { shape.makes_event = value; change(); })),
  ];
}

function lineFields(shape, change) {
  const ways = { both: "In both directions", left: "To the left of the line", right: "To the right of the line" };
  const makes = { cross: "Somebody crosses it", never: "Never: only name it" };
  const turn = make("button", { type: "button", className: "button small", textContent: "Turn it round" });
  turn.addEventListener("click", () => { shape.points = [...shape.points].reverse(); change(); });
  return [
    labelled("Crossings that count", choice(shape.direction, ways, (value) => { shape.direction = value; change(); })),
    labelled("Makes an event when", choice(shape.makes_event, makes, (value) => { shape.makes_event = value; change(); })),
    turn,
  ];
}

function hours(shape, change) {
  const field = make("input", { value: shape.schedule.join("; "), placeholder: "Always", autocomplete: "off" });
  field.addEventListener("input", () => { shape.schedule = field.value.split(";").map((part) => part.trim()).filter(Boolean); change(); });
  return labelled("Hours", field);
}

// Returns the elements of the form of a shape; `change()` after each change, `remove()` to take it away.
export function editor(shape, labels, { change, remove }) {
  const parts = [make("h2", { textContent: KINDS[shape.kind].title })];
  if (shape.kind !== "motion_masks") {
    const name = make("input", { value: shape.name, maxLength: 64, autocomplete: "off", required: true });
    name.addEventListener("input", () => { shape.name = name.value; change(); });
    parts.push(labelled("Name", name), ...labelChoices(shape, labels, change));
  } else parts.push(make("p", { className: "quiet", textContent: "Nothing that moves here wakes detection: for a tree, a flag, a street." }));
  if (shape.kind === "object_masks") parts.push(make("p", { className: "quiet", textContent: "What stands with its feet in here is not seen: for a statue, a poster, a neighbour's drive." }));
  if (shape.kind === "zones") parts.push(...zoneFields(shape, change));
  if (shape.kind === "lines") parts.push(...lineFields(shape, change));
  if (shape.schedule) parts.push(hours(shape, change));
  const gone = make("button", { type: "button", className: "button small danger", textContent: "Delete it" });
  gone.addEventListener("click", remove);
  parts.push(gone);
  return parts;
}
