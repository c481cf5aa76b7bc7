// The drawing: shapes as SVG over the picture, moved by mouse, touch or keyboard.
import { KINDS, arrow, moved, pictureIn, round } from "./shapes.js";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.01;
const MOST_POINTS = 64;

function make(name, attributes = {}) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export class Sketch {
  // `choose(shape)` when one is taken up; `change()` after each change of points.
  constructor(svg, video, { choose, change }) {
    Object.assign(this, { svg, video, choose, change, shapes: [], selected: null });
    new ResizeObserver(() => this.draw()).observe(svg);
    video.addEventListener("loadedmetadata", () => this.draw());
    video.addEventListener("resize", () => this.draw());
    svg.addEventListener("pointerdown", (event) => this.grab(event));
    svg.addEventListener("keydown", (event) => this.key(event));
  }

  show(shapes, selected) {
    Object.assign(this, { shapes, selected });
    this.draw();
  }

  get area() {
    return pictureIn(this.svg, this.video.videoWidth, this.video.videoHeight);
  }

  draw() {
    const held = this.svg.contains(document.activeElement) ? document.activeElement.dataset : null;
    const area = this.area;
    const at = ([x, y]) => [area.left + x * area.width, area.top + y * area.height];
    const parts = [this.grid(area)];
    for (const shape of this.shapes) parts.push(...this.shape(shape, at));
    if (this.selected) parts.push(...this.handles(this.selected, at));
    this.svg.replaceChildren(...parts);
    if (held?.role) this.svg.querySelector(`[data-role="${held.role}"][data-at="${held.at}"]`)?.focus();
  }

  grid({ left, top, width, height }) {
    const lines = [];
    for (let i = 0; i <= 10; i += 1) {
      lines.push(`M${left + (i * width) / 10} ${top}v${height}`, `M${left} ${top + (i * height) / 10}h${width}`);
    }
    return make("path", { d: lines.join(""), class: "sketch-grid" });
  }

  shape(shape, at) {
    const points = shape.points.map(at);
    const closed = KINDS[shape.kind].closed;
    const at0 = this.shapes.indexOf(shape);
    const body = make("path", {
      d: `M${points.map((point) => point.join(" ")).join("L")}${closed ? "Z" : ""}`,
      class: "sketch-shape", "data-kind": shape.kind, "data-role": "shape", "data-at": at0,
      tabindex: 0, role: "button", "aria-pressed": shape === this.selected, "aria-label": `${KINDS[shape.kind].title} ${shape.name}`,
    });
    const reach = closed ? [] : [make("path", { d: body.getAttribute("d"), class: "sketch-reach", "data-role": "shape", "data-at": at0 })];
    const parts = [...reach, body];
    if (shape.kind === "lines") {
      for (const side of shape.direction === "both" ? ["left", "right"] : [shape.direction]) {
        const [from, to] = arrow(points[0], points[1], side);
        const [[p, q]] = [[from, to]];
        const [ux, uy] = [(q[0] - p[0]) / 22, (q[1] - p[1]) / 22];
        const tip = `M${q[0] - 7 * ux - 5 * uy} ${q[1] - 7 * uy + 5 * ux}L${q[0]} ${q[1]}L${q[0] - 7 * ux + 5 * uy} ${q[1] - 7 * uy - 5 * ux}`;
        parts.push(make("path", { d: `M${p.join(" ")}L${q.join(" ")}${tip}`, class: "sketch-arrow" }));
      }
    }
    const x = points.reduce((sum, point) => sum + point[0], 0) / points.length;
    const y = points.reduce((sum, point) => sum + point[1], 0) / points.length;
    const name = make("text", { x, y: closed ? y : y - 30, class: "sketch-name" });
    name.textContent = shape.name;
    return [...parts, name];
  }

  handles(shape, at) {
    const { closed } = KINDS[shape.kind];
    const found = [];
    const knob = (role, index, point, label, size) => {
      const [x, y] = at(point);
      const group = make("g", { class: `sketch-knob ${role}`, "data-role": role, "data-at": index, tabindex: 0, role: "button", "aria-label": label });
      group.append(make("circle", { cx: x, cy: y, r: 22, class: "sketch-hit" }), make("circle", { cx: x, cy: y, r: size }));
      found.push(group);
    };
    if (closed && shape.points.length < MOST_POINTS) {
      shape.points.forEach((point, i) => {
        const next = shape.points[(i + 1) % shape.points.length];
        knob("middle", i, [(point[0] + next[0]) / 2, (point[1] + next[1]) / 2], `New corner after corner ${i + 1}`, 4.5);
      });
    }
    shape.points.forEach((point, i) => {
      const words = closed ? `Corner ${i + 1}` : ["Begin", "End"][i];
      knob("corner", i, point, `${words} of ${shape.name}, ${Math.round(point[0] * 100)} percent across, ${Math.round(point[1] * 100)} percent down`, 8);
    });
    return found;
  }

  put(points) {
    this.selected.points = points;
    this.change();
    this.draw();
  }

  insert(index) {
    const { points } = this.selected;
    const [a, b] = [points[index], points[(index + 1) % points.length]];
    this.put([...points.slice(0, index + 1), [round((a[0] + b[0]) / 2), round((a[1] + b[1]) / 2)], ...points.slice(index + 1)]);
    return index + 1;
  }

  grab(event) {
    const target = event.target.closest("[data-role]");
    if (!target || event.button > 0) return;
    event.preventDefault();
    const { role } = target.dataset;
    let index = Number(target.dataset.at);
    if (role === "shape") {
      if (this.shapes[index] !== this.selected) this.choose(this.shapes[index]);
    } else if (role === "middle") index = this.insert(index);
    const held = role === "shape" ? "shape" : "corner";
    this.svg.querySelector(`[data-role="${held}"][data-at="${index}"]:not(.sketch-reach)`)?.focus({ preventScroll: true });
    this.drag(event, held, index);
  }

  drag(event, held, index) {
    const area = this.area;
    const start = [event.clientX, event.clientY];
    const before = this.selected.points;
    const move = (to) => {
      if (to.pointerId !== event.pointerId) return;
      const [dx, dy] = [(to.clientX - start[0]) / area.width, (to.clientY - start[1]) / area.height];
      if (held === "shape") this.put(moved(before, dx, dy));
      else this.put(before.map((point, i) => (i === index ? [round(point[0] + dx), round(point[1] + dy)] : point)));
    };
    const stop = (to) => {
      if (to.pointerId !== event.pointerId) return;
      for (const name of ["pointermove", "pointerup", "pointercancel"]) removeEventListener(name, name === "pointermove" ? move : stop);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
  }

  key(event) {
    const target = event.target.closest("[data-role]");
    if (!target) return;
    const { role } = target.dataset;
    const index = Number(target.dataset.at);
    const far = event.shiftKey ? 5 : event.altKey ? 0.2 : 1;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]?.map((one) => one * far * STEP);
    const enter = event.key === "Enter" || event.key === " ";
    if (role === "shape" && this.shapes[index] !== this.selected) {
      if (!enter) return;
      this.choose(this.shapes[index]);
    } else if (role === "shape" && step) this.put(moved(this.selected.points, ...step));
    else if (role === "middle" && enter) {
      const at = this.insert(index);
      this.svg.querySelector(`[data-role="corner"][data-at="${at}"]`)?.focus();
    } else if (role === "corner" && step) {
      this.put(this.selected.points.map(([x, y], i) => (i === index ? [round(x + step[0]), round(y + step[1])] : [x, y])));
    } else if (role === "corner" && (event.key === "Delete" || event.key === "Backspace")) {
      if (this.selected.points.length <= KINDS[this.selected.kind].least) return;
      this.put(this.selected.points.filter((_, i) => i !== index));
      this.svg.querySelector(`[data-role="corner"][data-at="${Math.max(0, index - 1)}"]`)?.focus();
    } else return;
    event.preventDefault();
  }
}
