// Times in the reader's own zone and words.
const styles = {
  full: { dateStyle: "medium", timeStyle: "medium" },
  short: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
  date: { dateStyle: "medium" },
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  minute: { hour: "2-digit", minute: "2-digit" },
};
const formats = new Map(Object.entries(styles).map(([name, style]) => [name, new Intl.DateTimeFormat(undefined, style)]));
export const format = (ms, style = "full") => formats.get(style).format(ms);

const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

export function moment(ms, style) {
  if (style !== "short") return format(ms, style);
  const now = Date.now();
  if (sameDay(ms, now)) return format(ms, "minute");
  return sameDay(ms, now - 86_400_000) ? `Yesterday, ${format(ms, "minute")}` : format(ms, "short");
}

export function localise(root = document) {
  for (const element of root.querySelectorAll("time[datetime]:not([data-done])")) {
    const ms = Date.parse(element.dateTime);
    if (Number.isNaN(ms)) continue;
    element.textContent = moment(ms, formats.has(element.dataset.style) ? element.dataset.style : "full");
    element.title = format(ms, "full");
    element.dataset.done = "";
  }
}

const two = (number) => String(number).padStart(2, "0");
export const dateInput = (ms) => {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
};
export const dateTimeInput = (ms) => {
  const date = new Date(ms);
  return `${dateInput(ms)}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
};
