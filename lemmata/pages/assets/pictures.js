// The three kinds of pictures: plots, bars and heat maps. `show` says what is visible: theory, and how many dots.

class Plot {
  constructor(demo, picture, holder) {
    Object.assign(this, { demo, picture });
    this.frame = new Frame(holder, picture.x, picture.y, picture.equal);
  }

  draw(show) {
    const { demo, picture } = this;
    this.frame.clear();
    const pen = this.frame.pen();
    if (show.theory) this.drawTheory(pen);
    if (show.set >= 0) {
      for (const name of picture.dots) {
        const { marker, color, sets } = demo.dots.items[name];
        const { x, y, low, high } = sets[show.set];
        const count = Math.ceil(show.part * x.length);
        drawPoints(pen, x.slice(0, count), y, color, { marker, low, high, isOpen: true });
      }
    }
  }

  drawTheory(pen) {
    const { demo, picture } = this;
    for (const [from, to] of picture.bands) drawBand(pen, demo.number(from), demo.number(to), demo.tables[from].color);
    for (const name of picture.levels) {
      stroke(pen, demo.tables[name].color, demo.tables[name].dashed);
      drawLine(pen, [picture.x.low, picture.x.high], [demo.number(name), demo.number(name)]);
    }
    for (const name of picture.uprights) {
      stroke(pen, demo.tables[name].color, demo.tables[name].dashed);
      drawLine(pen, [demo.number(name), demo.number(name)], [picture.y.low, picture.y.high]);
    }
    for (const name of [...picture.curves, ...picture.paths]) {
      const { color, dashed, joined, marked } = demo.tables[name];
      const { x, y } = coordinates(demo, name);
      stroke(pen, color, dashed);
      if (joined) drawLine(pen, x, y);
      if (marked) drawPoints(pen, x, y, color);
    }
    for (const name of picture.points) {
      const { curve, at } = demo.tables[name];
      const x = valueOf(demo.control(at), demo.positions[at]);
      drawPoints(pen, [x], [demo.number(name)], demo.tables[curve].color, { radius: 0.42 });
    }
  }
}

// Places of a curve on its own grid, or of a path.
function coordinates(demo, name) {
  const table = demo.tables[name];
  const values = demo.values(name);
  if (table.kind === "curve") {
    table.grid ??= spaced(table.along.low, table.along.high, table.along.points, table.along.scale);
    return { x: table.grid, y: values };
  }
  const length = table.shape[1];
  return { x: values.subarray(0, length), y: values.subarray(length) };
}

class Bars {
  constructor(demo, picture, holder) {
    Object.assign(this, { demo, picture });
    const x = { low: -0.5, high: picture.bars.length - 0.5, scale: "linear", ticks: picture.bars.map((bar) => bar.label) };
    this.frame = new Frame(holder, x, picture.y, false);
  }

  draw(show) {
    this.frame.clear();
    const pen = this.frame.pen();
    if (!show.theory) return;
    this.picture.bars.forEach((bar, place) => {
      const tops = bar.tops.map((name) => this.demo.number(name));
      drawBar(pen, place, tops, this.picture.colors, this.picture.stacked);
    });
  }
}

class Heatmap {
  constructor(demo, picture, holder) {
    Object.assign(this, { demo, picture });
    this.frame = new Frame(holder, picture.x, picture.y, false);
  }

  draw(show) {
    this.frame.clear();
    const pen = this.frame.pen();
    if (!show.theory) return;
    const { table, low, high } = this.picture;
    const [rows, columns] = this.demo.tables[table].shape;
    const values = this.demo.values(table);
    const width = pen.width / columns;
    const height = pen.height / rows;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const value = values[row * columns + column];
        if (Number.isNaN(value)) continue;
        pen.context.fillStyle = shade((value - low) / (high - low));
        pen.context.fillRect(column * width, pen.height - (row + 1) * height, width + 0.6, height + 0.6);
      }
    }
  }
}

const PICTURES = { plot: Plot, bars: Bars, heatmap: Heatmap };
