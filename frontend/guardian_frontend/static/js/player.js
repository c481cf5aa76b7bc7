// Recorded footage: an HLS playlist's fragments into a video whose clock counts seconds from `base`.
import { call } from "./api.js";
import { Sink, Source, playsHevc, playsNatively } from "./mse.js";
import { decodeTime, readInit } from "./mp4.js";

const WINDOW_MS = 10 * 60_000;
const AHEAD_S = 20;
const SAME_CLOCK_S = 0.3;
const STEP_MS = 250;
const CONVERTED = "Converted to H.264: this browser cannot play the camera's H.265";

// Returns [{map, url, at, seconds}], `at` in UTC milliseconds.
export function parsePlaylist(text, address) {
  const entries = [];
  let map = "";
  let at = 0;
  let seconds = 0;
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (line.startsWith("#EXT-X-MAP:")) map = new URL(/URI="([^"]*)"/.exec(line)[1], address).href;
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) at = Date.parse(line.slice(25));
    else if (line.startsWith("#EXTINF:")) seconds = Number.parseFloat(line.slice(8));
    else if (line && !line.startsWith("#")) {
      entries.push({ map, url: new URL(line, address).href, at, seconds });
      at += seconds * 1000;
    }
  }
  return entries;
}

// `say(state, message, cure)` as Live's; `note(text)`; `ended()` when there is nothing newer.
export class Player {
  constructor(video, camera, { say = () => {}, note = () => {}, ended = () => {} } = {}) {
    Object.assign(this, { video, camera, say, note, ended });
    this.turn = 0;
    this.as = "";
    this.forced = false;
    this.hevc = playsHevc();
    this.active = false;
    this.onError = () => this.active && this.fallBack(this.video.error?.message ?? "");
  }

  // What is shown, in UTC milliseconds.
  get now() {
    return this.showing ? this.base + this.video.currentTime * 1000 : this.wanted;
  }

  async play(at) {
    if (this.sink && this.showing && this.reach(at)) return;
    this.stop();
    this.active = true;
    this.wanted = at;
    const turn = this.turn;
    this.video.addEventListener("error", this.onError);
    this.say("wait");
    try {
      const entries = await this.load(at);
      if (turn !== this.turn) return;
      if (!entries.length) throw Object.assign(new Error("There is no footage after this moment."), { cure: "Choose a coloured part of the timeline." });
      if (Source) await this.begin(entries, at, turn);
      else this.native(entries, at);
    } catch (error) {
      if (turn === this.turn) this.say("fail", error.message, error.cure ?? "");
    }
  }

  stop() {
    this.turn += 1;
    this.active = false;
    this.showing = false;
    clearInterval(this.timer);
    this.aborter?.abort();
    this.video.removeEventListener("error", this.onError);
    this.sink?.close();
    this.sink = null;
    this.video.playbackRate = 1;
  }

  reach(at) {
    const time = (at - this.base) / 1000;
    if (!this.sink.holds(time)) return false;
    this.video.currentTime = time;
    this.say("play");
    return true;
  }

  // The playlist that begins at a moment, or with the first footage after it.
  async load(from) {
    if (!this.aborter || this.aborter.signal.aborted) this.aborter = new AbortController();
    const { signal } = this.aborter;
    const footage = await this.footageFrom(from, signal);
    if (footage === null) return [];
    if (!this.forced) this.as = footage.hevc && !this.hevc ? "h264" : "";
    const address = this.address(footage.start, footage.end);
    return parsePlaylist(await call(address, { as: "text", signal }), address);
  }

  // One stretch is of one codec.
  async footageFrom(from, signal) {
    const end = new Date(Math.max(Date.now(), from + 1000)).toISOString();
    const path = `/api/v1/cameras/${this.camera}/recordings?start=${new Date(from).toISOString()}&end=${end}`;
    const span = (await call(path, { signal })).items.find((one) => Date.parse(one.end) > from + 50);
    if (!span) return null;
    const start = Math.max(from, Date.parse(span.start));
    const most = start + WINDOW_MS;
    return { start, end: span.open ? most : Math.min(most, Date.parse(span.end)), hevc: /^(hvc|hev)1/.test(span.codecs) };
  }

  address(from, to) {
    const path = `/api/v1/cameras/${this.camera}/hls/index.m3u8`;
    const as = this.as ? "&as=h264" : "";
    return new URL(`${path}?start=${new Date(from).toISOString()}&end=${new Date(to).toISOString()}${as}`, location.href).href;
  }

  async begin(entries, at, turn) {
    this.queue = entries;
    this.base = entries[0].at;
    this.until = entries[0].at;
    this.map = "";
    this.notes = [];
    this.offset = null;
    this.target = Math.max(0, (at - this.base) / 1000);
    this.sink = new Sink(this.video);
    this.filling = false;
    this.timer = setInterval(() => this.fill(turn), STEP_MS);
    await this.fill(turn);
  }

  // Keep some seconds ready; step over gaps.
  async fill(turn) {
    if (this.filling || turn !== this.turn) return;
    this.filling = true;
    try {
      while (turn === this.turn && (!this.showing || this.sink.end - this.video.currentTime < AHEAD_S)) {
        const entry = await this.nextEntry(turn);
        if (!entry || turn !== this.turn) break;
        if (!(await this.append(entry, turn))) break;
        this.show();
      }
      if (turn === this.turn && this.showing) await this.keepGoing();
    } catch (error) {
      if (turn === this.turn && error.name !== "AbortError") this.fallBack(error.message, error.cure);
    } finally {
      this.filling = false;
    }
  }

  async nextEntry(turn) {
    if (this.queue.length) return this.queue.shift();
    if (this.asked && Date.now() - this.asked < 2000) return null;
    this.asked = Date.now();
    const more = (await this.load(this.until)).filter((entry) => entry.at + entry.seconds * 500 > this.until);
    if (turn !== this.turn) return null;
    if (!more.length && this.showing && this.sink.end - this.video.currentTime < 0.5) this.ended();
    this.queue = more;
    return this.queue.shift() ?? null;
  }

  async append(entry, turn) {
    const { signal } = this.aborter;
    if (entry.map !== this.map) {
      const init = await call(entry.map, { as: "bytes", signal });
      if (turn !== this.turn) return false;
      this.track = readInit(init);
      if (!Source.isTypeSupported(this.track.mime)) {
        this.fallBack(`This browser cannot play ${this.track.mime}.`);
        return false;
      }
      if (this.mime !== this.track.mime || !this.sink.buffer) await this.sink.open(this.track.mime);
      this.mime = this.track.mime;
      await this.sink.append(init);
      this.map = entry.map;
      this.notes.push([(entry.at - this.base) / 1000, this.as ? CONVERTED : ""]);
    }
    const data = await call(entry.url, { as: "bytes", signal });
    if (turn !== this.turn) return false;
    await this.sink.append(data, this.place(entry, data));
    this.until = entry.at + entry.seconds * 1000;
    return true;
  }

  // Fragments count on their run's clock; a new run gets a new offset.
  place(entry, data) {
    const at = (decodeTime(data, this.track.track) ?? 0) / this.track.timescale;
    const want = (entry.at - this.base) / 1000;
    if (this.offset === null || Math.abs(at + this.offset - want) > SAME_CLOCK_S) this.offset = want - at;
    return this.offset;
  }

  show() {
    if (this.showing || !this.sink.ranges.length) return;
    const first = this.sink.ranges.start(0);
    if (this.sink.end <= this.target && this.queue.length) return; // the wanted moment is still to come
    this.video.currentTime = Math.min(Math.max(this.target, first), Math.max(first, this.sink.end - 0.1));
    this.showing = true;
    this.say("play");
    this.video.play().catch(() => {});
  }

  async keepGoing() {
    const { sink, video } = this;
    this.note(this.notes.findLast(([from]) => from <= video.currentTime + 0.1)?.[1] ?? "");
    const ahead = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA ? 0.5 : 0.05; // it waits in the last picture before a gap
    if (!sink.holds(video.currentTime + ahead)) {
      const next = sink.after(video.currentTime);
      if (next !== null) video.currentTime = next + 0.01;
    }
    if (sink.ranges.length && video.currentTime - sink.ranges.start(0) > 60) await sink.trim(30);
  }

  // Once: the same in H.264.
  fallBack(message, cure = "") {
    const at = this.now;
    this.stop();
    if (this.as) return this.say("fail", message || "This footage could not be played.", cure || "Export it, or use another browser.");
    if (cure) return this.say("fail", message, cure);
    this.as = "h264";
    this.forced = true;
    this.note("Converting to H.264 for this browser");
    return this.play(at);
  }

  native(entries, at) {
    if (!playsNatively()) throw Object.assign(new Error("This browser cannot play recordings."), { cure: "Use a current Chrome, Firefox, Edge or Safari." });
    this.base = entries[0].at;
    this.video.src = this.address(at, at + 6 * WINDOW_MS);
    this.video.play().catch(() => {});
    this.showing = true;
    this.say("play");
  }
}
