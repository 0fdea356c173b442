// "Draw your guess first": the visitor draws a curve with pointer or keys before theory is shown; the score is their
// mean distance in parts of the picture's height.

const COLUMNS = 65;
const KEY_STEP = 0.02;

class Guess {
  constructor(view, section) {
    const find = (role) => section.querySelector(`[data-guess="${role}"]`);
    Object.assign(this, { view, start: find("start"), reveal: find("reveal"), cancel: find("cancel") });
    Object.assign(this, { panel: find("panel"), pad: find("pad") });
    this.isOpen = false;
    this.heights = null;
    this.start.addEventListener("click", () => this.begin());
    this.reveal.addEventListener("click", () => this.end(true));
    this.cancel.addEventListener("click", () => this.end(false));
    this.pad.addEventListener("pointerdown", (event) => this.press(event));
    this.pad.addEventListener("pointermove", (event) => this.move(event));
    this.pad.addEventListener("keydown", (event) => this.key(event));
  }

  get plot() {
    return this.view.pictures[this.view.demo.guess.picture];
  }

  get label() {
    return this.view.demo.tables[this.view.demo.guess.curve].label;
  }

  begin() {
    this.isOpen = true;
    this.heights = new Float64Array(COLUMNS).fill(0.5);
    this.column = (COLUMNS - 1) / 2;
    this.start.hidden = true;
    this.panel.hidden = false;
    this.pad.hidden = false;
    this.view.show.theory = false;
    this.view.show.set = -1;
    this.view.paint();
    this.pad.focus();
    this.view.say(`Draw the curve “${this.label}” by hand, or with the arrow keys. Then press Reveal.`);
  }

  // The pad lies on what the axes enclose.
  lay() {
    const holder = this.plot.frame.holder.getBoundingClientRect();
    const axes = this.plot.frame.plot.over.getBoundingClientRect();
    const [left, top] = [axes.left - holder.left, axes.top - holder.top];
    const sides = { left, top, width: axes.width, height: axes.height };
    for (const [side, length] of Object.entries(sides)) this.pad.style[side] = `${length}px`;
  }

  end(isRevealed) {
    this.isOpen = false;
    this.start.hidden = false;
    this.panel.hidden = true;
    this.pad.hidden = true;
    this.view.show.theory = true;
    if (isRevealed) {
      const score = this.score();
      this.view.say(
        score === null
          ? "There is no curve here to compare with."
          : `Your guess of “${this.label}” is ${formatNumber(100 * score, ".2g")} % of the picture's height away from theory on average.`,
      );
    } else {
      this.heights = null;
      this.view.say("");
    }
    this.view.paint();
    this.start.focus();
  }

  place(event) {
    const box = this.pad.getBoundingClientRect();
    const clip = (part) => Math.min(Math.max(part, 0), 1);
    const column = Math.round(clip((event.clientX - box.left) / box.width) * (COLUMNS - 1));
    return { column, height: clip(1 - (event.clientY - box.top) / box.height) };
  }

  press(event) {
    event.preventDefault();
    this.pad.setPointerCapture(event.pointerId);
    this.pad.focus();
    this.last = this.place(event);
    this.heights[this.last.column] = this.last.height;
    this.view.paint();
  }

  // Columns between the last place and this one are filled on a straight line.
  move(event) {
    if (!this.pad.hasPointerCapture?.(event.pointerId)) return;
    const now = this.place(event);
    const steps = Math.max(Math.abs(now.column - this.last.column), 1);
    for (let i = 1; i <= steps; i++) {
      const column = Math.round(this.last.column + ((now.column - this.last.column) * i) / steps);
      this.heights[column] = this.last.height + ((now.height - this.last.height) * i) / steps;
    }
    this.last = now;
    this.column = now.column;
    this.view.paint();
  }

  // Left and right choose one of nine places, up and down move the curve there; the curve is straight between them.
  key(event) {
    const step = (COLUMNS - 1) / 8;
    const [along, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (!along && !up) return;
    event.preventDefault();
    const anchor = Math.round(this.column / step) + along;
    this.column = Math.min(Math.max(anchor, 0), 8) * step;
    const height = Math.min(Math.max(this.heights[this.column] + up * KEY_STEP * (event.shiftKey ? 5 : 1), 0), 1);
    this.heights[this.column] = height;
    if (up) {
      for (const side of [-step, step]) {
        const other = this.heights[this.column + side];
        if (other === undefined) continue;
        for (let i = 1; i < step; i++) this.heights[this.column + Math.sign(side) * i] = height + ((other - height) * i) / step;
      }
    }
    const { x, y } = this.plot.picture;
    const place = formatNumber(between(x.low, x.high, this.column / (COLUMNS - 1), x.scale), ".3g");
    this.view.say(`At ${place} your guess is ${formatNumber(between(y.low, y.high, height, y.scale), ".3g")}.`);
    this.view.paint();
  }

  draw() {
    if (!this.heights) return;
    if (this.isOpen) this.lay();
    const { frame } = this.plot;
    const pen = frame.pen();
    const at = (column) => [(column / (COLUMNS - 1)) * pen.width, (1 - this.heights[column]) * pen.height];
    stroke(pen, "guess", true, 0.16);
    pen.context.beginPath();
    for (let column = 0; column < COLUMNS; column++) pen.context.lineTo(...at(column));
    pen.context.stroke();
    if (!this.isOpen) return;
    pen.context.setLineDash([]);
    pen.context.beginPath();
    pen.context.arc(...at(this.column), 0.4 * pen.em, 0, 2 * Math.PI);
    pen.context.stroke();
  }

  // Mean distance of guess and theory where theory is there, theory clipped to the picture.
  score() {
    const { demo } = this.view;
    const { x: across, y: up } = this.plot.picture;
    const { x, y } = coordinates(demo, demo.guess.curve);
    let sum = 0;
    let count = 0;
    x.forEach((value, i) => {
      const part = partOf(across, value);
      const height = y[i] <= 0 && up.scale === "log" ? 0 : partOf(up, y[i]);
      if (Number.isNaN(height) || part < 0 || part > 1) return;
      const column = part * (COLUMNS - 1);
      const floor = Math.min(Math.floor(column), COLUMNS - 2);
      const guess = this.heights[floor] + (column - floor) * (this.heights[floor + 1] - this.heights[floor]);
      sum += Math.abs(guess - Math.min(Math.max(height, 0), 1));
      count += 1;
    });
    return count ? sum / count : null;
  }
}
