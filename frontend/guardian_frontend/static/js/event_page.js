// An event's clip, and the box that was followed drawn over it in time.
import { call } from "./api.js";
import { playsHevc } from "./mse.js";
import { pictureIn } from "./shapes.js";
import { sentence } from "./words.js";

const page = document.querySelector("[data-event]");
const video = page.querySelector("video");
const canvas = page.querySelector("[data-overlay]");
const HOLD_MS = 800;

async function start() {
  const { event, camera, clipStart } = page.dataset;
  const from = Date.parse(clipStart);
  const [details, rules, spans] = await Promise.all([
    call(`/api/v1/events/${event}`),
    call(`/api/v1/cameras/${camera}/rules`).catch(() => ({ zones: [], lines: [] })),
    call(`/api/v1/cameras/${camera}/recordings?start=${new Date(from).toISOString()}&end=${new Date(from + 1000).toISOString()}`).catch(() => ({ items: [] })),
  ]);
  places = [...rules.zones, ...rules.lines].map((one) => ({ ...one, named: details.zones.includes(one.name) }));
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

let places = []; // zones and lines as they are now
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

function drawPlaces(pen, { left, top, width, height }) {
  for (const place of places) {
    pen.strokeStyle = place.direction ? "#86cda8" : "#f2b866";
    pen.fillStyle = "rgb(242 184 102 / 14%)";
    pen.globalAlpha = place.named ? 1 : 0.45;
    pen.lineWidth = place.named ? 2 : 1.5;
    pen.beginPath();
    for (const [x, y] of place.points) pen.lineTo(left + x * width, top + y * height);
    if (!place.direction) pen.closePath();
    if (!place.direction && place.named) pen.fill();
    pen.stroke();
    pen.font = "600 13px system-ui, sans-serif";
    pen.fillStyle = "#fff";
    pen.shadowColor = "rgb(0 0 0 / 90%)";
    pen.shadowBlur = 4;
    pen.fillText(place.name, left + place.points[0][0] * width + 6, top + place.points[0][1] * height + 16);
    pen.shadowBlur = 0;
    pen.globalAlpha = 1;
  }
}

function draw() {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  if (!page.querySelector("[data-boxes]").checked || !video.videoWidth) return;
  const pen = canvas.getContext("2d");
  const area = pictureIn(canvas, video.videoWidth, video.videoHeight);
  const { left, top, width, height } = area;
  pen.scale(ratio, ratio);
  drawPlaces(pen, area);
  const box = boxAt(video.currentTime);
  if (!box) return;
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
