// Small pictures: how waiting went over time, and how waits are distributed.

import { make, makeSvg } from "./dom.js";
import { count, time } from "./units.js";

// A line through `values`, oldest first. `null` where nothing is known.
export function spark(values, label) {
  const [width, height] = [64, 18];
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 0);
  const picture = makeSvg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, class: "spark", role: "img", "aria-label": label,
  });
  if (known.length < 2 || most === 0) {
    picture.append(makeSvg("line", { x1: 1, y1: height - 2, x2: width - 1, y2: height - 2, class: "spark-none" }));
    return picture;
  }
  const x = (index) => 1 + (index * (width - 4)) / (values.length - 1);
  const y = (value) => height - 2 - (value / most) * (height - 5);
  const points = values
    .map((value, index) => (value === null ? null : `${x(index).toFixed(1)},${y(value).toFixed(1)}`))
    .filter((point) => point !== null);
  const [first] = points[0].split(",");
  const last = points[points.length - 1].split(",");
  const area = `${first},${height - 1} ${points.join(" ")} ${last[0]},${height - 1}`;
  picture.append(
    makeSvg("polygon", { points: area, class: "spark-area" }),
    makeSvg("polyline", { points: points.join(" "), class: "spark-line" }),
    makeSvg("circle", { cx: last[0], cy: last[1], r: 1.8, class: "spark-now" }),
  );
  return picture;
}

// Bars for a histogram of times: `buckets` are [upper bound in ns, count],
// ascending. Each bar is a quarter of a factor of ten.
export function histogram(buckets, label) {
  const [width, height] = [320, 64];
  const slot = (ns) => Math.ceil(4 * Math.log10(Math.max(1, ns)) - 1e-9);
  const bars = new Map();
  for (const [upper, number] of buckets) {
    bars.set(slot(upper), (bars.get(slot(upper)) ?? 0) + number);
  }
  const from = Math.floor((Math.min(...bars.keys()) - 1) / 4) * 4;
  const to = Math.max(from + 8, Math.ceil(Math.max(...bars.keys()) / 4) * 4);
  const most = Math.max(...bars.values());
  const step = width / (to - from);
  const picture = makeSvg("svg", {
    viewBox: `0 0 ${width} ${height + 16}`, class: "histogram", role: "img", "aria-label": label,
  });
  for (let mark = from; mark <= to; mark += 4) {
    const x = (mark - from) * step;
    const anchor = mark === from ? "start" : mark === to ? "end" : "middle";
    picture.append(
      makeSvg("line", { x1: x, y1: 0, x2: x, y2: height, class: "histogram-mark" }),
      makeSvg("text", { x, y: height + 12, "text-anchor": anchor }, decade(mark / 4)),
    );
  }
  for (const [bar, number] of bars) {
    const size = Math.max(1.5, (number / most) * (height - 4));
    const box = makeSvg("rect", {
      x: (bar - 1 - from) * step + 0.5, y: height - size, width: Math.max(1, step - 1), height: size,
      rx: 1, class: "histogram-bar",
    });
    const [least, upper] = [10 ** ((bar - 1) / 4), 10 ** (bar / 4)];
    box.append(makeSvg("title", {}, `${time(least)} to ${time(upper)}: ${count(number)}`));
    picture.append(box);
  }
  return picture;
}

function decade(power) {
  const unit = ["ns", "µs", "ms", "s"][Math.min(3, Math.floor(power / 3))];
  return `${10 ** (power - 3 * Math.min(3, Math.floor(power / 3)))} ${unit}`;
}

// A bar that is filled to `part` of `whole`.
export function bar(part, whole, kind = "") {
  const filled = make("span", { className: `bar-filled ${kind}` });
  filled.style.width = `${whole > 0 ? Math.min(100, (100 * part) / whole) : 0}%`;
  return make("span", { className: "bar", "aria-hidden": "true" }, filled);
}
