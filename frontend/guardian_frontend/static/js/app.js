// What every page has: times, theme, menu, questions before deleting, and htmx's CSRF header.
import { toast } from "./api.js";
import { localise } from "./time.js";

const order = ["automatic", "dark", "light"];
const root = document.documentElement;

function showTheme() {
  for (const element of document.querySelectorAll("[data-theme-name]")) element.textContent = root.dataset.theme ?? "automatic";
}

function nextTheme() {
  const next = order[(order.indexOf(root.dataset.theme ?? "automatic") + 1) % order.length];
  if (next === "automatic") delete root.dataset.theme;
  else root.dataset.theme = next;
  try { localStorage.setItem("guardian-theme", next); } catch { /* storage may be off */ }
  showTheme();
  dispatchEvent(new Event("guardian:theme"));
}

async function copy(button) {
  const text = document.querySelector(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(document.querySelector(button.dataset.copy));
    toast("Copying is not allowed here; it is selected for you.");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-theme-toggle]")) nextTheme();
  if (button?.matches("[data-copy]")) copy(button);
  if (button?.matches("[data-print]")) print();
  const menu = document.querySelector(".menu[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector(".menu[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  if (form.dataset.busy && button) {
    button.textContent = form.dataset.busy;
    setTimeout(() => { button.disabled = true; });
  }
  return undefined;
});
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.querySelector('meta[name="csrf-token"]').content;
  if (document.hidden && event.detail.path === "/system") event.preventDefault();
});
document.addEventListener("htmx:afterSettle", () => localise());
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("form[data-busy] button")) button.disabled = false;
});
showTheme();
localise();
