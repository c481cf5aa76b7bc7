// One camera's live picture: fragments over a WebSocket into a video, as close to now as they come.
import { Sink, Source, playsHevc, playsNatively } from "./mse.js";
import { sentence } from "./words.js";

const BEHIND_S = 1.5;
const RETRY_MS = [1000, 2000, 4000, 8000, 15_000];

export const fallbackNote = () => {
  if (Source) return "";
  return playsNatively()
    ? "This browser has no Media Source Extensions: the recording is shown instead, some seconds late, while the vault is open."
    : "This browser can show neither live video nor recordings: it lacks Media Source Extensions and HLS. A current Chrome, Firefox, Edge or Safari can.";
};

// `say(state, message, cure)` with state wait, play or fail; `note(text)` why it is not the main stream.
export class Live {
  constructor(video, camera, { say = () => {}, note = () => {}, prefer = "main" } = {}) {
    Object.assign(this, { video, camera, say, note, prefer });
    this.running = false;
    this.failures = 0;
    this.hevc = playsHevc();
    this.onVisible = () => (document.hidden ? this.disconnect() : this.connect());
    this.onError = () => this.broken(this.video.error);
    this.onStall = () => this.follow();
  }

  start() {
    if (this.running) return;
    this.running = true;
    document.addEventListener("visibilitychange", this.onVisible);
    this.video.addEventListener("error", this.onError);
    this.video.addEventListener("waiting", this.onStall);
    if (!document.hidden) this.connect();
  }

  stop() {
    this.running = false;
    document.removeEventListener("visibilitychange", this.onVisible);
    this.video.removeEventListener("error", this.onError);
    this.video.removeEventListener("waiting", this.onStall);
    this.disconnect();
  }

  connect() {
    if (!this.running || this.socket) return;
    if (!Source) return this.native();
    clearTimeout(this.timer);
    this.say("wait");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const can = this.hevc ? "h264,h265" : "h264";
    const socket = new WebSocket(`${scheme}//${location.host}/api/v1/cameras/${this.camera}/live?can=${can}&prefer=${this.prefer}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.said = null;
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      if (typeof data === "string") this.told(JSON.parse(data));
      else this.take(data);
    };
    socket.onclose = () => socket === this.socket && this.lost();
    return undefined;
  }

  disconnect() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.drop();
  }

  drop() {
    this.sink?.close();
    this.sink = null;
  }

  lost() {
    this.disconnect();
    if (!this.running) return;
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    const { message = "The connection was lost.", cure = "Trying again by itself." } = this.said ?? {};
    this.say(this.failures > 1 || this.said ? "fail" : "wait", message, cure);
    this.timer = setTimeout(() => this.connect(), wait);
  }

  told(message) {
    if (message.type === "error") this.said = message;
    if (message.type !== "init") return;
    // Clock and codec may both be new: begin afresh.
    this.drop();
    this.note(message.note);
    if (!Source.isTypeSupported(message.mime)) return this.unplayable(message.codecs);
    const sink = new Sink(this.video);
    this.sink = sink;
    this.begun = false;
    this.growth = 0;
    this.opened = sink.open(message.mime).catch((error) => sink === this.sink && this.broken(error));
    return undefined;
  }

  unplayable(codecs) {
    this.said = { message: `This browser cannot play ${codecs}.`, cure: "Use another browser, or set the camera to H.264." };
    this.hevc = false;
    this.socket.close();
  }

  async take(data) {
    const sink = this.sink;
    if (!sink) return;
    await this.opened;
    const before = sink.end;
    try {
      await sink.append(data);
    } catch (error) {
      if (sink === this.sink) this.broken(error);
      return;
    }
    if (sink !== this.sink || !sink.ranges.length) return;
    if (before && sink.end > before) this.growth = Math.max(sink.end - before, this.growth * 0.9);
    this.follow();
  }

  // Stay near the end. Fragments may last a second or two: so much of a distance is normal.
  follow() {
    const { sink, video } = this;
    if (!sink?.ranges.length) return;
    if (!this.begun) this.begin();
    const behind = sink.end - video.currentTime;
    if (behind > BEHIND_S + this.growth) video.currentTime = sink.end - Math.max(0.2, this.growth);
    else if (!sink.holds(video.currentTime)) {
      const next = sink.after(video.currentTime);
      if (next !== null) video.currentTime = next + 0.01;
    }
    video.playbackRate = behind > 0.6 + this.growth ? 1.08 : 1;
    if (video.currentTime - sink.ranges.start(0) > 20) sink.trim(8);
  }

  begin() {
    this.begun = true;
    this.failures = 0;
    this.video.currentTime = this.sink.ranges.start(0);
    this.video.play().catch(() => {});
    this.say("play");
  }

  broken(error) {
    if (!this.socket) return;
    this.said = { message: "The picture could not be decoded.", cure: "Trying again by itself." };
    console.warn("live", this.camera, error?.message ?? error);
    this.lost();
  }

  native() {
    if (!playsNatively()) return this.say("fail", "Live video cannot be shown here.", "");
    const start = new Date(Date.now() - 20_000).toISOString();
    const end = new Date(Date.now() + 3_600_000).toISOString();
    const as = this.hevc ? "" : "&as=h264";
    this.video.src = `/api/v1/cameras/${this.camera}/hls/index.m3u8?start=${start}&end=${end}${as}`;
    this.video.play().then(() => this.say("play"), () => this.say("fail", "The recording could not be played.", "Is the vault unlocked?"));
    return undefined;
  }
}

// Shows what a Live says on the dark cover over its video.
export function sayOn(element) {
  return (state, message = "", cure = "") => {
    element.hidden = state === "play";
    element.replaceChildren();
    if (state === "wait" || !message) {
      element.append(Object.assign(document.createElement("span"), { className: "spinner" }));
      return;
    }
    for (const [text, name] of [[message, ""], [cure, "cure"]]) {
      if (text) element.append(Object.assign(document.createElement("p"), { className: name, textContent: sentence(text) }));
    }
  };
}
