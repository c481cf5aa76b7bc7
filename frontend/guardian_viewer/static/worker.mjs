// Holds every key; the page gets pictures and fragments and never a key. Ends with the page, and when it locks.
import { ReaderError, openSegment } from "./reader/reader.mjs";
import { Session, SessionError, newKey } from "./session.mjs";

const FILES = 24; // opened segments kept
const HERE_EVERY_MS = 5 * 60_000;
const AGAIN_MS = [500, 1000, 2000, 4000, 8000, 15_000, ...Array(8).fill(30_000)];
const PASSING = ["gone", "away", "busy"];
let session = null;
let known = null; // address, viewing key and the vault's keys, to come back by itself when the connection is lost
const files = new Map();
const streams = new Map();

/** A sealed file at home, read by range. What was just read is kept: a record's head and content are asked for apart. */
class Away {
  constructor(segment, size) {
    Object.assign(this, { segment, size, at: 0, held: new Uint8Array() });
  }

  async fetch(start, end) {
    const within = () => start >= this.at && end <= this.at + this.held.length;
    if (!within()) await this.hold(start, Math.max(end, start + 64 * 1024));
    if (!within()) throw new ReaderError("damaged", "the footage is cut off");
    return this.held.slice(start - this.at, end - this.at);
  }

  async hold(start, end) {
    const stop = Math.min(end, this.size);
    const { body } = await session.ask({ ask: "bytes", segment: this.segment, start, end: stop });
    [this.at, this.held] = [start, body];
  }
}

function opened(segment, size) {
  if (!files.has(segment)) {
    const away = new Away(segment, size);
    files.set(segment, openSegment(away, session.keys).then((file) => ({ file, away })));
    if (files.size > FILES) files.delete(files.keys().next().value);
  }
  return files.get(segment);
}

async function use(made) {
  session = made;
  made.lost = comeBack;
  made.quiet = (silent) => postMessage({ progress: silent ? "silent" : "heard" });
  return (await made.ask({ ask: "home" })).head;
}

/** A connection that is lost is made anew with the keys that are here. Where a frame was changed, that is the end. */
async function comeBack(why) {
  let last = why;
  for (const wait of PASSING.includes(why.code) ? AGAIN_MS : []) {
    postMessage({ progress: "again" });
    await new Promise((done) => { setTimeout(done, wait); });
    const made = new Session();
    try {
      await made.open(known.url, known.key, "", () => {}, known.keys);
      postMessage({ again: await use(made) });
      return;
    } catch (error) {
      made.lost = () => {};
      made.close();
      last = error;
      if (!PASSING.includes(error.code)) break;
    }
  }
  known?.keys.clear();
  [known, session] = [null, null];
  postMessage({ lost: told(last) });
}

const WORK = {
  async open({ url, key, passphrase }) {
    const made = new Session();
    await made.open(url, key, passphrase, (progress) => postMessage({ progress }));
    known = { url, key, keys: made.keys };
    return use(made);
  },
  home: async () => (await session.ask({ ask: "home" })).head,
  events: async ({ cursor, camera }) => (await session.ask({ ask: "events", cursor: cursor ?? "", camera: camera ?? "", limit: 30 })).head,
  async picture({ event }) {
    const { body } = await session.ask({ ask: "picture", event });
    const file = await openSegment(body, session.keys);
    if (file.header.kind !== 2) throw new ReaderError("damaged", "this is no picture");
    return file.read(0);
  },
  clip: async ({ event }) => (await session.ask({ ask: "clip", event })).head,
  async fragment({ segment, size, index, camera }) {
    let { file, away } = await opened(segment, size);
    if (index >= file.table.length) {
      files.delete(segment); // it has grown since
      ({ file, away } = await opened(segment, size));
    }
    if (file.header.kind !== 1 || file.header.segment_id !== segment || file.header.camera !== camera) throw new ReaderError("damaged", "this is footage of something else");
    const row = file.table[index];
    if (row) await away.hold(row.offset, row.offset + row.size);
    return file.read(index);
  },
  async live({ stream, camera, can }) {
    const got = (head, body) => postMessage({ stream, head, body }, [body.buffer]);
    streams.set(stream, session.stream({ ask: "live", camera, can }, got, (why) => postMessage({ stream, error: told(why) })));
  },
  async stop({ stream }) {
    streams.get(stream)?.();
    streams.delete(stream);
  },
};

function told(error) {
  if (error instanceof SessionError) return { code: error.code, message: error.message, cure: error.cure };
  if (error instanceof ReaderError) {
    if (error.lacks) return told(newKey());
    const wrong = error.code === "wrong_passphrase";
    return { code: error.code, message: `${error.message}.`, cure: wrong ? "Mind upper case and spaces." : "What home sent was changed, or is damaged there." };
  }
  return { code: "failed", message: String(error?.message ?? error), cure: "" };
}

onmessage = async ({ data: { id, work, ...what } }) => {
  try {
    const result = await WORK[work](what);
    postMessage({ id, result }, result instanceof Uint8Array ? [result.buffer] : []);
  } catch (error) {
    postMessage({ id, error: told(error) });
  }
};

setInterval(() => session?.over || session?.question({ ask: "here", id: (session.number += 1) }), HERE_EVERY_MS);
