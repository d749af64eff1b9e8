// The columns of the two tables, with and without a profile to compare with.

import { make } from "./dom.js";
import { change, count, ratio, share, time, unknown } from "./units.js";
import { fill, hueOf } from "./color.js";
import { bar, spark } from "./spark.js";

function figure(id, title, hint, key, unit, narrow = false) {
  const value = (row) => row.now?.[key] ?? null;
  return { id, title, hint, narrow, value, cell: (row) => unit(value(row)) };
}

function lockName() {
  return {
    id: "lock",
    title: "Lock",
    hint: "The class of the lock: all locks that were made with one name",
    text: true,
    value: (row) => row.name.text,
    cell: (row) => make("span", { className: "name" }, row.name.text),
  };
}

// What was waited for a lock against the most of all locks; of it what was blamed.
function balance({ now, most }) {
  const whole = bar(now?.waited_ns ?? 0, most, "waited");
  const blamed = bar(now?.blamed_ns ?? 0, most, "blamed").firstChild;
  whole.append(blamed);
  return whole;
}

// `timed`: whether it is known how waiting went over time.
export function lockColumns(timed) {
  const waited = figure("waited", "Waited", "The time of all waiters together", "waited_ns", time);
  return [
    lockName(),
    {
      ...waited,
      cell: (row) =>
        make("span", { className: "with-bar" }, time(waited.value(row)), balance(row)),
    },
    figure("blamed", "Blamed", "What of it critical sections caused", "blamed_ns", time),
    figure("handoff", "Handoff", "What of it passed while nobody held the lock: waking up, getting a processor", "handoff_ns", time, true),
    figure("contentions", "Contentions", "Critical sections that ended while somebody waited", "contentions", count),
    figure("p50", "p50", "Half of the waits were no longer", "p50_ns", time, true),
    figure("p99", "p99", "99 of 100 waits were no longer", "p99_ns", time),
    figure("longest", "Longest", "The longest wait", "longest_ns", time),
    ...(timed ? [historyColumn()] : []),
  ];
}

function historyColumn() {
  return {
    id: "history",
    title: "Time",
    hint: "Waiting over time, from one profile to the next",
    cell: (row) => spark(row.history, `waiting for ${row.name.text} over time`),
  };
}

// The cells that say how something changed.
function changed(before, after) {
  const kind = after > before * 1.02 ? "grown" : after < before * 0.98 ? "shrunk" : "same";
  return make("span", { className: kind }, ratio(before, after));
}

export function lockColumnsOfDiff() {
  const of = (row, side, key) => row[side]?.[key] ?? null;
  const pair = (id, title, hint, key, unit, side, narrow) => ({
    id, title, hint, narrow,
    value: (row) => of(row, side, key),
    cell: (row) => unit(of(row, side, key)),
  });
  return [
    lockName(),
    pair("before", "Before", "The time of all waiters together, before", "waited_ns", time, "before"),
    pair("after", "After", "The same, after", "waited_ns", time, "now"),
    {
      id: "difference",
      title: "Difference",
      hint: "What was waited more",
      value: (row) => (of(row, "now", "waited_ns") ?? 0) - (of(row, "before", "waited_ns") ?? 0),
      cell: (row) => change(of(row, "before", "waited_ns"), of(row, "now", "waited_ns"), time),
    },
    {
      id: "change",
      title: "Change",
      hint: "By how much",
      value: (row) => (of(row, "now", "waited_ns") ?? 0) / (of(row, "before", "waited_ns") || 1),
      cell: (row) => changed(of(row, "before", "waited_ns") ?? 0, of(row, "now", "waited_ns") ?? 0),
    },
    pair("p99", "p99 before", "99 of 100 waits were no longer, before", "p99_ns", time, "before", true),
    pair("p99-after", "p99 after", "The same, after", "p99_ns", time, "now", true),
  ];
}

// The module of a function as a small mark in its colour.
export function mark(name) {
  const square = make("span", { className: "mark", "aria-hidden": "true" });
  if (name.kind === "function") square.style.background = fill(hueOf(name.module), 1);
  return square;
}

function functionName() {
  return {
    id: "function",
    title: "Function",
    hint: "The function that ended the critical section",
    text: true,
    value: (row) => row.name.text,
    cell: (row) => make("span", { className: "name" }, mark(row.name), named(row.name)),
  };
}

// A path with its last part, which says most, set off; shortened on the left.
export function named(name) {
  const head = name.text.endsWith(name.last) ? name.text.slice(0, name.text.length - name.last.length) : "";
  const last = head === "" ? name.text : name.last;
  return make(
    "span",
    { className: name.kind === "note" ? "path note" : "path" },
    head === "" ? null : make("span", { className: "path-head" }, head),
    make("span", { className: "path-last" }, last),
  );
}

// The same as a heading, which may go on in the next line between two parts.
export function heading(name) {
  const whole = named(name);
  for (const part of whole.children) {
    const pieces = part.textContent.split(/(?<=::)/);
    part.replaceChildren(...pieces.flatMap((piece) => [piece, make("wbr")]));
  }
  return whole;
}

// `unit` reads what the graph is drawn by: time, or contentions.
export function culpritColumns(unit, isCount) {
  return [
    functionName(),
    {
      id: "value",
      title: isCount ? "Contentions" : "Blamed",
      hint: isCount ? "Critical sections it ended while others waited" : "What others waited for critical sections it ended",
      value: (row) => row.value,
      cell: (row) => make("span", { className: "with-bar" }, unit(row.value), bar(row.value, row.all, "blamed")),
    },
    {
      id: "share",
      title: "Share",
      hint: "Its part of all that was waited",
      value: (row) => row.value,
      cell: (row) => share(row.value, row.all),
    },
    ...(isCount
      ? []
      : [
          {
            id: "count",
            title: "Contentions",
            hint: "Critical sections it ended while others waited",
            value: (row) => row.count,
            cell: (row) => count(row.count),
          },
        ]),
    {
      id: "lock",
      title: "Lock",
      hint: "The locks it held",
      text: true,
      narrow: true,
      value: (row) => [...row.locks].join(", "),
      cell: (row) => make("span", { className: "name" }, [...row.locks].slice(0, 3).join(", ") || unknown),
    },
  ];
}

export function culpritColumnsOfDiff(unit) {
  return [
    functionName(),
    { id: "before", title: "Before", hint: "Before", value: (row) => row.before, cell: (row) => unit(row.before) },
    { id: "value", title: "After", hint: "After", value: (row) => row.value, cell: (row) => unit(row.value) },
    {
      id: "difference",
      title: "Difference",
      hint: "What it was blamed for more",
      value: (row) => row.value - row.before,
      cell: (row) => change(row.before, row.value, unit),
    },
    {
      id: "change",
      title: "Change",
      hint: "By how much",
      value: (row) => row.value / (row.before || 1),
      cell: (row) => changed(row.before, row.value),
    },
  ];
}
