// A strip of time below a fixed needle: dragging moves time, arrow keys too.
import { format, ticks } from "./time.js";

const NEEDLE = 0.72;
const STEPS_S = [10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600];
const SNAP_PX = 6;
const LABEL_PX = 72; // from one to the next: "12:30 AM" and a gap

// `moving(ms)` while it is dragged, `chosen(ms)` when it is let go, `live()` when it went past now, `open(event)` on an event.
export class Timeline {
  constructor(canvas, handlers) {
    Object.assign(this, { canvas, handlers });
    this.at = Date.now();
    this.first = this.at;
    this.zoom = 3600;
    this.spans = [];
    this.events = [];
    this.holds = [];
    this.drag = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", () => { this.drag = null; });
    canvas.addEventListener("keydown", (event) => this.key(event));
    addEventListener("guardian:theme", () => this.draw());
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.draw());
  }

  get perPixel() { return (this.zoom * 1000) / (this.canvas.clientWidth || 1); }
  get start() { return this.at - this.zoom * 1000 * NEEDLE; }
  get end() { return this.start + this.zoom * 1000; }
  x(ms) { return (ms - this.start) / this.perPixel; }

  // Show a moment, unless somebody is dragging.
  show(ms) {
    if (this.drag || this.waiting) return;
    this.at = ms;
    this.draw();
  }

  set(values) {
    Object.assign(this, values);
    this.draw();
  }

  press(event) {
    if (event.button > 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = { x: event.clientX, at: this.at, moved: false };
  }

  move(event) {
    if (!this.drag) return;
    const distance = event.clientX - this.drag.x;
    if (Math.abs(distance) > SNAP_PX) this.drag.moved = true;
    if (!this.drag.moved) return;
    this.at = this.clamp(this.drag.at - distance * this.perPixel);
    this.draw();
    this.handlers.moving(this.at);
  }

  release(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    if (drag.moved) return this.choose(this.at);
    const at = this.start + (event.clientX - this.canvas.getBoundingClientRect().left) * this.perPixel;
    const near = this.events.find((one) => Math.abs(this.x(one.at) - this.x(at)) < 12);
    return this.choose(this.clamp(near && event.offsetY < 34 ? near.at : at));
  }

  clamp(ms) { return Math.min(Date.now(), Math.max(this.first, ms)); }

  choose(ms) {
    this.at = ms;
    this.draw();
    if (Date.now() - ms < 1500) this.handlers.live();
    else this.handlers.chosen(ms);
  }

  key(event) {
    const step = (this.zoom * 1000) / 60;
    const to = {
      ArrowLeft: this.at - (event.shiftKey ? 1000 : step), ArrowRight: this.at + (event.shiftKey ? 1000 : step),
      ArrowDown: this.at - step, ArrowUp: this.at + step,
      PageDown: this.at - step * 15, PageUp: this.at + step * 15, Home: this.first, End: Date.now(),
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.at = this.clamp(to);
    this.draw();
    this.handlers.moving(this.at);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.choose(this.at);
    }, 350);
  }

  tell() {
    const { canvas } = this;
    canvas.setAttribute("aria-valuemin", Math.round(this.first / 1000));
    canvas.setAttribute("aria-valuemax", Math.round(Date.now() / 1000));
    canvas.setAttribute("aria-valuenow", Math.round(this.at / 1000));
    canvas.setAttribute("aria-valuetext", format(this.at, "full"));
  }

  draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.drawSpans(pen, width, height, colour);
    this.drawTicks(pen, width, height, colour);
    this.drawEvents(pen, width, colour);
    this.drawNeedle(pen, width, height, colour);
    this.tell();
  }

  drawSpans(pen, width, height, colour) {
    const bar = { y: 32, h: height - 58 };
    pen.fillStyle = colour("--raised");
    pen.fillRect(0, bar.y, Math.min(width, Math.max(0, this.x(Date.now()))), bar.h);
    pen.fillStyle = colour("--wait");
    pen.globalAlpha = 0.62;
    for (const span of this.spans) {
      const from = Math.max(0, this.x(span.start));
      const to = Math.min(width, this.x(span.open ? Math.max(span.end, Math.min(Date.now(), span.end + 15_000)) : span.end));
      if (to > from) pen.fillRect(from, bar.y, Math.max(1, to - from), bar.h);
    }
    pen.globalAlpha = 1;
    pen.fillStyle = colour("--good");
    for (const hold of this.holds) {
      const from = Math.max(0, this.x(hold.start));
      const to = Math.min(width, this.x(hold.end));
      if (to > from) pen.fillRect(from, bar.y + bar.h - 5, Math.max(2, to - from), 5);
    }
  }

  drawTicks(pen, width, height, colour) {
    const step = STEPS_S.find((one) => (one * 1000) / this.perPixel > LABEL_PX) ?? 43_200;
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillStyle = colour("--quiet");
    for (const tick of ticks(this.start, this.end, step)) {
      const x = Math.round(this.x(tick));
      pen.fillRect(x, height - 26, 1, 5);
      const label = format(tick, step < 60 ? "time" : "minute");
      const half = pen.measureText(label).width / 2;
      if (x - half >= 2 && x + half <= width - 2) pen.fillText(label, x, height - 7); // half a label reads as another time
    }
  }

  drawEvents(pen, width, colour) {
    pen.fillStyle = colour("--accent");
    for (const event of this.events) {
      const from = this.x(event.at);
      const to = Math.max(from, this.x(event.end));
      if (to < -8 || from > width + 8) continue;
      pen.globalAlpha = 0.5;
      pen.fillRect(from, 15, to - from, 6);
      pen.globalAlpha = 1;
      pen.beginPath();
      pen.arc(from, 18, 5, 0, 7);
      pen.fill();
    }
  }

  drawNeedle(pen, width, height, colour) {
    const x = Math.round(width * NEEDLE);
    pen.fillStyle = colour("--text");
    pen.fillRect(x - 1, 4, 2, height - 30);
    pen.beginPath();
    pen.moveTo(x - 6, 2);
    pen.lineTo(x + 6, 2);
    pen.lineTo(x, 10);
    pen.fill();
  }
}
