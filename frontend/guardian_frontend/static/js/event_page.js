// An event's clip, and the box that was followed drawn over it in time.
import { call } from "./api.js";
import { playsHevc } from "./mse.js";
import { sentence } from "./words.js";

const page = document.querySelector("[data-event]");
const video = page.querySelector("video");
const canvas = page.querySelector("[data-overlay]");
const HOLD_MS = 800;

async function start() {
  const { event, camera, clipStart } = page.dataset;
  const from = Date.parse(clipStart);
  const [details, spans] = await Promise.all([
    call(`/api/v1/events/${event}`),
    call(`/api/v1/cameras/${camera}/recordings?start=${new Date(from).toISOString()}&end=${new Date(from + 1000).toISOString()}`).catch(() => ({ items: [] })),
  ]);
  const footage = spans.items[0];
  const converted = footage && /^h[ev][vc]1/.test(footage.codecs) && !playsHevc();
  play(converted, details.clip);
  // The clip begins with the keyframe before what was asked, and no earlier than footage does.
  const begin = footage ? Math.max(from, Date.parse(footage.start)) : from;
  const path = details.path.map((point) => ({ at: Date.parse(point.time), box: point.box }));
  follow(path, begin);
  if (footage) seekBegin(camera, begin, path);
}

function play(converted, clip) {
  const note = page.querySelector("[data-note]");
  const tell = (text) => { note.textContent = text; note.hidden = !text; };
  const convert = () => {
    tell("Converted to H.264, because this browser cannot play the camera's H.265.");
    video.src = `${clip}?as=h264`;
  };
  video.addEventListener("error", () => {
    if (!video.src.includes("as=h264")) convert();
    else tell("This clip cannot be played. Its footage may have been deleted already.");
  });
  if (converted) convert();
  else video.src = clip;
}

// The playlist knows to the millisecond where the clip begins.
async function seekBegin(camera, begin, path) {
  const query = `start=${new Date(begin).toISOString()}&end=${new Date(begin + 1000).toISOString()}`;
  const text = await call(`/api/v1/cameras/${camera}/hls/index.m3u8?${query}`, { as: "text" }).catch(() => "");
  const at = Date.parse(/#EXT-X-PROGRAM-DATE-TIME:(\S+)/.exec(text)?.[1]);
  if (!Number.isNaN(at)) follow(path, at);
}

let boxAt = () => null;
function follow(path, begin) {
  boxAt = (seconds) => {
    const now = begin + seconds * 1000;
    const next = path.findIndex((point) => point.at > now);
    const before = next === -1 ? path.at(-1) : path[next - 1];
    const after = next === -1 ? null : path[next];
    if (!before) return after && after.at - now < HOLD_MS ? after.box : null;
    if (!after) return now - before.at < HOLD_MS ? before.box : null;
    if (after.at - before.at > 5000 && now - before.at > HOLD_MS) return null;
    const share = (now - before.at) / (after.at - before.at);
    return before.box.map((side, i) => side + (after.box[i] - side) * share);
  };
  draw();
}

// Where the picture lies inside the element.
function picture() {
  const [w, h] = [canvas.clientWidth, canvas.clientHeight];
  const scale = Math.min(w / video.videoWidth, h / video.videoHeight);
  const [pw, ph] = [video.videoWidth * scale, video.videoHeight * scale];
  return { left: (w - pw) / 2, top: (h - ph) / 2, width: pw, height: ph };
}

function draw() {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const box = page.querySelector("[data-boxes]").checked && video.videoWidth ? boxAt(video.currentTime) : null;
  if (!box) return;
  const pen = canvas.getContext("2d");
  const { left, top, width, height } = picture();
  pen.scale(ratio, ratio);
  pen.strokeStyle = "#f2b866";
  pen.lineWidth = 3;
  pen.shadowColor = "rgb(0 0 0 / 70%)";
  pen.shadowBlur = 4;
  pen.beginPath();
  pen.roundRect(left + box[0] * width, top + box[1] * height, (box[2] - box[0]) * width, (box[3] - box[1]) * height, 8);
  pen.stroke();
}

function everyFrame() {
  draw();
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(everyFrame);
  else if (!video.paused) requestAnimationFrame(everyFrame);
}

if (video) {
  for (const name of ["seeked", "loadeddata", "pause"]) video.addEventListener(name, draw);
  video.addEventListener("play", () => { if (!video.requestVideoFrameCallback) everyFrame(); });
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(everyFrame);
  page.querySelector("[data-boxes]").addEventListener("change", draw);
  new ResizeObserver(draw).observe(canvas);
  start().catch((error) => {
    const note = page.querySelector("[data-note]");
    note.textContent = `${sentence(error.message)} ${sentence(error.cure)}`;
    note.hidden = false;
  });
}
