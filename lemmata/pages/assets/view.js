// One demonstration on the page: its controls move its state, and the state is painted.

const FALL = 600; // milliseconds in which simulated points appear

class View {
  constructor(demo, section) {
    Object.assign(this, { demo, section });
    this.show = { theory: true, set: -1, part: 1 };
    this.find = (role) => section.querySelector(`[data-role="${role}"]`);
    this.badges = [...section.querySelectorAll("[data-badge]")];
    this.inputs = Object.fromEntries(demo.controls.map((c) => [c.name, this.input(c)]));
    this.pictures = demo.pictures.map((picture, i) => {
      return new PICTURES[picture.kind](demo, picture, section.querySelector(`[data-picture="${i}"]`));
    });
    this.guess = demo.guess ? new Guess(this, section) : null;
    for (const picture of this.pictures) picture.frame.onresize = () => this.paint();
    this.find("draw")?.addEventListener("click", () => this.drop());
    this.find("reset").addEventListener("click", () => this.moveAll(demo.controls.map((c) => [c.name, c.start])));
    this.find("values").addEventListener("toggle", () => this.tabulate());
    this.paint();
  }

  input(control) {
    const found = this.section.querySelector(`[data-control="${control.name}"]`);
    found.addEventListener("input", () => {
      performance.mark("lemmata:input");
      this.moveAll([[control.name, Number(found.value)]]);
      performance.measure("lemmata:repaint", "lemmata:input");
    });
    return found;
  }

  // Controls to new positions, given as pairs of name and position.
  moveAll(pairs) {
    for (const [name, position] of pairs) {
      if (this.demo.dots?.controls.includes(name) && this.demo.positions[name] !== position) this.lift();
      this.demo.positions[name] = position;
    }
    this.paint();
  }

  paint() {
    for (const control of this.demo.controls) this.label(control);
    for (const picture of this.pictures) picture.draw(this.show);
    this.guess?.draw();
    this.badges.forEach((badge, i) => {
      badge.textContent = this.show.theory ? badgeText(this.demo.badges[i], this.demo) : "?";
    });
    if (this.find("values").open) this.tabulate();
  }

  label(control) {
    const input = this.inputs[control.name];
    const position = this.demo.positions[control.name];
    const text = textOf(control, position);
    if (input.value !== String(position)) input.value = position;
    if (control.options) return;
    input.ariaValueText = text;
    input.nextElementSibling.textContent = text;
  }

  tabulate() {
    const holder = this.find("tables");
    const isShown = this.find("values").open && this.show.theory;
    holder.replaceChildren(...(isShown ? valueTables(this.demo, this.show.set) : []));
  }

  // Simulated points go away: they belong to other positions of the controls.
  lift() {
    this.show.set = -1;
    this.say("");
  }

  say(words) {
    this.find("says").textContent = words;
  }

  // Simulated points of the nearest stored setting fall onto the pictures; the controls go there.
  drop() {
    const { demo, show } = this;
    const { controls, draws, stops, seed } = demo.dots;
    const stop = demo.nearestStop();
    const isMoved = controls.some((name, k) => demo.positions[name] !== stops[stop][k]);
    const draw = Math.floor(show.set / draws) === stop ? (show.set + 1) % draws : 0;
    this.moveAll(controls.map((name, k) => [name, stops[stop][k]]));
    show.set = stop * draws + draw;
    this.turn(this.pictures.findIndex(({ picture }) => picture.dots?.length));
    const where = controls.map((name, k) => `${demo.control(name).label} = ${textOf(demo.control(name), stops[stop][k])}`);
    const moved = isMoved ? "Points are stored for a few settings; the controls went to the nearest one. " : "";
    this.say(`${moved}Simulated points, draw ${draw + 1} of ${draws} (seed ${seed + draw}): ${where.join(", ")}.`);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.paint();
    else this.fall(performance.now(), show.set);
  }

  // On a phone the pictures lie side by side: this one comes to the front.
  turn(i) {
    const figure = this.section.querySelector(`[data-picture="${i}"]`).closest("figure");
    const row = figure.parentElement;
    row.scrollTo({ left: figure.offsetLeft - row.firstElementChild.offsetLeft });
  }

  fall(since, set) {
    if (this.show.set !== set) return;
    this.show.part = Math.min((performance.now() - since) / FALL, 1);
    this.paint();
    if (this.show.part < 1) requestAnimationFrame(() => this.fall(since, set));
  }
}

function badgeText(badge, demo) {
  const number = demo.number(badge.value);
  const found = badge.cases.find(([bound]) => bound === null || number <= bound);
  return found && !Number.isNaN(number) ? found[1] : formatNumber(number, badge.digits);
}
