// Marks on a picture's canvas: lines, bands, points with intervals, bars and cells.

function stroke(pen, color, isDashed, width = 0.13) {
  pen.context.strokeStyle = pen.color(color);
  pen.context.lineWidth = width * pen.em;
  pen.context.setLineDash(isDashed ? [0.45 * pen.em, 0.3 * pen.em] : []);
  pen.context.lineJoin = "round";
}

// A line through points; it is interrupted where a point is missing, and leaves the picture where a value does.
function drawLine(pen, x, y) {
  const far = 4 * pen.height;
  const context = pen.context;
  context.save();
  context.beginPath();
  context.rect(0, -2, pen.width, pen.height + 4);
  context.clip();
  context.beginPath();
  let isDown = false;
  for (let i = 0; i < x.length; i++) {
    const left = pen.left(x[i]);
    let top = pen.top(y[i]);
    if (y[i] <= 0 && Number.isNaN(top)) top = far; // below every power of ten
    if (Number.isNaN(left) || Number.isNaN(top)) {
      isDown = false;
      continue;
    }
    top = Math.min(Math.max(top, -far), far);
    isDown ? context.lineTo(left, top) : context.moveTo(left, top);
    isDown = true;
  }
  context.stroke();
  context.restore();
}

const MARKERS = {
  o: (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
  s: (c, x, y, r) => c.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
  "^": (c, x, y, r) => polygon(c, [[x, y - 1.1 * r], [x + r, y + 0.8 * r], [x - r, y + 0.8 * r]]),
  v: (c, x, y, r) => polygon(c, [[x, y + 1.1 * r], [x + r, y - 0.8 * r], [x - r, y - 0.8 * r]]),
  D: (c, x, y, r) => polygon(c, [[x, y - 1.2 * r], [x + 1.2 * r, y], [x, y + 1.2 * r], [x - 1.2 * r, y]]),
};

function polygon(context, corners) {
  corners.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

// A height in the picture; what has no logarithm is at the bottom.
function inside(pen, top) {
  return Number.isNaN(top) ? pen.height : Math.min(Math.max(top, 0), pen.height);
}

function drawPoints(pen, x, y, color, { marker = "o", radius = 0.26, low, high, isOpen = false } = {}) {
  const context = pen.context;
  stroke(pen, color, false, 0.1);
  context.fillStyle = isOpen ? pen.color("paper") : pen.color(color);
  for (let i = 0; i < x.length; i++) {
    const left = pen.left(x[i]);
    const top = pen.top(y[i]);
    if (low) {
      const ends = [low[i], high[i]].map((value) => inside(pen, pen.top(value)));
      context.beginPath();
      context.moveTo(left, ends[0]);
      context.lineTo(left, ends[1]);
      context.stroke();
    }
    if (!(left >= -1 && left <= pen.width + 1 && top >= -1 && top <= pen.height + 1)) continue;
    context.beginPath();
    MARKERS[marker](context, left, top, radius * pen.em);
    context.fill();
    context.stroke();
  }
}

function drawBand(pen, from, to, color) {
  const ends = [pen.left(from), pen.left(to)].map((left) => Math.min(Math.max(left, 0), pen.width));
  if (ends.some(Number.isNaN)) return;
  pen.context.globalAlpha = 0.18;
  pen.context.fillStyle = pen.color(color);
  pen.context.fillRect(ends[0], 0, ends[1] - ends[0], pen.height);
  pen.context.globalAlpha = 1;
}

// A bar of parts upon each other, each from the top of the one below to its own, or side by side. Heights are written
// above them where they fit.
function drawBar(pen, place, tops, colors, isStacked) {
  const part = isStacked ? 0.6 : 0.8 / tops.length;
  const width = pen.left(part) - pen.left(0);
  let base = pen.height;
  tops.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const left = pen.left(isStacked ? place - part / 2 : place - 0.4 + i * part);
    const top = Math.min(inside(pen, pen.top(value)), base);
    pen.context.fillStyle = pen.color(colors[i]);
    pen.context.fillRect(left, top, width, base - top);
    if (!isStacked || i === tops.length - 1) drawHeight(pen, left + width / 2, top, value, width);
    if (isStacked) base = top;
  });
}

function drawHeight(pen, centre, top, value, room) {
  const { context, em } = pen;
  const text = formatNumber(value, ".3g");
  context.font = `${0.75 * em}px ${pen.family}`;
  if (context.measureText(text).width > room) return;
  context.textAlign = "center";
  context.fillStyle = pen.color("ink");
  context.fillText(text, centre, Math.max(top - 0.2 * em, 0.1 * em));
}

// A light colour for 0 and a dark one for 1, all between them alike in hue.
function shade(part) {
  const p = Math.min(Math.max(part, 0), 1);
  return `hsl(${210 - 10 * p} ${45 + 45 * p}% ${95 - 72 * p}%)`;
}
