// Media Source Extensions: what can be played, and appending in order.
export const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource ?? null;
export const HEVC = 'video/mp4; codecs="hvc1.1.6.L120.B0"';
export const playsNatively = () => document.createElement("video").canPlayType("application/vnd.apple.mpegurl") !== "";
export const playsHevc = () => (Source ? Source.isTypeSupported(HEVC) : document.createElement("video").canPlayType(HEVC) !== "");

// Opens a MediaSource on a video. `append`, `remove` and `change` run one after another; each returns a promise.
export class Sink {
  constructor(video) {
    this.video = video;
    this.source = new Source();
    this.buffer = null;
    this.last = Promise.resolve();
    this.closed = false;
    video.disableRemotePlayback = true;
    this.url = URL.createObjectURL(this.source);
    this.ready = new Promise((done) => { this.source.addEventListener("sourceopen", done, { once: true }); });
    video.src = this.url;
  }

  async open(mime) {
    await this.ready;
    if (this.closed) return;
    if (this.buffer) await this.run((buffer) => buffer.changeType(mime));
    else this.buffer = this.source.addSourceBuffer(mime);
  }

  run(work) {
    const step = async () => {
      if (this.closed || this.source.readyState !== "open") return;
      if (this.buffer.updating) await this.idle();
      if (this.closed) return;
      work(this.buffer);
      if (this.buffer.updating) await this.idle();
    };
    const result = this.last.then(step);
    this.last = result.catch(() => {});
    return result;
  }

  idle() {
    return new Promise((done) => { this.buffer.addEventListener("updateend", done, { once: true }); });
  }

  async append(data, offset) {
    try {
      await this.run((buffer) => {
        if (offset !== undefined && buffer.timestampOffset !== offset) buffer.timestampOffset = offset;
        buffer.appendBuffer(data);
      });
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
      await this.trim(2);
      await this.run((buffer) => buffer.appendBuffer(data));
    }
  }

  // Forget what was played more than `keep` seconds ago.
  trim(keep) {
    const start = this.ranges.length ? this.ranges.start(0) : 0;
    const until = this.video.currentTime - keep;
    return until - start > 1 ? this.run((buffer) => buffer.remove(start, until)) : Promise.resolve();
  }

  get ranges() {
    return this.buffer && this.source.readyState !== "closed" ? this.buffer.buffered : { length: 0 };
  }

  get end() {
    return this.ranges.length ? this.ranges.end(this.ranges.length - 1) : 0;
  }

  holds(time) {
    for (let i = 0; i < this.ranges.length; i += 1) if (time >= this.ranges.start(i) - 0.05 && time < this.ranges.end(i)) return true;
    return false;
  }

  // Where the next buffered stretch after a moment begins, or null.
  after(time) {
    for (let i = 0; i < this.ranges.length; i += 1) if (this.ranges.start(i) > time) return this.ranges.start(i);
    return null;
  }

  close() {
    this.closed = true;
    URL.revokeObjectURL(this.url);
    if (this.video.src === this.url) {
      this.video.removeAttribute("src");
      this.video.load();
    }
  }
}
