// Shapes over a picture: kinds, their outlines, and where the picture lies in its element.
export const KINDS = {
  zones: { title: "Zone", closed: true, least: 3 },
  lines: { title: "Line", closed: false, least: 2 },
  object_masks: { title: "Mask for things", closed: true, least: 3 },
  motion_masks: { title: "Mask for motion", closed: true, least: 3 },
};

const clamp = (value) => Math.min(1, Math.max(0, value));
export const round = (value) => Math.round(clamp(value) * 10_000) / 10_000;

// A new shape, a little beside the one before, low in the picture where feet are.
export function fresh(kind, count) {
  const off = 0.03 * (count % 6);
  const [a, b] = [0.3 + off, 0.62 + off];
  const [top, low] = [0.52 + off, 0.8 + off];
  const points = kind === "lines" ? [[a, low], [b, low]] : [[a, top], [b, top], [b, low], [a, low]];
  return points.map((point) => point.map(round));
}

// The shape moved by a step, as far as the picture goes.
export function moved(points, dx, dy) {
  const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
  const [sx, sy] = [Math.max(-Math.min(...xs), Math.min(1 - Math.max(...xs), dx)), Math.max(-Math.min(...ys), Math.min(1 - Math.max(...ys), dy))];
  return points.map(([x, y]) => [round(x + sx), round(y + sy)]);
}

// Where the picture lies inside an element that shows it whole.
export function pictureIn(element, wide, high) {
  const [w, h] = [element.clientWidth, element.clientHeight];
  const scale = wide && high ? Math.min(w / wide, h / high) : 0;
  const [width, height] = scale ? [wide * scale, high * scale] : [w, h];
  return { left: (w - width) / 2, top: (h - height) / 2, width, height };
}

// An arrow to the side that a crossing goes to: [from, to], in pixels. Left and right of one who looks along the line.
export function arrow([ax, ay], [bx, by], side, length = 22) {
  const [dx, dy] = [bx - ax, by - ay];
  const size = Math.hypot(dx, dy) || 1;
  const turn = side === "right" ? 1 : -1;
  const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
  return [[mx, my], [mx - (turn * dy * length) / size, my + (turn * dx * length) / size]];
}
