// An independent reader of Guardian's sealed files, written from docs/format.md. Works in browsers and in Node 20 or newer.
//
//   const keys = await openVault(JSON.parse(text), passphrase);
//   const file = await openSegment(bytes, keys);
//   const init = await file.read(0);            // MP4 init segment; 1, 2, … are its fragments
//
// AES-GCM, HKDF, HMAC, SHA-256 and X25519 are WebCrypto's. Argon2id, SHA-3 and ML-KEM-768 are @noble's.

import { argon2id } from "@noble/hashes/argon2.js";
import { sha3_256 } from "@noble/hashes/sha3.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";

const subtle = globalThis.crypto.subtle;
const utf8 = new TextEncoder();
const MAGIC = [0x89, 0x50, 0x41, 0x47, 0x53, 0x0d, 0x0a, 0x1a];
const FOOTER_MAGIC = "PAGSEND1";
const SUITE_ID = concat(utf8.encode("HPKE"), u16(0x647a), u16(0x0001), u16(0x0002)); // RFC 9180, 5.1
const X_WING_LABEL = Uint8Array.of(0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c);
const KEY_FLAG = 1;
const END_FLAG = 2;
const HEAD_BYTES = 41;
const BOUND_BYTES = 37;
const ROW_BYTES = 37;
const TAG_BYTES = 16;
const MAX_METADATA = 65_536;
const MAX_WRAPPED = 8_192;
const MAX_RECORD = 67_108_864;
const MAX_RECORDS = 262_144;
const FOOTER_END_BYTES = 12;
const ROW_MEMBERS = ["size", "start90k", "duration90k", "startUtcUs", "flags", "frames"];
const LIMIT = 1n << 62n;
const MAX_HEADER = 96 * 1024;
const MEMBERS = {
  segment_id: "string",
  run_id: "string",
  camera: "string",
  stream: "string",
  kind: "number",
  start_utc_us: "number",
  start_mono_us: "number",
  start_90k: "number",
  codecs: "string",
  width: "number",
  height: "number",
};
const KINDS = [1, 2, 3, 4, 5];

/** What went wrong: `code` is not_ours, unsupported, damaged or wrong_passphrase. */
export class ReaderError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "ReaderError";
    this.code = code;
  }
}

const damaged = (message) => new ReaderError("damaged", message);

// bytes

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function u16(value) {
  return Uint8Array.of(value >> 8, value & 255);
}

function u32(value) {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function label(text) {
  return utf8.encode(`${text}\0`);
}

function same(a, b) {
  if (a.length !== b.length) return false;
  let different = 0;
  for (let at = 0; at < a.length; at++) different |= a[at] ^ b[at];
  return different === 0;
}

function view(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function base64(text, size) {
  if (typeof text !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4) throw damaged("the vault's file holds no base64");
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (bytes.length !== size) throw damaged(`the vault's file has ${bytes.length} bytes where ${size} belong`);
  return bytes;
}

// primitives

async function sha256(bytes) {
  return new Uint8Array(await subtle.digest("SHA-256", bytes));
}

async function hmac(key, bytes) {
  const made = await subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", made, bytes));
}

/** RFC 5869, 2.3. */
async function hkdfExpand(key, info, length) {
  let done = new Uint8Array();
  let block = new Uint8Array();
  for (let count = 1; done.length < length; count++) {
    block = await hmac(key, concat(block, info, Uint8Array.of(count)));
    done = concat(done, block);
  }
  return done.slice(0, length);
}

async function gcmKey(raw) {
  return subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
}

/** Returns the plaintext, or null where the tag does not fit. */
async function gcmOpen(key, nonce, sealed, bound) {
  try {
    return new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv: nonce, additionalData: bound }, key, sealed));
  } catch {
    return null;
  }
}

function url64(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** `privateKey`: 32 bytes, or a CryptoKey that no script can read. */
async function x25519(privateKey, publicKey, other) {
  const jwk = () => ({ kty: "OKP", crv: "X25519", d: url64(privateKey), x: url64(publicKey) });
  const own = privateKey instanceof CryptoKey ? privateKey : await subtle.importKey("jwk", jwk(), { name: "X25519" }, false, ["deriveBits"]);
  const theirs = await subtle.importKey("raw", other, { name: "X25519" }, false, []);
  return new Uint8Array(await subtle.deriveBits({ name: "X25519", public: theirs }, own, 256));
}

/** HPKE (RFC 9180), base mode, one message, no associated data; X-Wing's combiner over separately kept keys. */
async function hpkeOpen(epoch, wrapped, info) {
  const [post, classic, sealed] = [wrapped.slice(0, 1088), wrapped.slice(1088, 1120), wrapped.slice(1120)];
  let secret;
  try {
    const first = ml_kem768.decapsulate(post, epoch.mlkem);
    const second = await x25519(epoch.x25519, epoch.x25519Public, classic);
    secret = sha3_256(concat(first, second, classic, epoch.x25519Public, X_WING_LABEL));
  } catch {
    return null;
  }
  const extract = (name, value, salt = new Uint8Array(32)) => hmac(salt, concat(utf8.encode("HPKE-v1"), SUITE_ID, utf8.encode(name), value));
  const expand = (key, name, context, length) =>
    hkdfExpand(key, concat(u16(length), utf8.encode("HPKE-v1"), SUITE_ID, utf8.encode(name), context), length);
  const none = new Uint8Array();
  const context = concat(Uint8Array.of(0), await extract("psk_id_hash", none), await extract("info_hash", info));
  const schedule = await extract("secret", none, secret);
  const nonce = await expand(schedule, "base_nonce", context, 12);
  return gcmOpen(await gcmKey(await expand(schedule, "key", context, 32)), nonce, sealed, none);
}

/** Open what was sealed to an epoch of the vault for another use than a file's key. `info` says what for. Throws where it does not open. */
export async function openSealed(keys, number, sealed, info) {
  const epoch = keys.get(number);
  const opened = epoch === undefined ? null : await hpkeOpen(epoch, sealed, info);
  if (opened === null) throw damaged("it was changed, or sealed to another vault");
  return opened;
}

// a key pair of one's own, as the vault's are

/** Make an X-Wing pair: `pair` is what `openWith` takes, `publicKey` what is sealed to. Its X25519 half cannot be read by any script; of
 * ML-KEM, which WebCrypto lacks in today's browsers, the 64 bytes of seed can. Who has one half alone opens nothing. */
export async function makePair() {
  const { privateKey: x25519, publicKey } = await subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  const x25519Public = new Uint8Array(await subtle.exportKey("raw", publicKey));
  const seed = globalThis.crypto.getRandomValues(new Uint8Array(64));
  return { pair: { seed, x25519, x25519Public }, publicKey: concat(ml_kem768.keygen(seed).publicKey, x25519Public) };
}

/** Open what was sealed to such a pair. Throws where it does not open. */
export async function openWith({ seed, x25519, x25519Public }, sealed, info) {
  const opened = await hpkeOpen({ mlkem: ml_kem768.keygen(seed).secretKey, x25519, x25519Public }, sealed, info);
  if (opened === null) throw damaged("it was changed, or sealed to another key");
  return opened;
}

// the vault

function checkedVault(vault) {
  const kdf = vault?.kdf;
  if (vault?.format !== 1 || vault.kem !== "MLKEM768-X25519" || kdf?.name !== "argon2id") {
    throw new ReaderError("unsupported", "this vault is of a form that this reader does not know");
  }
  const within = (value, least, most) => Number.isInteger(value) && value >= least && value <= most;
  if (!within(kdf.memory_kib, 65_536, 1_048_576) || !within(kdf.time, 3, 64) || !within(kdf.lanes, 1, 64)) {
    throw damaged("the vault's Argon2id parameters are out of range");
  }
  if (!Array.isArray(vault.epochs) || !vault.epochs.length) throw damaged("the vault has no epochs");
  let before = -1;
  for (const epoch of vault.epochs) {
    if (!within(epoch.number, before + 1, 0xffffffff)) throw damaged("the vault's epochs are not in order");
    before = epoch.number;
  }
  return vault;
}

function pairOf(opened, publicKey) {
  const pair = ml_kem768.keygen(opened.slice(0, 64));
  if (!same(pair.publicKey, publicKey.slice(0, 1184))) throw damaged("the vault's public and private keys do not belong together");
  return { seed: opened.slice(0, 64), mlkem: pair.secretKey, x25519: opened.slice(64), x25519Public: publicKey.slice(1184) };
}

/** The key pair of somebody who was let in, to which the epochs are sealed for them. */
async function viewersPair(viewer, key) {
  const publicKey = base64(viewer.public, 1216);
  const bound = concat(label("private-ai-guardian vault v1 viewer"), publicKey);
  const opened = await gcmOpen(key, base64(viewer.nonce, 12), base64(viewer.wrapped, 112), bound);
  if (opened === null) throw new ReaderError("wrong_passphrase", "the passphrase is wrong");
  return pairOf(opened, publicKey);
}

/** Open a vault (the content of vault.json, or what somebody who was let in gets in its place) with its passphrase. Argon2id takes some
 * seconds. */
export async function openVault(vault, passphrase) {
  const { kdf, epochs, viewer } = checkedVault(vault);
  const kek = argon2id(utf8.encode(passphrase.normalize("NFKC")), base64(kdf.salt, 16), {
    m: kdf.memory_kib,
    t: kdf.time,
    p: kdf.lanes,
    dkLen: 32,
    maxmem: 2 ** 31,
  });
  const key = await gcmKey(kek);
  const own = viewer === undefined ? null : await viewersPair(viewer, key);
  const keys = new Map();
  for (const one of epochs) {
    const place = concat(u32(one.number), base64(one.public, 1216));
    let opened;
    if (own === null) {
      const bound = concat(label("private-ai-guardian vault v1 epoch"), place);
      opened = await gcmOpen(key, base64(one.nonce, 12), base64(one.wrapped, 112), bound);
      if (opened === null) throw new ReaderError("wrong_passphrase", "the passphrase is wrong");
    } else {
      opened = await hpkeOpen(own, base64(one.sealed, 1232), concat(label("private-ai-guardian vault v1 viewer epoch"), place));
      if (opened?.length !== 96) throw damaged("a key of the vault does not open for who was let in");
    }
    keys.set(one.number, pairOf(opened, place.slice(4)));
  }
  await compareCheck(vault, keys);
  return keys;
}

async function compareCheck(vault, keys) {
  const { epochs, recovery } = vault;
  if (vault.check === undefined) {
    if (recovery !== undefined || epochs.length > 1) throw damaged("the vault lacks its check");
    return;
  }
  const first = keys.get(epochs[0].number);
  const u64 = (value) => {
    const bytes = new Uint8Array(8);
    view(bytes).setBigUint64(0, BigInt(value));
    return bytes;
  };
  const parts = [u32(epochs.length)];
  for (const one of epochs) {
    parts.push(u64(one.created_us), u32(one.number), base64(one.public, 1216));
    if (one.recovery !== undefined) parts.push(base64(one.recovery, 1232));
  }
  if (recovery !== undefined) {
    parts.push(u64(recovery.created_us), base64(recovery.salt, 16), base64(recovery.public, 1216), base64(recovery.anchor, 32));
  }
  const prk = await hmac(new Uint8Array(32), concat(first.seed, first.x25519));
  const key = await hkdfExpand(prk, label("private-ai-guardian vault v1 check"), 32);
  if (!same(await hmac(key, concat(...parts)), base64(vault.check, 32))) throw damaged("the vault's file was changed");
}

// sealed files

/** Bytes from a Uint8Array, an ArrayBuffer, a Blob, or what has a `size` and a `fetch(start, end)`, a piece at a time. */
class Source {
  constructor(from) {
    this.away = typeof from.fetch === "function" ? from : null;
    if (this.away) {
      this.size = from.size;
      return;
    }
    this.blob = typeof Blob !== "undefined" && from instanceof Blob ? from : null;
    this.bytes = this.blob ? null : from instanceof Uint8Array ? from : new Uint8Array(from);
    this.size = this.blob ? this.blob.size : this.bytes.length;
  }

  async read(start, end) {
    const stop = Math.min(end, this.size);
    if (stop <= start) return new Uint8Array();
    if (this.away) return this.away.fetch(start, stop);
    if (!this.blob) return this.bytes.subarray(start, stop);
    return new Uint8Array(await this.blob.slice(start, stop).arrayBuffer());
  }
}

function safeNumber(value) {
  return typeof value === "number" && Number.isInteger(value) && value > -(2 ** 62) && value < 2 ** 62;
}

function parseMetadata(bytes) {
  let metadata;
  try {
    metadata = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw damaged("the header's metadata is no JSON");
  }
  const names = metadata !== null && typeof metadata === "object" && !Array.isArray(metadata) ? Object.keys(metadata) : [];
  if (names.length !== Object.keys(MEMBERS).length || !names.every((name) => Object.hasOwn(MEMBERS, name))) {
    throw damaged("the header has other members than it should");
  }
  for (const [name, kind] of Object.entries(MEMBERS)) {
    const value = metadata[name];
    const fits = kind === "string" ? typeof value === "string" && value.isWellFormed() : safeNumber(value);
    if (!fits) throw damaged(`the header's ${name} is not what it should be`);
  }
  if (!KINDS.includes(metadata.kind)) throw damaged("the header is of an unknown kind");
  return metadata;
}

function parseHeader(bytes) {
  if (bytes.length < 20 || !same(bytes.subarray(0, 8), Uint8Array.from(MAGIC))) {
    throw new ReaderError("not_ours", "this is none of Guardian's sealed files");
  }
  const numbers = view(bytes);
  const [version, suite, epoch, n] = [numbers.getUint16(8), numbers.getUint16(10), numbers.getUint32(12), numbers.getUint32(16)];
  if (version !== 1) throw new ReaderError("unsupported", `format version ${version} is not known to this reader`);
  if (suite !== 1) throw new ReaderError("unsupported", `suite ${suite} is not known to this reader`);
  if (n > MAX_METADATA || bytes.length < 29 + n) throw damaged("the header is cut off");
  const m = numbers.getUint16(27 + n);
  const size = 29 + n + m + 32;
  if (m > MAX_WRAPPED || bytes.length < size) throw damaged("the header is cut off");
  return {
    metadata: parseMetadata(bytes.subarray(20, 20 + n)),
    epoch,
    preamble: bytes.slice(0, 27 + n),
    prefix: bytes.slice(20 + n, 27 + n),
    wrapped: bytes.slice(29 + n, 29 + n + m),
    uncommitted: bytes.slice(0, 29 + n + m),
    commitment: bytes.slice(29 + n + m, size),
    whole: bytes.slice(0, size),
    size,
  };
}

function parseHead(bytes) {
  if (bytes.length < HEAD_BYTES || bytes[0] !== 0x50 || bytes[1] !== 0x41 || bytes[2] !== 0x47 || bytes[3] !== 0x72) return null;
  const numbers = view(bytes);
  const head = {
    length: numbers.getUint32(4),
    index: numbers.getUint32(8),
    flags: bytes[12],
    start90k: numbers.getBigInt64(13),
    duration90k: numbers.getUint32(21),
    startUtcUs: numbers.getBigInt64(25),
    frames: numbers.getUint32(33),
    crc32: numbers.getUint32(37),
    bound: bytes.slice(0, BOUND_BYTES),
  };
  const known = head.flags <= (KEY_FLAG | END_FLAG);
  const placed = [head.start90k, head.startUtcUs].every((time) => time > -LIMIT && time < LIMIT);
  return known && placed && head.length >= TAG_BYTES && head.length <= MAX_RECORD ? head : null;
}

const CRC = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC[(crc ^ byte) & 255];
  return (crc ^ 0xffffffff) >>> 0;
}

/** Returns the rows of a fragment table, or null where they are not what they should be. */
function parseTable(bytes) {
  const numbers = view(bytes);
  const rows = [];
  for (let at = 0; at < bytes.length; at += ROW_BYTES) {
    const row = {
      offset: Number(numbers.getBigUint64(at)),
      size: numbers.getUint32(at + 8),
      start90k: numbers.getBigInt64(at + 12),
      duration90k: numbers.getUint32(at + 20),
      startUtcUs: numbers.getBigInt64(at + 24),
      flags: bytes[at + 32],
      frames: numbers.getUint32(at + 33),
    };
    if (row.flags > KEY_FLAG || ![row.start90k, row.startUtcUs].every((time) => time > -LIMIT && time < LIMIT)) return null;
    rows.push(row);
  }
  return rows;
}

function packTable(rows) {
  const table = new Uint8Array(rows.length * ROW_BYTES);
  const numbers = view(table);
  rows.forEach((row, count) => {
    const at = count * ROW_BYTES;
    numbers.setBigUint64(at, BigInt(row.offset));
    numbers.setUint32(at + 8, row.size);
    numbers.setBigInt64(at + 12, row.start90k);
    numbers.setUint32(at + 20, row.duration90k);
    numbers.setBigInt64(at + 24, row.startUtcUs);
    table[at + 32] = row.flags;
    numbers.setUint32(at + 33, row.frames);
  });
  return table;
}

/** Open a sealed file: bytes, an ArrayBuffer, a Blob, or what has a `size` and a `fetch(start, end)`. `keys` are those of `openVault`. */
export async function openSegment(from, keys) {
  const source = new Source(from);
  const header = parseHeader((await source.read(0, MAX_HEADER)).slice());
  const epoch = keys.get(header.epoch);
  if (epoch === undefined) throw Object.assign(damaged(`the file is sealed to epoch ${header.epoch}, which this vault does not have`), { lacks: header.epoch });
  if (header.wrapped.length !== 1168) throw damaged("the wrapped key has a wrong length");
  const info = concat(label("private-ai-guardian segment v1 key"), header.preamble);
  const segmentKey = await hpkeOpen(epoch, header.wrapped, info);
  if (segmentKey === null || segmentKey.length !== 32) throw damaged("the file's key does not open: it was changed, or is of another vault");
  const context = await sha256(header.uncommitted);
  const wide = await hkdfExpand(segmentKey, concat(label("private-ai-guardian segment v1 records"), context), 64);
  if (!same(wide.slice(32), header.commitment)) throw damaged("the header was changed");
  const file = new SealedFile(source, header, await gcmKey(wide.slice(0, 32)), await sha256(header.whole));
  await file.scan();
  return file;
}

/** An open file. `header`: its metadata. `table`: a row a record. `complete`: its end is there; `verify` says whether it is the true one. */
class SealedFile {
  constructor(source, header, key, digest) {
    this.source = source;
    this.parsed = header;
    this.header = header.metadata;
    this.epoch = header.epoch;
    this.first = header.size;
    this.prefix = header.prefix;
    this.key = key;
    this.digest = digest;
    this.table = [];
    this.complete = false;
  }

  /** Take the footer's table where the end record seals it; else walk the records. */
  async scan() {
    const table = await this.footerTable();
    if (table !== null && (await this.seals(table))) {
      this.table = table;
      this.complete = true;
    } else {
      await this.walk();
    }
  }

  async footerTable() {
    const { size } = this.source;
    const tail = await this.source.read(size - FOOTER_END_BYTES, size);
    if (size < this.first + FOOTER_END_BYTES || !same(tail.subarray(4), utf8.encode(FOOTER_MAGIC))) return null;
    const length = view(tail).getUint32(0);
    const start = size - FOOTER_END_BYTES - length;
    if (length % ROW_BYTES || length > MAX_RECORDS * ROW_BYTES || start < this.first) return null;
    const rows = parseTable(await this.source.read(start, start + length));
    let offset = this.first;
    for (const row of rows ?? []) {
      if (row.offset !== offset) return null;
      offset += row.size;
    }
    const end = parseHead(await this.source.read(offset, offset + HEAD_BYTES));
    const fits = end && end.flags & END_FLAG && end.index === rows?.length && offset + HEAD_BYTES + end.length === start;
    return rows !== null && fits ? rows : null;
  }

  async walk() {
    let offset = this.first;
    while (this.table.length < MAX_RECORDS) {
      const head = parseHead(await this.source.read(offset, offset + HEAD_BYTES));
      const end = head ? offset + HEAD_BYTES + head.length : 0;
      if (!head || head.index !== this.table.length || end > this.source.size) return;
      const last = (head.flags & END_FLAG) !== 0;
      if (last || end === this.source.size) {
        const sealed = await this.source.read(offset + HEAD_BYTES, end);
        if (crc32(sealed) !== head.crc32) return;
      }
      if (last) {
        const table = packTable(this.table);
        const footer = concat(table, u32(table.length), utf8.encode(FOOTER_MAGIC));
        this.complete = same(await this.source.read(end, this.source.size), footer);
        return;
      }
      const { start90k, duration90k, startUtcUs, flags, frames } = head;
      this.table.push({ offset, size: end - offset, start90k, duration90k, startUtcUs, flags, frames });
      offset = end;
    }
  }

  /** Whether the end record seals this table. */
  async seals(table) {
    const last = table.at(-1);
    const sealed = await this.open(last ? last.offset + last.size : this.first, table.length, true);
    return sealed !== null && same(sealed, await sha256(packTable(table)));
  }

  /** Returns a record's content, or null where it, its head or its place was changed. */
  async open(offset, index, last, row = null) {
    const head = parseHead(await this.source.read(offset, offset + HEAD_BYTES));
    if (!head || head.index !== index || ((head.flags & END_FLAG) !== 0) !== last) return null;
    if (row && !ROW_MEMBERS.every((name) => row[name] === (name === "size" ? HEAD_BYTES + head.length : head[name]))) return null;
    const sealed = await this.source.read(offset + HEAD_BYTES, offset + HEAD_BYTES + head.length);
    const nonce = concat(this.prefix, u32(index), Uint8Array.of(last ? 1 : 0));
    return gcmOpen(this.key, nonce, sealed, concat(this.digest, head.bound));
  }

  /** One record's content. Record 0 of a video is its MP4 init segment. */
  async read(index) {
    const row = this.table[index];
    if (row === undefined) throw damaged(`the file has no record ${index}`);
    const content = await this.open(row.offset, index, false, row);
    if (content === null) throw damaged(`record ${index} was changed`);
    return content;
  }

  /** Open everything, compare every checksum; throws at the first fault, also where the end is missing. */
  async verify() {
    for (const [index, row] of this.table.entries()) {
      const record = await this.source.read(row.offset, row.offset + row.size);
      if (crc32(record.subarray(HEAD_BYTES)) !== view(record).getUint32(37)) throw damaged(`record ${index} has a wrong checksum`);
      await this.read(index);
    }
    if (!this.complete) throw damaged("the file has no whole end: it was cut off, or the end was changed");
    if (!this.table.length) throw damaged("the file holds nothing");
    if (!(await this.seals(this.table))) throw damaged("the fragment table is not the one that was sealed");
    const walked = new SealedFile(this.source, this.parsed, this.key, this.digest);
    await walked.walk();
    if (!walked.complete || !same(packTable(walked.table), packTable(this.table))) throw damaged("the fragment table is wrong");
  }
}
