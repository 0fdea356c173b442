// A demonstration's state: where its controls stand, and its quantities there.

class Demo {
  constructor(description, stored) {
    Object.assign(this, description);
    this.positions = Object.fromEntries(this.controls.map((control) => [control.name, control.start]));
    this.tables = Object.fromEntries(this.quantities.map((item) => [item.name, new Table(item, stored)]));
    this.remembered = new Map();
  }

  control(name) {
    return this.controls.find((control) => control.name === name);
  }

  // Values of a quantity where the controls stand; computed anew only if one of its own controls has moved.
  values(name) {
    const table = this.tables[name];
    const key = table.axes.map((axis) => this.positions[axis.control]).join();
    const last = this.remembered.get(name);
    if (last?.key === key) return last.values;
    const values = table.valuesAt(this.positions);
    this.remembered.set(name, { key, values });
    return values;
  }

  number(name) {
    return this.values(name)[0];
  }

  settings() {
    return Object.fromEntries(this.controls.map((c) => [c.name, valueOf(c, this.positions[c.name])]));
  }

  // The setting with simulated points that is nearest to where the controls stand.
  nearestStop() {
    const distance = (stop) =>
      this.dots.controls.reduce((sum, name, k) => {
        const control = this.control(name);
        const gap = Math.abs(stop[k] - this.positions[name]);
        return sum + (control.options ? (gap ? 100 : 0) : gap / control.steps);
      }, 0);
    const distances = this.dots.stops.map(distance);
    return distances.indexOf(Math.min(...distances));
  }
}
