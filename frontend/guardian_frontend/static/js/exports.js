// The export form and its jobs.
import { call, toast } from "./api.js";
import { format, momentIn } from "./time.js";
import { sentence } from "./words.js";

const size = (bytes) => (bytes > 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);
const WORDS = { queued: "waiting", running: "being made", failed: "failed", cancelled: "cancelled" };

export class Exports {
  constructor(form, list, camera) {
    Object.assign(this, { form, list, camera });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.create();
    });
  }

  async create() {
    const values = new FormData(this.form);
    const button = this.form.querySelector("button");
    button.disabled = true;
    try {
      const [start, end] = ["start", "end"].map((name) => momentIn(this.form.elements[name]).toISOString());
      const kind = values.get("kind");
      const ticked = values.getAll("cameras");
      const body = { cameras: ticked.length ? ticked : [this.camera], start, end, name: values.get("name").trim() };
      if (kind === "groups") body.exact = false;
      else if (kind === "evidence") body.evidence = true;
      else if (kind !== "exact") body.speedup = Number(kind);
      await call("/api/v1/exports", { method: "POST", body });
      await this.refresh();
    } catch (error) {
      toast(`${sentence(error.message)} ${sentence(error.cure)}`);
    } finally {
      button.disabled = false;
    }
  }

  async refresh() {
    clearTimeout(this.timer);
    try {
      const jobs = (await call("/api/v1/exports")).items.filter((job) => job.cameras.includes(this.camera));
      this.list.replaceChildren(...jobs.map((job) => this.line(job)));
      if (jobs.some((job) => job.state === "queued" || job.state === "running")) this.timer = setTimeout(() => this.refresh(), 1000);
    } catch (error) {
      toast(sentence(error.message));
    }
  }

  line(job) {
    const item = document.createElement("li");
    const seconds = (Date.parse(job.end) - Date.parse(job.start)) / 1000;
    const kind = job.evidence ? "evidence, " : job.speedup > 1 ? `${job.speedup} times as fast, ` : "";
    const many = job.cameras.length > 1 ? `${job.cameras.length} cameras, ` : "";
    const span = `${many}${kind}${format(Date.parse(job.start))}, ${seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`}`;
    const state = job.state === "done" ? size(job.size_bytes) : WORDS[job.state] ?? job.state;
    const text = Object.assign(document.createElement("p"), { textContent: `${job.name ? `${job.name} · ` : ""}${span} · ${state}${job.problem ? `: ${job.problem}` : ""}` });
    item.append(text);
    if (job.file) item.append(Object.assign(document.createElement("a"), { className: "button small", href: job.file, textContent: "Download", download: "" }));
    else item.append(document.createElement("span"));
    const busy = job.state === "queued" || job.state === "running";
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "button small danger", textContent: busy ? "Cancel" : "Delete" });
    remove.addEventListener("click", async () => {
      try { await call(`/api/v1/exports/${job.id}`, { method: "DELETE" }); } catch (error) { toast(sentence(error.message)); }
      this.refresh();
    });
    item.append(remove);
    if (busy) {
      const bar = Object.assign(document.createElement("progress"), { max: 1, value: job.progress });
      bar.setAttribute("aria-label", "Progress");
      item.append(bar);
    }
    return item;
  }
}
