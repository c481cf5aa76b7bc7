// Calls of the JSON API, with the page's CSRF word and problems as errors.
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || `The answer was ${status}.`);
    this.status = status;
    this.code = body.code || "";
    this.cure = body.cure || "";
  }
}

const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export async function call(path, { method = "GET", body, signal, as = "json" } = {}) {
  const headers = {};
  if (method !== "GET") headers["X-CSRF-Token"] = csrf();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Problem(401, { detail: "The login is over." });
  }
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
  if (response.status === 204) return null;
  if (as === "text") return response.text();
  if (as === "bytes") return new Uint8Array(await response.arrayBuffer());
  return response.json();
}

export function toast(text) {
  const box = document.getElementById("toasts");
  const line = document.createElement("p");
  line.textContent = text;
  box.append(line);
  setTimeout(() => line.remove(), 6000);
}
