// As much of MP4 as a player needs: codecs and timescale of an init segment, and where a fragment's clock stands.
const INSIDE = new Set(["moov", "trak", "mdia", "minf", "stbl", "moof", "traf"]);

function* boxes(view, start = 0, end = view.byteLength) {
  for (let at = start; at + 8 <= end;) {
    let size = view.getUint32(at);
    let head = 8;
    if (size === 1) {
      size = Number(view.getBigUint64(at + 8));
      head = 16;
    }
    if (size === 0) size = end - at;
    if (size < head || at + size > end) return;
    const type = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at + 4, 4));
    const box = { type, start: at + head, end: at + size };
    yield box;
    if (INSIDE.has(type)) yield* boxes(view, box.start, box.end);
    at += size;
  }
}

const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const hex = (number) => number.toString(16).padStart(2, "0");

// RFC 6381 and ISO/IEC 14496-15, annex E: profile, compatibility bits reversed, tier and level, constraint bytes.
function hevc(view, at) {
  const first = view.getUint8(at + 1);
  let flags = view.getUint32(at + 2);
  let reversed = 0;
  for (let bit = 0; bit < 32; bit += 1, flags >>>= 1) reversed = ((reversed << 1) | (flags & 1)) >>> 0;
  const constraints = Array.from({ length: 6 }, (_, i) => view.getUint8(at + 6 + i));
  while (constraints.length && constraints.at(-1) === 0) constraints.pop();
  const parts = [`${["", "A", "B", "C"][first >> 6]}${first & 31}`, reversed.toString(16), `${first & 32 ? "H" : "L"}${view.getUint8(at + 12)}`];
  return [...parts, ...constraints.map((byte) => byte.toString(16))].join(".");
}

function sampleEntries(view, box) {
  const found = [];
  for (const entry of boxes(view, box.start + 8, box.end)) {
    // Visual sample entries have 78 bytes before their boxes, audio ones 28.
    const inner = (skip) => [...boxes(view, entry.start + skip, entry.end)];
    const config = (type) => inner(78).find((one) => one.type === type);
    if (entry.type === "avc1" || entry.type === "avc3") {
      const at = config("avcC")?.start;
      if (at !== undefined) found.push(`${entry.type}.${hex(view.getUint8(at + 1))}${hex(view.getUint8(at + 2))}${hex(view.getUint8(at + 3))}`);
    } else if (entry.type === "hvc1" || entry.type === "hev1") {
      const at = config("hvcC")?.start;
      if (at !== undefined) found.push(`${entry.type}.${hevc(view, at)}`);
    } else if (entry.type === "mp4a") found.push("mp4a.40.2");
    else if (entry.type === "Opus") found.push("opus");
  }
  return found;
}

// Returns {mime, track, timescale} of the video track.
export function readInit(bytes) {
  const view = viewOf(bytes);
  const codecs = [];
  const video = { track: 1, timescale: 90_000 };
  let track = 0;
  let timescale = 0;
  for (const box of boxes(view)) {
    const late = view.getUint8(box.start) === 1 ? 8 : 0;
    if (box.type === "tkhd") track = view.getUint32(box.start + 12 + late);
    if (box.type === "mdhd") timescale = view.getUint32(box.start + 12 + late);
    if (box.type === "vmhd") Object.assign(video, { track, timescale });
    if (box.type === "stsd") codecs.push(...sampleEntries(view, box));
  }
  return { ...video, mime: `video/mp4; codecs="${codecs.join(",")}"` };
}

// Returns the decode time of a fragment's video, in ticks.
export function decodeTime(bytes, wanted) {
  const view = viewOf(bytes);
  let track = 0;
  for (const box of boxes(view)) {
    if (box.type === "mdat") break;
    if (box.type === "tfhd") track = view.getUint32(box.start + 4);
    if (box.type === "tfdt" && track === wanted) {
      return view.getUint8(box.start) === 1 ? Number(view.getBigUint64(box.start + 4)) : view.getUint32(box.start + 4);
    }
  }
  return null;
}
