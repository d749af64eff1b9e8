// Numbers as people read them: three digits, and the unit that suits them.
// `unknown` stands for what a profile does not say.

export const unknown = "–";

const steps = [
  [1e3, 1, "ns"],
  [1e6, 1e3, "µs"],
  [1e9, 1e6, "ms"],
  [1e15, 1e9, "s"],
  [Infinity, 86400e9, "d"],
];

// A time in nanoseconds.
export function time(ns) {
  if (ns === null || ns === undefined || Number.isNaN(ns)) return unknown;
  if (ns === 0) return "0";
  const sign = ns < 0 ? "−" : "";
  const size = Math.abs(ns);
  // By what it is rounded to: 999.6 µs is 1.00 ms.
  const [, unit, name] = steps.find(([limit]) => Number(size.toPrecision(3)) < limit);
  const whole = name === "ns" || name === "d";
  const digits = whole ? grouped(Math.round(size / unit)) : threeDigits(size / unit);
  return `${sign}${digits} ${name}`;
}

// The same to the microsecond.
export function exact(ns) {
  if (ns === null || ns === undefined || Number.isNaN(ns)) return unknown;
  const [whole, part] = (ns / 1e6).toFixed(3).split(".");
  return `${grouped(whole)}.${part} ms`;
}

function threeDigits(value) {
  if (value >= 99.95) return grouped(Math.round(value));
  return value.toFixed(value >= 9.995 ? 1 : 2);
}

function grouped(whole) {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
}

// A number of things.
export function count(number) {
  if (number === null || number === undefined) return unknown;
  const sign = number < 0 ? "−" : "";
  const size = Math.round(Math.abs(number));
  if (size < 1e7) return sign + grouped(size);
  for (const [unit, name] of [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"]]) {
    if (size >= unit) return `${sign}${threeDigits(size / unit)} ${name}`;
  }
  return unknown;
}

// A part of a whole, in per cent.
export function share(part, whole) {
  if (!(whole > 0)) return unknown;
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.05) return "< 0.1 %";
  return `${percent.toFixed(1)} %`;
}

// How something changed, with its sign.
export function change(before, after, unit) {
  const difference = (after ?? 0) - (before ?? 0);
  return difference > 0 ? `+${unit(difference)}` : unit(difference);
}

// How something changed, as a factor or in per cent: whichever reads better.
export function ratio(before, after) {
  if (!(before > 0)) return after > 0 ? "new" : unknown;
  if (!(after > 0)) return "gone";
  const factor = after / before;
  if (factor >= 2) return `× ${factor >= 100 ? grouped(Math.round(factor)) : factor.toFixed(1)}`;
  const percent = 100 * (factor - 1);
  if (Math.abs(percent) < 0.05) return "0 %";
  return `${percent > 0 ? "+" : "−"}${Math.abs(percent).toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
}

// A moment, in nanoseconds since 1970, as the clock on the wall showed it.
export function clock(unixNs, withDate = false) {
  if (!unixNs) return unknown;
  const date = new Date(unixNs / 1e6);
  if (Number.isNaN(date.getTime())) return unknown;
  const two = (number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const hour = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return withDate ? `${day} ${hour}` : hour;
}
