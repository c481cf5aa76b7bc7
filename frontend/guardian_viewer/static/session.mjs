// The session between this browser and home, written from docs/protocol.md#viewing-from-afar. Runs in the worker; Node has it, too.
import { concat, openSealed, openVault } from "./reader/reader.mjs";

const subtle = globalThis.crypto.subtle;
const utf8 = new TextEncoder();
const LABEL = "guardian viewer v1 ";
const [REFUSAL, HELLO, WELCOME, VERSION] = [0, 1, 2, 1];
const REFUSED = {
  1: ["not_known", "Home does not take this viewing key, or could not check the passphrase.", "Take the newest viewing key of this home."],
  2: ["too_many", "There were too many wrong tries.", "Wait some minutes and try again."],
  3: ["busy", "Too many viewers are connected to home.", "Try again in a moment."],
};
const AT_ONCE = 8; // home answers 16 questions at once, the live picture among them
const MOST_BODY = 64 * 1024 * 1024;
const OPEN_MS = 15_000; // until a network that swallows everything is given up
const [LOOK_MS, ASK_MS, SILENT_MS, DEAD_MS] = [1000, 4000, 8000, 30_000]; // of silence while an answer or a picture is waited for

/** What went wrong, for people: `code`, `message`, `cure`. */
export class SessionError extends Error {
  constructor(code, message, cure = "") {
    super(message);
    Object.assign(this, { name: "SessionError", code, cure });
  }
}

const changed = () => new SessionError("tampered", "What came is not what home sent: the connection was ended.", "Somebody between may have changed it. Try another network.");
/** The vault was opened before home made the key that something is sealed to. */
export const newKey = () => new SessionError("new_key", "Home has made a new key since you opened the vault.", "Lock, and open it again.");
const gone = () => new SessionError("gone", "The connection to home was lost.", "Connect again.");

const label = (what) => utf8.encode(`${LABEL}${what}\0`);
const unbase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const sha256 = async (...parts) => new Uint8Array(await subtle.digest("SHA-256", concat(...parts)));
const transcript = (what, ...frames) => sha256(label(what), ...frames);

function u64(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

async function derived(secret, what, length, salt = new Uint8Array()) {
  const key = await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info: label(what) }, key, length * 8));
}

async function hmac(secret, bytes) {
  const key = await subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", key, bytes));
}

/** The secret and the home's public key of a viewing key's text. */
export async function readKey(text) {
  const word = text.replaceAll(/\s/g, "").replace(/^guardian-view:/, "").replaceAll("-", "+").replaceAll("_", "/");
  let whole = new Uint8Array();
  try {
    whole = unbase64(word);
  } catch {
    // told below
  }
  const [body, sum] = [whole.subarray(0, 65), whole.subarray(65)];
  const right = whole.length === 69 && body[0] === 1 && (await sha256(body)).subarray(0, 4).every((byte, at) => byte === sum[at]);
  if (!right) throw new SessionError("bad_key", "This is no viewing key.", "Copy all of it, from guardian-view: on.");
  return { secret: body.slice(1, 33), home: body.slice(33, 65) };
}

/** One way of the session: counts its frames. */
class Way {
  constructor(key, use) {
    this.made = subtle.importKey("raw", key, "AES-GCM", false, [use]);
    this.count = 0;
  }

  nonce() {
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setBigUint64(4, BigInt(this.count));
    this.count += 1;
    return { name: "AES-GCM", iv };
  }

  async seal(message) {
    const how = this.nonce();
    return new Uint8Array(await subtle.encrypt(how, await this.made, message));
  }

  async open(frame) {
    const how = this.nonce();
    try {
      return new Uint8Array(await subtle.decrypt(how, await this.made, frame));
    } catch {
      throw changed();
    }
  }
}

/** Frames of a WebSocket, one after another. */
class Wire {
  constructor(url) {
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.came = [];
    this.waiting = null;
    this.closed = false;
    this.opened = new Promise((done, failed) => {
      this.socket.onopen = done;
      this.socket.onclose = ({ code }) => {
        this.closed = code || 1006;
        failed(gone());
        this.waiting?.();
      };
    });
    this.socket.onmessage = ({ data }) => {
      this.came.push(new Uint8Array(data));
      this.waiting?.();
    };
  }

  async next() {
    while (!this.came.length) {
      if (this.closed) return null;
      await new Promise((done) => { this.waiting = done; });
      this.waiting = null;
    }
    return this.came.shift();
  }
}

export class Session {
  constructor() {
    this.number = 0;
    this.asked = new Map();
    this.busy = 0;
    this.queue = [];
    this.heard = performance.now();
    this.silent = this.asking = false;
    this.lost = () => {};
    this.quiet = () => {}; // told whether home is silent
  }

  /** Connect, be sure that it is home, open the vault with the passphrase, and prove it. `say` tells how far it is. `keys`: those of a session before. */
  async open(url, keyText, passphrase, say = () => {}, keys = null) {
    const { secret, home } = await readKey(keyText);
    say("connecting");
    this.wire = new Wire(url);
    const late = setTimeout(() => this.wire.socket.close(), OPEN_MS);
    await this.wire.opened.finally(() => clearTimeout(late)).catch(() => { throw new SessionError("away", "Home cannot be reached.", "See that this device is online, and try again."); });
    const own = await subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
    const begin = concat(Uint8Array.of(HELLO, VERSION), new Uint8Array(await subtle.exportKey("raw", own.publicKey)));
    const hello = concat(begin, await hmac(await derived(secret, "hello", 32), begin));
    this.wire.socket.send(hello);
    const welcome = await this.frame();
    const { shared, inner, said } = await this.welcomed(own, secret, home, hello, welcome);
    say("unlocking");
    this.keys = keys ?? (await openVault(inner.vault, passphrase)); // refuses weak Argon2id parameters and a changed vault
    if (keys && !keys.has(inner.epoch)) throw newKey();
    const info = concat(utf8.encode("private-ai-guardian viewer v1 challenge\0"), said);
    const challenge = await openSealed(this.keys, inner.epoch, unbase64(inner.challenge), info).catch(() => { throw changed(); });
    const wide = await derived(concat(shared, secret, challenge), "session", 64, await transcript("session", hello, welcome));
    this.up = new Way(wide.subarray(0, 32), "encrypt");
    this.down = new Way(wide.subarray(32), "decrypt");
    this.sending = Promise.resolve();
    say("proving");
    await this.send(label("proof"));
    await this.down.open(await this.frame());
    this.heard = performance.now();
    this.looking = setInterval(() => this.look(), LOOK_MS);
    this.running = this.run();
  }

  /** A connection that is cut on the way says nothing of it. Who waits is told, and after a while it counts as lost. */
  look() {
    const since = performance.now() - this.heard;
    if (!this.asked.size) this.heard = performance.now();
    else if (since > DEAD_MS) this.close(gone());
    else if (since > SILENT_MS) this.hush(true);
    else if (since > ASK_MS && !this.asking) {
      this.asking = true; // a camera may be silent where home is not
      const done = () => { this.asking = false; };
      this.stream({ ask: "home" }, done, done);
    }
  }

  hush(silent) {
    if (silent === this.silent) return;
    this.silent = silent;
    this.quiet(silent);
  }

  async frame() {
    const late = setTimeout(() => this.wire.socket.close(), DEAD_MS);
    const frame = await this.wire.next().finally(() => clearTimeout(late));
    if (frame === null) {
      const [away, why] = [this.wire.closed === 1013, "Home is away, or does not answer."];
      throw away ? new SessionError("away", why, "It calls its relay by itself; try again in a minute.") : gone();
    }
    if (frame.length === 2 && frame[0] === REFUSAL) throw new SessionError(...(REFUSED[frame[1]] ?? REFUSED[1]));
    return frame;
  }

  async welcomed(own, secret, home, hello, welcome) {
    if (welcome[0] !== WELCOME || welcome.length < 50) throw changed();
    try {
      const theirs = await subtle.importKey("raw", welcome.subarray(1, 33), { name: "X25519" }, false, []);
      const shared = new Uint8Array(await subtle.deriveBits({ name: "X25519", public: theirs }, own.privateKey, 256));
      const said = await transcript("welcome", hello, welcome.subarray(0, 33));
      const key = await subtle.importKey("raw", await derived(concat(shared, secret), "welcome", 32, said), "AES-GCM", false, ["decrypt"]);
      const how = { name: "AES-GCM", iv: new Uint8Array(12), additionalData: said };
      const inner = JSON.parse(new TextDecoder().decode(await subtle.decrypt(how, key, welcome.subarray(33))));
      const edge = unbase64(inner.edge);
      const words = concat(utf8.encode("guardian viewing v1\0"), edge, u64(inner.created_us));
      const signed = (await verified(home, inner.home_signature, words)) && (await verified(edge, inner.signature, concat(label("edge"), said)));
      if (!signed) throw changed();
      return { shared, inner, said };
    } catch {
      throw new SessionError("not_home", "Who answered is not the home of this viewing key.", "Somebody may be between. Take the newest viewing key; if it goes on, do not use this relay.");
    }
  }

  send(message) {
    const step = this.sending.then(async () => this.wire.socket.send(await this.up.seal(message)));
    this.sending = step.catch(() => {});
    return step;
  }

  /** Take what comes until the end; who waits for an answer is told. */
  async run() {
    let why = gone();
    try {
      for (let frame = await this.wire.next(); frame !== null; frame = await this.wire.next()) {
        this.take(await this.down.open(frame));
        this.heard = performance.now();
        this.hush(false);
      }
    } catch (error) {
      why = error;
    }
    this.close(why);
  }

  take(message) {
    const size = new DataView(message.buffer, message.byteOffset).getUint32(0);
    const head = JSON.parse(new TextDecoder().decode(message.subarray(4, 4 + size)));
    const one = this.asked.get(head.id);
    if (!one) return;
    one.parts.push(message.subarray(4 + size));
    one.size += message.length;
    if (head.piece && one.size <= MOST_BODY) return;
    const body = concat(...one.parts);
    [one.parts, one.size] = [[], 0];
    if (head.error || !head.more) this.asked.delete(head.id);
    if (head.error) one.failed(new SessionError(head.error.code, head.error.message, head.error.cure));
    else one.got(head, body);
  }

  /** Ask once: the answer's head and body. What is too much at once waits its turn. */
  async ask(head) {
    if (this.busy >= AT_ONCE) await new Promise((go) => { this.queue.push(go); });
    this.busy += 1;
    try {
      return await new Promise((done, failed) => { this.stream(head, (answer, body) => done({ head: answer, body }), failed); });
    } finally {
      this.busy -= 1;
      this.queue.shift()?.();
    }
  }

  /** Ask for something that goes on: `got(head, body)` for each part. Returns what ends it. */
  stream(head, got, failed) {
    this.number += 1;
    const id = this.number;
    if (this.over) {
      failed(this.over);
      return () => {};
    }
    this.asked.set(id, { got, failed, parts: [], size: 0 });
    this.question({ ...head, id });
    return () => {
      if (!this.asked.delete(id) || this.over) return;
      this.number += 1;
      this.question({ id: this.number, ask: "stop", stop: id });
    };
  }

  question(head) {
    const text = utf8.encode(JSON.stringify(head));
    const size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, text.length);
    this.send(concat(size, text)).catch(() => {});
  }

  close(why = gone()) {
    if (this.over) return;
    this.over = why;
    clearInterval(this.looking);
    this.wire?.socket.close();
    for (const one of this.asked.values()) one.failed(why);
    this.asked.clear();
    this.lost(why);
  }
}

async function verified(key, signature, words) {
  const made = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  return subtle.verify({ name: "Ed25519" }, made, unbase64(signature), words);
}
