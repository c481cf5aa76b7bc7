// Keeps dot, word, problem and recording badge of cameras up to date.
import { sentence } from "./words.js";

const WORDS = {
  starting: ["Starting", "wait"],
  connecting: ["Connecting", "wait"],
  running: ["Running", "good"],
  retrying: ["Trying again", "warn"],
  failed: ["Needs you", "bad"],
  ended: ["Ended", "off"],
  stopped: ["Stopped", "off"],
};
const EVERY_MS = 3000;

function show(element, camera) {
  const [word, tone] = WORDS[camera.state] ?? [camera.state, "off"];
  const label = element.querySelector("[data-word]");
  if (label.textContent !== word) label.textContent = word;
  label.dataset.tone = tone;
  element.dataset.state = camera.state;
  element.querySelector("[data-rec]").hidden = !camera.recording;
  const problem = element.querySelector("[data-problem]");
  const text = `${sentence(camera.problem)} ${sentence(camera.cure)}`.trim() || sentence(camera.recording_paused);
  if (problem.textContent.trim() !== text) problem.textContent = text;
  problem.hidden = !text;
}

// `load()` gives cameras, `place(cameras)` pairs of element and camera.
export function followStates(load, place) {
  const step = async () => {
    if (!document.hidden) {
      try {
        for (const [element, camera] of place(await load())) if (element) show(element, camera);
      } catch { /* the next round may do better */ }
    }
    setTimeout(step, EVERY_MS);
  };
  setTimeout(step, EVERY_MS);
}
