// The grid: a live picture for each tile that can be seen, and the cameras' states every few seconds.
import { call } from "./api.js";
import { followStates } from "./camera_state.js";
import { Live, fallbackNote, sayOn } from "./live.js";

const players = new Map();
const many = document.querySelectorAll(".tile").length > 4;

for (const tile of document.querySelectorAll(".tile")) {
  const note = tile.querySelector("[data-note]");
  const player = new Live(tile.querySelector("video"), tile.dataset.camera, {
    say: sayOn(tile.querySelector("[data-say]")),
    note: (text) => { note.textContent = text; note.hidden = !text; },
    prefer: many ? "sub" : "main",
  });
  players.set(tile, player);
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const player = players.get(entry.target);
    if (entry.isIntersecting) player.start();
    else player.stop();
  }
}, { rootMargin: "200px" });
for (const tile of players.keys()) watcher.observe(tile);
addEventListener("pagehide", () => { for (const player of players.values()) player.stop(); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

const missing = fallbackNote();
if (missing) {
  const note = document.querySelector("[data-mse-note]");
  note.textContent = missing;
  note.hidden = false;
}

let shown = [...players.keys()].map((tile) => tile.dataset.camera).join();
followStates(async () => (await call("/api/v1/cameras")).items, (cameras) => {
  const now = cameras.map((camera) => camera.id).join();
  if (now !== shown) location.reload();
  shown = now;
  return cameras.map((camera) => [document.querySelector(`.tile[data-camera="${CSS.escape(camera.id)}"]`), camera]);
});
