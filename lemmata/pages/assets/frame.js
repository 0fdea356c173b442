// The frame of a picture: axes by uPlot, drawn once, and a canvas over them for everything that moves.

const MARGIN = 10; // pixels around the axes into which markers may reach
const LEFT = 3.6, BOTTOM = 2.1, TOP = 0.8, RIGHT = 1.1; // in the page's font size

function tickText(axis) {
  if (axis.scale === "log") {
    return (u, splits) => splits.map((value) => (isPower(value) ? powerText(value) : ""));
  }
  return (u, splits) => splits.map((value) => (value === null ? "" : general(value, 6)));
}

function isPower(value) {
  const exponent = Math.log10(value);
  return Math.abs(exponent - Math.round(exponent)) < 1e-9;
}

function powerText(value) {
  const exponent = Math.round(Math.log10(value));
  if (exponent >= -2 && exponent <= 3) return general(value, 6);
  return "10" + [...String(exponent)].map((sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign])).join("");
}

// Whole powers of ten that are not too close to each other for their names.
function powerSplits(axis, most) {
  const first = Math.ceil(Math.log10(axis.low) - 1e-9);
  const last = Math.floor(Math.log10(axis.high) + 1e-9);
  const step = Math.max(1, Math.ceil((last - first) / most));
  const splits = [];
  for (let exponent = first; exponent <= last; exponent += step) splits.push(10 ** exponent);
  return splits.length > 1 ? splits : [axis.low, axis.high];
}

// A name in lines of no more letters than fit, broken at spaces.
function wrapped(name, letters) {
  const lines = [""];
  for (const word of name.split(" ")) {
    const last = lines.length - 1;
    const joined = lines[last] ? `${lines[last]} ${word}` : word;
    if (lines[last] && joined.length > letters) lines.push(word);
    else lines[last] = joined;
  }
  return lines.join("\n");
}

class Frame {
  constructor(holder, x, y, isEqual) {
    Object.assign(this, { holder, x, y, isEqual });
    this.canvas = document.createElement("canvas");
    this.canvas.className = "marks";
    this.canvas.setAttribute("aria-hidden", "true");
    this.width = this.height = 0;
    this.onresize = () => {};
    new ResizeObserver(() => this.fit()).observe(holder);
    this.fit();
  }

  // Colours and sizes of the page's style, read once for each frame.
  read() {
    const style = getComputedStyle(document.documentElement);
    const colors = new Map();
    const color = (name) => {
      if (!colors.has(name)) colors.set(name, style.getPropertyValue(`--${name}`).trim());
      return colors.get(name);
    };
    this.look = { color, em: parseFloat(style.fontSize), family: style.fontFamily };
  }

  size() {
    const { em } = this.look;
    const width = Math.max(this.holder.clientWidth, 200);
    const across = width - (LEFT + RIGHT) * em;
    if (this.isEqual) {
      const ratio = (this.y.high - this.y.low) / (this.x.high - this.x.low);
      const used = Math.min(across, (0.75 * window.innerHeight) / ratio);
      return { width: used + (LEFT + RIGHT) * em, height: used * ratio + (BOTTOM + TOP) * em };
    }
    return { width, height: Math.min(Math.max(0.68 * width, 13 * em), Math.max(0.55 * window.innerHeight, 15 * em)) };
  }

  fit() {
    this.read();
    const { width, height } = this.size();
    const key = `${width} ${height} ${devicePixelRatio} ${this.look.color("ink")}`;
    if (key === this.key) return;
    this.key = key;
    this.plot?.destroy();
    this.plot = new uPlot(this.options(width, height), [[this.x.low, this.x.high], [null, null]], this.holder);
    this.plot.root.setAttribute("aria-hidden", "true");
    this.plot.over.append(this.canvas);
  }

  // uPlot has laid out its axes: the canvas gets the size of what they enclose.
  cover(plot) {
    this.width = plot.over.clientWidth;
    this.height = plot.over.clientHeight;
    this.canvas.width = Math.round((this.width + 2 * MARGIN) * devicePixelRatio);
    this.canvas.height = Math.round((this.height + 2 * MARGIN) * devicePixelRatio);
    Object.assign(this.canvas.style, { left: `${-MARGIN}px`, top: `${-MARGIN}px` });
    Object.assign(this.canvas.style, { width: `${this.width + 2 * MARGIN}px`, height: `${this.height + 2 * MARGIN}px` });
    this.onresize();
  }

  options(width, height) {
    const { color, em, family } = this.look;
    const along = (axis, side, size, length) => {
      const most = Math.max(2, Math.floor(length / (3.2 * em)));
      const names = axis.ticks;
      return {
        side,
        size,
        gap: 4,
        font: `${Math.round(0.8 * em)}px ${family}`,
        stroke: color("muted"),
        grid: { stroke: color("grid"), width: 1, show: !names },
        ticks: { stroke: color("grid"), size: 4, show: !names },
        space: 3.2 * em,
        splits: names ? () => names.map((_, i) => i) : axis.scale === "log" ? () => powerSplits(axis, most) : undefined,
        values: names ? () => names.map((name) => wrapped(name, length / names.length / (0.46 * em))) : tickText(axis),
        filter: (u, splits) => splits,
      };
    };
    const scale = (axis) => ({
      time: false,
      auto: false,
      distr: axis.scale === "log" ? 3 : 1,
      range: () => [axis.low, axis.high],
    });
    return {
      width,
      height,
      padding: [TOP * em, RIGHT * em, 0, 0],
      cursor: { show: false },
      legend: { show: false },
      hooks: { draw: [(plot) => this.cover(plot)] },
      scales: { x: scale(this.x), y: scale(this.y) },
      series: [{}, { show: false, scale: "y" }],
      axes: [along(this.x, 2, (this.x.ticks ? BOTTOM + 1.2 : BOTTOM) * em, width - (LEFT + RIGHT) * em), along(this.y, 3, LEFT * em, height)],
    };
  }

  clear() {
    const context = this.canvas.getContext("2d");
    context.resetTransform();
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  // The canvas in CSS pixels, with the places of values.
  pen() {
    const context = this.canvas.getContext("2d");
    const shift = MARGIN * devicePixelRatio;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, shift, shift);
    const { color, em, family } = this.look;
    return {
      context,
      color,
      em,
      family,
      width: this.width,
      height: this.height,
      left: (value) => partOf(this.x, value) * this.width,
      top: (value) => (1 - partOf(this.y, value)) * this.height,
    };
  }
}
