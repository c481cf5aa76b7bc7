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

// Moments of a strip where a label stands: multiples of a step (s) on the reader's own clock, on days of 23 and 25 hours too.
// Of two that the change of summer time brings so close that they would lie on each other, the first.
export function ticks(start, end, step) {
  const found = [];
  const first = new Date(start);
  if (step < 3600) {
    const zone = first.getTimezoneOffset() * 60_000; // a change of summer time is a multiple of half an hour
    const ms = step * 1000;
    for (let tick = Math.ceil((start - zone) / ms) * ms + zone; tick < end; tick += ms) found.push(tick);
    return found;
  }
  const hours = step / 3600;
  for (let day = 0; ; day++) {
    const midnight = new Date(first.getFullYear(), first.getMonth(), first.getDate() + day).getTime();
    if (midnight >= end) return found;
    const next = new Date(first.getFullYear(), first.getMonth(), first.getDate() + day + 1).getTime();
    // Hour by hour of what passes, for the clock may show an hour twice, or not at all.
    for (let tick = midnight; tick < next; tick += 1_800_000) {
      const at = new Date(tick);
      const free = !found.length || tick - found.at(-1) > step * 500;
      if (at.getMinutes() === 0 && at.getHours() % hours === 0 && tick >= start && tick < end && free) found.push(tick);
    }
  }
}

const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

export function moment(ms, style) {
  if (style !== "short") return format(ms, style);
  const now = Date.now();
  if (sameDay(ms, now)) return format(ms, "minute");
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  return sameDay(ms, yesterday) ? `Yesterday, ${format(ms, "minute")}` : format(ms, "short");
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

// Minutes that local time is behind UTC when a day (yyyy-mm-dd) begins, and when it ends.
export function offsetsOf(day) {
  const begin = new Date(`${day}T00:00:00`);
  const end = new Date(begin.getFullYear(), begin.getMonth(), begin.getDate() + 1);
  return [begin.getTimezoneOffset(), end.getTimezoneOffset()];
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

// A field for a moment. Its text may mean two moments in the hour that a clock shows twice: what was filled in is remembered.
export function fillMoment(input, ms) {
  input.value = dateTimeInput(ms);
  Object.assign(input.dataset, { text: input.value, ms: String(Math.floor(ms / 1000) * 1000) });
}
export const momentIn = (input) => new Date(input.value === input.dataset.text ? Number(input.dataset.ms) : input.value);
