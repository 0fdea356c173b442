// Tables of theory: decoding, and values between their nodes (the arithmetic of lemmata/pages/interpolation.py).

const DROPPED_BITS = 3;

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function decodeTables(text) {
  const planes = await inflate(text);
  const count = planes.length / 4;
  const bits = new Uint32Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const step = planes[i] | (planes[count + i] << 8) | (planes[2 * count + i] << 16) | (planes[3 * count + i] << 24);
    sum = (sum + step) >>> 0;
    bits[i] = sum << DROPPED_BITS;
  }
  return new Float32Array(bits.buffer);
}

// Nodes around a place with the weights of Lagrange's polynomial through them.
function nodeWeights(place, nodes, degree) {
  const floor = Math.floor(place);
  if (place === floor) return [[floor, 1]];
  const count = Math.min(degree + 1, nodes);
  const first = Math.min(Math.max(floor - ((count - 1) >> 1), 0), nodes - count);
  return Array.from({ length: count }, (_, i) => {
    let weight = 1;
    for (let j = 0; j < count; j++) if (j !== i) weight *= (place - first - j) / (i - j);
    return [first + i, weight];
  });
}

class Table {
  constructor(description, stored) {
    Object.assign(this, description);
    this.size = this.shape.reduce((a, b) => a * b, 1);
    const length = this.axes.reduce((product, axis) => product * axis.nodes, this.size);
    this.stored = stored.subarray(this.offset, this.offset + length);
  }

  // What is interpolated: the values or their logarithms, made when they are first wanted.
  get smooth() {
    this.logarithms ??= this.isLog ? Float64Array.from(this.stored, Math.log) : this.stored;
    return this.logarithms;
  }

  valuesAt(positions) {
    const places = this.axes.map((axis) => positions[axis.control] / axis.stride);
    const nearest = this.offsetOf(places.map((p, k) => Math.min(Math.floor(p + 0.5), this.axes[k].nodes - 1)));
    if (places.every(Number.isInteger)) return Float64Array.from(this.stored.subarray(nearest, nearest + this.size));
    const total = new Float64Array(this.size);
    const around = places.map((place, k) => nodeWeights(place, this.axes[k].nodes, this.degree));
    this.addCorners(around, 0, 0, 1, total);
    for (let i = 0; i < total.length; i++) {
      if (Number.isNaN(total[i])) total[i] = this.stored[nearest + i];
      else if (this.isLog) total[i] = Math.exp(total[i]);
    }
    return total;
  }

  offsetOf(nodes) {
    return nodes.reduce((offset, node, k) => offset * this.axes[k].nodes + node, 0) * this.size;
  }

  addCorners(around, depth, index, weight, total) {
    if (depth === around.length) {
      const from = index * this.size;
      for (let i = 0; i < this.size; i++) total[i] += weight * this.smooth[from + i];
      return;
    }
    for (const [node, part] of around[depth]) {
      this.addCorners(around, depth + 1, index * this.axes[depth].nodes + node, weight * part, total);
    }
  }
}
