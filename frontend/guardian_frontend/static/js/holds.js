// The protection form and what is protected.
import { call, toast } from "./api.js";
import { format, momentIn } from "./time.js";
import { sentence } from "./words.js";

export class Holds {
  constructor(form, list, camera, changed) {
    Object.assign(this, { form, list, camera, changed });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.create();
    });
  }

  async create() {
    const button = this.form.querySelector("button");
    button.disabled = true;
    try {
      const [start, end] = ["start", "end"].map((name) => momentIn(this.form.elements[name]).toISOString());
      await call("/api/v1/holds", { method: "POST", body: { camera: this.camera, start, end } });
      await this.refresh();
      this.changed();
    } catch (error) {
      toast(`${sentence(error.message)} ${sentence(error.cure)}`);
    } finally {
      button.disabled = false;
    }
  }

  async refresh() {
    try {
      const holds = (await call(`/api/v1/holds?camera=${this.camera}`)).items.reverse();
      this.list.replaceChildren(...holds.map((hold) => this.line(hold)));
    } catch (error) {
      toast(sentence(error.message));
    }
  }

  line(hold) {
    const item = document.createElement("li");
    const begin = format(Date.parse(hold.start));
    const end = hold.end ? format(Date.parse(hold.end)) : "as long as it goes on";
    item.append(Object.assign(document.createElement("p"), { textContent: `${begin} to ${end}${hold.event ? " · event" : ""}` }));
    if (hold.event) item.append(Object.assign(document.createElement("a"), { className: "button small", href: `/events/${hold.event}`, textContent: "See it" }));
    else item.append(document.createElement("span"));
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "button small danger", textContent: "Take off" });
    remove.setAttribute("aria-label", `Take the protection off what begins at ${begin}`);
    remove.addEventListener("click", async () => {
      if (!confirm("Take the protection off? The footage will go when its time is over.")) return;
      try { await call(`/api/v1/holds/${hold.id}`, { method: "DELETE" }); } catch (error) { toast(sentence(error.message)); }
      this.refresh();
      this.changed();
    });
    item.append(remove);
    return item;
  }
}
