// Opened footage into a video, by Media Source Extensions: an event's clip, and the live picture.
import { decodeTime, readInit } from "./player/mp4.js";
import { Sink, Source, playsHevc } from "./player/mse.js";

const AHEAD_S = 20;
const BEHIND_S = 1.5;
const LACKS = "This browser lacks Media Source Extensions: it can play neither clips nor live video.";

export const canPlay = () => (playsHevc() ? ["h264", "h265"] : ["h264"]);

/** An event's clip. `call(work, what)` asks the worker; `note` says how it stands. */
export class Clip {
  constructor(video, event, call, note) {
    Object.assign(this, { video, event, call, note, closed: false });
    this.run().catch((error) => this.closed || note([error.message, error.cure].filter(Boolean).join(" ")));
  }

  async run() {
    if (!Source) throw new Error(LACKS);
    const plan = await this.call("clip", { event: this.event.id });
    if (this.closed) return;
    this.sink = new Sink(this.video);
    let meta = null;
    for (const [segment, index, startUs, , newInit, jump] of plan.entries) {
      const fetch = (at) => this.call("fragment", { segment, size: plan.files[segment].size, index: at, camera: this.event.camera });
      const anew = newInit || !meta;
      if (anew) {
        const init = await fetch(0);
        meta = readInit(init);
        if (!Source.isTypeSupported(meta.mime)) throw new Error(`This browser cannot play ${meta.mime}. Use another one.`);
        await this.sink.open(meta.mime);
        await this.sink.append(init);
      }
      const data = await fetch(index);
      if (this.closed) return;
      const place = (startUs - plan.start_us) / 1e6;
      if (anew || jump) this.offset = place - decodeTime(data, meta.track) / meta.timescale;
      await this.sink.append(data, this.offset);
      this.start();
      await this.keepPace();
    }
    await this.sink.last;
    if (!this.closed && this.sink.source.readyState === "open") this.sink.source.endOfStream();
  }

  start() {
    if (this.begun || !this.sink.ranges.length) return;
    this.begun = true;
    this.note("");
    this.video.currentTime = this.sink.ranges.start(0);
    this.video.play().catch(() => {});
    this.video.addEventListener("waiting", this.skip = () => this.hop());
  }

  // Over a gap in the footage.
  hop() {
    const next = this.sink.holds(this.video.currentTime) ? null : this.sink.after(this.video.currentTime);
    if (next !== null) this.video.currentTime = next + 0.01;
  }

  async keepPace() {
    while (!this.closed && this.sink.end - this.video.currentTime > AHEAD_S) await new Promise((done) => { setTimeout(done, 250); });
  }

  close() {
    this.closed = true;
    this.video.removeEventListener("waiting", this.skip);
    this.video.pause();
    this.sink?.close();
  }
}

/** The live picture, as close to now as it comes. `ended()` is called once when nobody looks any more. */
export class LivePicture {
  constructor(video, note, ended) {
    Object.assign(this, { video, note, ended, growth: 0, closed: false });
    if (!Source) this.fail({ message: LACKS });
  }

  take({ head, body, error }) {
    if (this.closed) return;
    if (error) this.fail(error);
    else if (head.live === "init") this.begin(head, body);
    else this.add(body);
  }

  fail(error) {
    this.note([error.message, error.cure].filter(Boolean).join(" "));
  }

  begin(head, init) {
    this.sink?.close();
    this.begun = false;
    const mime = `video/mp4; codecs="${head.codecs}"`;
    if (!Source.isTypeSupported(mime)) {
      this.fail({ message: `This browser cannot play ${head.codecs}.` });
      return;
    }
    this.note(head.note);
    this.sink = new Sink(this.video);
    this.opened = this.sink.open(mime).then(() => this.sink.append(init));
  }

  async add(data) {
    const { sink } = this;
    if (!sink) return;
    await this.opened;
    const before = sink.end;
    await sink.append(data);
    if (this.closed || sink !== this.sink || !sink.ranges.length) return;
    if (before && sink.end > before) this.growth = Math.max(sink.end - before, this.growth * 0.9);
    this.follow();
  }

  follow() {
    const { sink, video } = this;
    if (!this.begun) {
      this.begun = true;
      video.currentTime = sink.ranges.start(0);
      video.play().catch(() => {});
    }
    const behind = sink.end - video.currentTime;
    if (behind > BEHIND_S + this.growth) video.currentTime = sink.end - Math.max(0.2, this.growth);
    else if (!sink.holds(video.currentTime) && sink.after(video.currentTime) !== null) video.currentTime = sink.after(video.currentTime) + 0.01;
    if (video.currentTime - sink.ranges.start(0) > 20) sink.trim(8);
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this.video.pause();
    this.sink?.close();
    this.ended();
  }
}
