// "Show the values": what the pictures show, as tables for those who read rather than look.

function valueTables(demo, set) {
  const tables = [];
  const numbers = demo.quantities.filter((item) => item.kind === "number" || item.kind === "reading");
  if (numbers.length) {
    tables.push(makeTable("Numbers", ["quantity", "value"], numbers.map((item) => [item.label, demo.number(item.name)])));
  }
  for (const item of demo.quantities) {
    const values = demo.values(item.name);
    if (item.kind === "curve" || item.kind === "path") {
      const { x, y } = coordinates(demo, item.name);
      const heads = item.kind === "curve" ? [item.along.label, item.label] : ["x", "y"];
      tables.push(makeTable(item.label, heads, Array.from(x, (value, i) => [value, y[i]])));
    } else if (item.kind === "table") {
      const [rows, columns] = item.shape;
      const row = (i) => [String(i), ...values.subarray(i * columns, (i + 1) * columns)];
      const heads = ["row", ...Array.from({ length: columns }, (_, i) => String(i))];
      tables.push(makeTable(item.label, heads, Array.from({ length: rows }, (_, i) => row(i))));
    }
  }
  if (set >= 0) {
    for (const { label, sets } of Object.values(demo.dots.items)) {
      const { x, y, low, high } = sets[set];
      const row = (value, i) => (low ? [value, y[i], low[i], high[i]] : [value, y[i]]);
      tables.push(makeTable(`${label} (simulated)`, low ? ["x", "y", "from", "to"] : ["x", "y"], x.map(row)));
    }
  }
  return tables;
}

function makeTable(caption, heads, rows) {
  const table = document.createElement("table");
  table.createCaption().textContent = caption;
  const head = table.createTHead().insertRow();
  for (const text of heads) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const value of row) line.insertCell().textContent = typeof value === "number" ? formatNumber(value, ".6g") : value;
  }
  return table;
}
