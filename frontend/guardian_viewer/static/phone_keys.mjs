// This device's keys, as docs/protocol.md#pushes has them. They stay in this browser's IndexedDB: the page makes them, the service worker
// opens with them. Ed25519 and X25519 are WebCrypto's and cannot be read by any script; the seed of ML-KEM can (see makePair).
import { concat, makePair, openWith } from "./reader/reader.mjs";

const [NAME, STORE, OWN] = ["guardian-phone", "keys", "own"];
const utf8 = new TextEncoder();
const PUSH = utf8.encode("guardian push v1\0");
const DEVICE_FORMAT = 2;

export function toText(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromText(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

const done = (request) => new Promise((good, bad) => {
  request.onsuccess = () => good(request.result);
  request.onerror = () => bad(request.error);
});

async function store(mode, work) {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const base = await done(opening);
  try {
    return await done(work(base.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    base.close();
  }
}

/** What was made here, or undefined. */
export const kept = () => store("readonly", (keys) => keys.get(OWN));

/** Make keys and keep them; what was there before is gone. */
export async function make() {
  const { pair, publicKey } = await makePair();
  const { privateKey: signing, publicKey: verifying } = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign"]);
  const verifyingKey = new Uint8Array(await crypto.subtle.exportKey("raw", verifying));
  const [subject, secret] = [16, 32].map((size) => crypto.getRandomValues(new Uint8Array(size)));
  const body = concat(Uint8Array.of(DEVICE_FORMAT), subject, verifyingKey, publicKey, secret);
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", body)).subarray(0, 4);
  const own = { subject, secret, pair, signing, text: `guardian-device:${toText(concat(body, sum))}` };
  await store("readwrite", (keys) => keys.put(own, OWN));
  return own;
}

export const forget = () => store("readwrite", (keys) => keys.delete(OWN));

/** Open what home has said to this device: base64url of what it sealed. Throws where it was not home, or was changed. */
export async function read(own, text) {
  const opened = await openWith(own.pair, fromText(text), concat(PUSH, own.subject, own.secret));
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(opened));
}

export const subjectText = ({ subject }) => [...subject].map((byte) => byte.toString(16).padStart(2, "0")).join("");
