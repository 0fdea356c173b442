// Numbers as text, and values of controls and axes.

// A number in one of Python's formats g, f, e, d or %, such as ".3g".
function formatNumber(number, spec) {
  if (Number.isNaN(number)) return "none";
  if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
  const [, comma, precision, kind] = /^(,?)(?:\.(\d+))?([gfed%]?)$/.exec(spec);
  const digits = precision === undefined ? 6 : Number(precision);
  if (kind === "%") return (100 * number).toFixed(digits) + "%";
  if (kind === "d") return grouped(String(Math.round(number)), comma);
  if (kind === "f") return grouped(number.toFixed(digits), comma);
  if (kind === "e") return exponential(number.toExponential(digits));
  return general(number, digits || 1);
}

function grouped(text, comma) {
  return comma ? text.replace(/\B(?=(\d{3})+(?!\d))/g, ",") : text;
}

function exponential(text) {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

function general(number, digits) {
  if (number === 0) return "0";
  const [mantissa, exponent] = number.toExponential(digits - 1).split("e");
  const bare = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4 || exponent >= digits) return exponential(bare(mantissa) + "e" + exponent);
  return bare(number.toFixed(Math.max(0, digits - 1 - exponent)));
}

// `points` values from low to high at equal distances on the scale.
function spaced(low, high, points, scale) {
  return Array.from({ length: points }, (_, i) => between(low, high, i / (points - 1), scale));
}

function between(low, high, part, scale) {
  if (part === 0 || part === 1) return part ? high : low;
  return scale === "log" ? low * (high / low) ** part : low + (high - low) * part;
}

// Where a value stands between the ends of an axis, as a part of its length.
function partOf(axis, value) {
  if (axis.scale === "log") return Math.log(value / axis.low) / Math.log(axis.high / axis.low);
  return (value - axis.low) / (axis.high - axis.low);
}

function valueOf(control, position) {
  if (control.options) return control.options[position];
  if (control.stride) return control.low + position * control.stride;
  return between(control.low, control.high, position / control.steps, control.scale);
}

function textOf(control, position) {
  const value = valueOf(control, position);
  return typeof value === "string" ? value : formatNumber(value, control.stride ? "d" : ".3g");
}
